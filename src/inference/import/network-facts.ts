import type { PreStep } from '../../imaging/transforms/steps.ts';
import type { ModelManifest, WindowSpec } from '../model-manifest.ts';
import type { OnnxFacts, OnnxValue } from '../onnx/onnx-facts.ts';
import { refused } from './config-value.ts';
import type { Axis } from './monai-metadata.ts';

/** What the bundle says the network is. */
export interface NetworkFacts {
  readonly channels: number;
  readonly dimensions: 2 | 3;
  /** What each axis of its input must be. */
  readonly axes: readonly (Axis | undefined)[];
  readonly window?: WindowSpec;
}

export interface MatchedNetwork {
  readonly tensors: ModelManifest['tensors'];
  readonly transforms: readonly PreStep[];
  readonly window?: WindowSpec;
  /** Where the graph fixes it. */
  readonly outputChannels: number | undefined;
}

const FILE = 'the ONNX file';
const LARGEST_BATCH = 64;

/**
 * Holds the exported network against what the bundle says of it: channels, axes, window, batch.
 * @throws VoxgateError bad-model where the two are not the same network
 */
export function matchNetwork(
  network: OnnxFacts,
  facts: NetworkFacts,
  transforms: readonly PreStep[],
  notes: string[],
): MatchedNetwork {
  const [input] = network.inputs;
  const [output] = network.outputs;
  if (!input || network.inputs.length !== 1)
    throw refused(FILE, 'inputs', `it takes ${network.inputs.length} tensors, not one: ${namesOf(network.inputs)}`);
  if (!output) throw refused(FILE, 'outputs', 'it gives nothing');
  const type = input.type === 'float32' || input.type === 'float16' ? input.type : undefined;
  if (type === undefined) throw refused(FILE, input.name, `takes ${input.type}, neither float32 nor float16`);
  if (input.shape && input.shape.length !== facts.dimensions + 2)
    throw refused(FILE, input.name, `has ${input.shape.length} axes, the bundle's network ${facts.dimensions + 2}`);
  const channels = fixed(input, 1);
  if (channels !== undefined && channels !== facts.channels)
    throw refused(FILE, input.name, `takes ${channels} channels, the bundle gives ${facts.channels}`);
  if (network.outputs.length > 1) notes.push(`the network gives ${namesOf(network.outputs)}; the first one counts`);
  checkMultiples(facts);
  const window = facts.window && matchedWindow(facts.window, input, notes);
  return {
    tensors: { input: { name: input.name, type }, output: output.name },
    transforms: window ? transforms : wholeImage(facts, input, transforms, notes),
    ...(window ? { window } : {}),
    outputChannels: fixed(output, 1),
  };
}

function checkMultiples({ window, axes }: NetworkFacts): void {
  const edges = window?.roi.filter((edge) => edge !== 1) ?? [];
  edges.forEach((edge, i) => {
    const axis = axes[i];
    if (axis && 'multipleOf' in axis && edge % axis.multipleOf !== 0)
      throw refused(
        'configs/metadata.json',
        'spatial_shape',
        `the window of ${edge} is no multiple of ${axis.multipleOf}`,
      );
  });
}

function matchedWindow(window: WindowSpec, input: OnnxValue, notes: string[]): WindowSpec {
  const edges = input.shape?.length === 4 ? window.roi.filter((edge) => edge !== 1) : window.roi;
  if (edges.some((edge, i) => (fixed(input, i + 2) ?? edge) !== edge))
    throw refused(
      FILE,
      input.name,
      `is fixed to ${input.shape?.slice(2).join(' × ')} voxels, the window is ${edges.join(' × ')}`,
    );
  const batch = Math.min(fixed(input, 0) ?? window.batch, LARGEST_BATCH);
  if (batch !== window.batch) notes.push(`windows run ${batch} at a time, not ${window.batch}: the export fixes it`);
  return { ...window, batch };
}

/** Without a window the steps must make the size; multiples that nothing sees to are padded to. */
function wholeImage(
  { axes, dimensions }: NetworkFacts,
  input: OnnxValue,
  transforms: readonly PreStep[],
  notes: string[],
): readonly PreStep[] {
  const wanted = Array.from({ length: dimensions }, (_, i) => {
    const axis = axes[i];
    return fixed(input, i + 2) ?? (axis && 'length' in axis ? axis.length : undefined);
  });
  const sized = transforms.findLast(({ op }) => op === 'resize' || op === 'pad' || op === 'center-crop');
  const made = sized && 'size' in sized ? sized.size : undefined;
  if (wanted.some((length, i) => length !== undefined && made?.[i] !== length))
    notes.push(
      `the network was made for ${wanted.map((length) => length ?? 'any').join(' × ')}, and preprocessing does not ` +
        'bring every image to that size',
    );
  const multiples = Array.from({ length: dimensions }, (_, i) => {
    const axis = axes[i];
    return axis && 'multipleOf' in axis ? axis.multipleOf : 1;
  });
  if (multiples.every((k) => k === 1) || transforms.some(({ op }) => op === 'pad-divisible')) return transforms;
  notes.push(`images are padded with 0 to multiples of ${multiples.join(' × ')}, which the network needs`);
  const [a = 1, b = 1, c = 1] = multiples;
  return [...transforms, { op: 'pad-divisible', k: [a, b, c], where: 'symmetric', value: 0 }];
}

/** The length of an axis where the graph fixes it. */
function fixed(value: OnnxValue, axis: number): number | undefined {
  const length = value.shape?.[axis];
  return typeof length === 'number' && length > 0 ? length : undefined;
}

function namesOf(values: readonly OnnxValue[]): string {
  return values.map(({ name }) => name).join(', ');
}
