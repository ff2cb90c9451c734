import { posix } from 'node:path';
import type { ModelFile, ModelManifest } from '../model-manifest.ts';
import { channelsOf } from '../slot-checks.ts';
import type { OnnxFacts, OnnxValue } from './onnx-facts.ts';

export interface OnnxFindings {
  /** The package cannot be used. */
  readonly faults: readonly string[];
  /** It can, and somebody should know. */
  readonly warnings: readonly string[];
}

/** Whether the network is what its manifest says it is: names, types, ranks, lengths, weights. */
export function onnxFindings(facts: OnnxFacts, manifest: ModelManifest, file: ModelFile): OnnxFindings {
  return {
    faults: [
      ...inputFaults(facts, manifest),
      ...outputFaults(facts, manifest),
      ...externalFaults(facts, file),
      ...operatorFaults(facts),
      ...explainFaults(facts, manifest),
    ],
    warnings: warningsOf(facts, manifest),
  };
}

/** A fault names the file, and a manifest has the names of tensors at `tensors`. */
function inputFaults({ inputs }: OnnxFacts, manifest: ModelManifest): string[] {
  const { name, type } = manifest.tensors.input;
  const input = inputs.find((one) => one.name === name);
  if (!input) return [`tensors.input.name: it has no input "${name}" (it has ${list(inputs)})`];
  const more = inputs.filter((one) => one !== input);
  return [
    ...(more.length > 0 ? [`it also needs ${list(more)}, which no package can give`] : []),
    ...(input.type === type ? [] : [`tensors.input.type: its input is ${input.type}, not ${type}`]),
    ...shapeFaults(input, manifest),
  ];
}

/** [batch][channel][a][b][c], or [batch][channel][b][c] of a flat network. */
function shapeFaults({ shape }: OnnxValue, manifest: ModelManifest): string[] {
  if (!shape) return [];
  if (shape.length !== 4 && shape.length !== 5) return [`its input has rank ${shape.length}; 4 or 5 is wanted`];
  const [batch, channel, ...space] = shape;
  const channels = channelsOf(manifest);
  const runs = manifest.window?.batch ?? 1;
  const faults: string[] = [];
  if (typeof batch === 'number' && batch !== runs)
    faults.push(`window.batch: it takes ${batch} at once, and not ${runs}`);
  if (typeof channel === 'number' && channel !== channels)
    faults.push(`inputs: it takes ${channel} channels, the slots give ${channels}`);
  const { window } = manifest;
  if (!window) return faults;
  const sides = space.length === 3 ? window.roi : window.roi.filter((length) => length !== 1);
  if (sides.length !== space.length)
    return [...faults, `window.roi ${window.roi.join(' × ')} does not suit an input of ${space.length} dimensions`];
  space.forEach((length, axis) => {
    if (typeof length === 'number' && length !== sides[axis])
      faults.push(`window.roi: it takes ${space.join(' × ')}, and not ${sides.join(' × ')}`);
  });
  return [...new Set(faults)];
}

function outputFaults({ outputs, inputs }: OnnxFacts, manifest: ModelManifest): string[] {
  const { tensors, output } = manifest;
  const wanted =
    output.kind === 'boxes' && tensors.boxes
      ? {
          'tensors.boxes.boxes': tensors.boxes.boxes,
          'tensors.boxes.scores': tensors.boxes.scores,
          'tensors.boxes.labels': tensors.boxes.labels,
        }
      : { 'tensors.output': tensors.output };
  const faults = Object.entries(wanted).flatMap(([at, name]) =>
    outputs.some((one) => one.name === name) ? [] : [`${at}: it has no output "${name}" (it has ${list(outputs)})`],
  );
  const main = outputs.find(({ name }) => name === tensors.output);
  if (faults.length > 0 || output.kind === 'boxes' || !main) return faults;
  if (main.type !== 'float32' && main.type !== 'float16') faults.push(`tensors.output: it is ${main.type}, no scores`);
  if (!main.shape) return faults;
  const rank =
    output.kind === 'classification' ? 2 : inputs.find(({ name }) => name === tensors.input.name)?.shape?.length;
  if (rank !== undefined && main.shape.length !== rank)
    return [...faults, `tensors.output: it has rank ${main.shape.length}, and ${output.kind} need ${rank}`];
  const channel = main.shape[1];
  if (typeof channel === 'number' && channel !== output.classes.length)
    faults.push(`output.classes: it gives ${channel} classes, and ${output.classes.length} are named`);
  return faults;
}

/** Weights that no digest vouches for, or that lie outside the package. */
function externalFaults({ external }: OnnxFacts, file: ModelFile): string[] {
  const declared = new Set((file.external ?? []).map(({ path }) => path));
  const placed = external.map((location) => ({ location, path: posix.join(posix.dirname(file.path), location) }));
  return [
    ...placed.flatMap(({ location, path }) =>
      posix.isAbsolute(location) || path.startsWith('..')
        ? [`its weights lie outside the package, in ${location}`]
        : declared.has(path)
          ? []
          : [`external: its weights lie in ${location}, which is not named`],
    ),
    ...[...declared].flatMap((path) =>
      placed.some((one) => one.path === path) ? [] : [`external: ${path} is named, and it has no weights there`],
    ),
  ];
}

/** Domains that ONNX Runtime knows without a library of somebody's: that would be code. */
const KNOWN_DOMAINS = new Set(['', 'ai.onnx.ml', 'com.microsoft', 'com.microsoft.nchwc']);

function operatorFaults({ operators }: OnnxFacts): string[] {
  const strange = Object.keys(operators).filter(
    (name) => name.includes(':') && !KNOWN_DOMAINS.has(name.slice(0, name.lastIndexOf(':'))),
  );
  return strange.length === 0
    ? []
    : [`it needs operators of its own (${strange.slice(0, 5).join(', ')}): no code is loaded`];
}

function explainFaults({ computed }: OnnxFacts, { explain }: ModelManifest): string[] {
  const tensor = explain?.featureTensor;
  return tensor === undefined || computed.includes(tensor)
    ? []
    : [`explain.featureTensor: nothing computes "${tensor}"`];
}

interface Trouble {
  readonly operator: RegExp;
  readonly providers: readonly string[];
  /** Only where volumes go in. */
  readonly volumes?: true;
  readonly told: string;
}

/** Operators with a history on some engine. */
const TROUBLES: readonly Trouble[] = [
  {
    operator: /^GridSample$/,
    providers: ['tensorrt'],
    volumes: true,
    told: 'GridSample on volumes: TensorRT is known to take the nearest voxel without saying so',
  },
  {
    operator: /^ConvTranspose$/,
    providers: ['cuda'],
    volumes: true,
    told: 'ConvTranspose on volumes is slow on CUDA',
  },
  {
    operator: /^(Loop|Scan|If|NonMaxSuppression|NonZero)$/,
    providers: ['tensorrt'],
    told: 'control flow or results of unknown length: TensorRT hands these parts of the graph to another provider',
  },
  {
    operator: /^(RandomNormal|RandomUniform|Bernoulli|Multinomial)/,
    providers: ['cpu', 'cuda', 'tensorrt', 'kserve'],
    told: 'it draws random numbers: the same images will not give the same result twice',
  },
  {
    operator: /^com\.microsoft:/,
    providers: ['tensorrt', 'kserve'],
    told: 'operators of ONNX Runtime alone: another engine may not have them',
  },
];

function warningsOf({ operators, inputs, opsets }: OnnxFacts, { engine, tensors, window }: ModelManifest): string[] {
  const volumes = inputs.find(({ name }) => name === tensors.input.name)?.shape?.length === 5;
  const names = Object.keys(operators);
  const troubles = TROUBLES.filter(
    ({ operator, providers, volumes: only }) =>
      (!only || volumes) &&
      names.some((name) => operator.test(name)) &&
      engine.providers.some((provider) => providers.includes(provider)),
  );
  const fixed = inputs.find(({ name }) => name === tensors.input.name)?.shape?.slice(2) ?? [];
  return [
    ...troubles.map(({ told }) => told),
    ...(opsets[''] === undefined ? ['it does not say which version of ONNX its operators are of'] : []),
    ...(!window && fixed.some((length) => typeof length === 'number')
      ? [`it takes ${fixed.join(' × ')} voxels and no other, and there is no window: the transforms must give that`]
      : []),
  ];
}

const list = (values: readonly OnnxValue[]): string => values.map(({ name }) => name).join(', ') || 'none';
