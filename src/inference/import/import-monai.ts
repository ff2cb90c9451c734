import type { PreStep } from '../../imaging/transforms/steps.ts';
import type { InputSlot } from '../model-manifest.ts';
import type { OnnxFacts } from '../onnx/onnx-facts.ts';
import type { BundleFiles } from './bundle-files.ts';
import type { GivenCodes } from './codes-file.ts';
import { hasKind } from './config-content.ts';
import { ConfigGraph } from './config-graph.ts';
import { type ConfigMap, refused } from './config-value.ts';
import { fitted, type ImportAnswers, type ImportDraft, idOf } from './draft.ts';
import { inputSlots } from './input-slots.ts';
import { readInferer } from './monai-inferer.ts';
import { type BundleMetadata, readMetadata, type TensorFormat } from './monai-metadata.ts';
import { readOutput, segmentClasses } from './monai-output.ts';
import { readPreprocessing } from './monai-preprocessing.ts';
import { keyOf } from './monai-transforms.ts';
import { matchNetwork, type NetworkFacts } from './network-facts.ts';
import { readConfig } from './read-config.ts';
import { segmentsOf } from './segments-of.ts';

const METADATA = 'configs/metadata.json';
const INFERENCE = ['configs/inference.json', 'configs/inference.yaml', 'configs/inference.yml'];

/** Whether this is a MONAI bundle at all. */
export function isMonaiBundle(files: BundleFiles): boolean {
  return files.names.includes(METADATA);
}

/**
 * A MONAI bundle as a manifest. Only what preprocessing, inferer, postprocessing and network_def reach is looked at, and
 * nothing of it is run (MONAI Bundle Specification; transforms and inferers as of MONAI 1.5).
 * @throws VoxgateError bad-model naming the file, the key and the reason of what cannot be imported
 */
export async function importMonai(
  files: BundleFiles,
  network: OnnxFacts,
  codes: GivenCodes,
  answers: ImportAnswers,
): Promise<ImportDraft> {
  const metadata = readMetadata(await readConfig(files, METADATA));
  const graph = await readGraph(files);
  const notes: string[] = [];
  const inferenceFile = INFERENCE.find((name) => files.names.includes(name)) ?? '';
  const dimensions = dimensionsOf(graph, metadata.input);
  const reading = { graph, dimensions, monaiVersion: metadata.monaiVersion, notes };
  const inferer = readInferer(reading, 'inferer');
  const volume = dimensions === 3 || inferer.planewise;
  const steps = readPreprocessing(
    { ...reading, dimensions: volume ? 3 : 2 },
    'preprocessing',
    keyOf(graph, 'preprocessing', 'image'),
  );
  const transforms = [
    ...oriented(steps, volume, answers.axcodes, (reason) => refused(inferenceFile, 'preprocessing', reason)),
    ...inferer.steps,
  ];
  const slots = slotsOf(metadata, volume, codes, notes);
  const facts: NetworkFacts = {
    channels: slots[0]?.kind === 'colour-image' ? 3 : slots.length,
    dimensions,
    axes: metadata.input.shape,
    ...(inferer.window ? { window: inferer.window } : {}),
  };
  checkChannels(graph, facts.channels);
  const matched = matchNetwork(network, facts, transforms, notes);
  noteRange(transforms, metadata.input, notes);
  const { output, postprocess } = readOutput(reading, metadata, matched.outputChannels, codes);
  const isScores = output.kind === 'class-scores' || output.kind === 'region-scores';
  const name = answers.id ?? idOf(files.name) ?? idOf(metadata.name);
  return {
    notes,
    manifest: {
      schema: 2,
      id: name,
      version: answers.version ?? metadata.version,
      title: fitted(metadata.name, 64, name),
      intendedUse: fitted([metadata.description, metadata.intendedUse].filter(Boolean).join('. '), 1024, 'Not stated.'),
      limitations: 'Imported; not validated on this site. See the bundle for what its authors say of its limits.',
      license: fitted(metadata.copyright, 128, 'not stated in the bundle'),
      authors: metadata.authors.map((author) => fitted(author, 128, 'not stated')),
      usage: 'research',
      algorithm: {
        name: fitted(metadata.name, 64, name),
        family: { value: '123110', scheme: 'DCM', meaning: 'Artificial Intelligence' },
      },
      importedFrom: { format: 'monai-bundle', name: files.name, version: metadata.version },
      inputs: slots,
      gates: [],
      transforms: matched.transforms,
      tensors: matched.tensors,
      ...(matched.window ? { window: matched.window } : {}),
      engine: { providers: ['cpu'], timeoutSeconds: 1800 },
      output,
      postprocess,
      segments: isScores ? segmentsOf(segmentClasses(output), codes) : [],
      measurements: isScores && volume ? ['volume'] : [],
      results: isScores ? (volume ? ['SEG', 'SR'] : ['SEG']) : ['SR'],
      destinationLadder: isScores ? ['SEG-BINARY', 'SR-3D'] : ['SR-3D'],
      plausibility: [],
      nothingFound: fitted(`${metadata.name || name}: nothing was found in this series.`, 1024, 'Nothing was found.'),
    },
  };
}

async function readGraph(files: BundleFiles): Promise<ConfigGraph> {
  const name = INFERENCE.find((candidate) => files.names.includes(candidate));
  if (name === undefined) throw refused(files.name, INFERENCE[0] ?? '', 'is not in the bundle');
  const others = new Map<string, ConfigMap>();
  const root = await readConfig(files, name);
  // Macros may copy from the other configurations of the bundle; they are read only where one does.
  if (/"%[^"]*\.(json|ya?ml)/i.test((await files.read(name)).toString('utf8')))
    for (const other of files.names.filter((one) => /^configs\/[^/]+\.(json|ya?ml)$/i.test(one) && one !== name))
      others.set(other, await readConfig(files, other));
  return new ConfigGraph(name, root, others);
}

/** 2 or 3, by the network's own definition, else by the shape of its input. */
function dimensionsOf(graph: ConfigGraph, input: TensorFormat): 2 | 3 {
  const net = graph.has('network_def') ? graph.get('network_def') : null;
  const given = hasKind(net, 'component') ? net.args.get('spatial_dims') : undefined;
  const dimensions = typeof given === 'number' ? given : input.shape.length;
  if (dimensions === 2 || dimensions === 3) return dimensions;
  throw refused(METADATA, `network_data_format::inputs::${input.key}::spatial_shape`, `${dimensions} axes, not 2 or 3`);
}

/** Which way the axes lie must be known of a volume: from the bundle, or from who imports it. */
function oriented(
  steps: readonly PreStep[],
  volume: boolean,
  axcodes: string | undefined,
  refuse: (reason: string) => Error,
): readonly PreStep[] {
  if (!volume || axcodes === 'stored' || steps.some(({ op }) => op === 'orientation')) return steps;
  if (axcodes === undefined)
    throw refuse(
      'no Orientationd says which way the axes lie, so left could become right. Say how the training images lay with ' +
        '--axcodes, for example --axcodes RAS, or --axcodes stored to take images as they lie',
    );
  return [{ op: 'orientation', axcodes: axcodes.toUpperCase() }, ...steps];
}

function slotsOf(metadata: BundleMetadata, volume: boolean, codes: GivenCodes, notes: string[]): InputSlot[] {
  const { input } = metadata;
  const channels = input.channels ?? 1;
  const named = [...input.channelNames.values()];
  const place = `network_data_format::inputs::${input.key}`;
  const refuse = (reason: string) => refused(METADATA, place, reason);
  const colour = /rgb|colou?r/i.test(input.format) || ['R', 'G', 'B'].every((name) => named.includes(name));
  if (colour) {
    if (channels !== 3 || volume) throw refuse(`a colour image of ${channels} channels is not supported`);
    return inputSlots({ names: ['image'], modalities: [input.modality], kind: 'colour-image' }, codes, refuse);
  }
  if (channels > 1 && new Set(named).size !== channels)
    throw refuse(`channel_def names ${named.length} of ${channels} channels: what the others are is not known`);
  if (input.modality.toUpperCase() !== 'CT' && input.format === 'hounsfield')
    notes.push(`${METADATA}: it calls the values of ${input.modality} Hounsfield units; they are taken as they are`);
  const names = channels === 1 ? [input.key] : named;
  return inputSlots({ names, modalities: [input.modality], kind: volume ? 'volume' : 'image' }, codes, refuse);
}

function checkChannels(graph: ConfigGraph, channels: number): void {
  const net = graph.has('network_def') ? graph.get('network_def') : null;
  const given = hasKind(net, 'component') ? net.args.get('in_channels') : undefined;
  if (typeof given === 'number' && given !== channels)
    throw graph.refused('network_def::in_channels', `is ${given}, metadata.json has ${channels} input channels`);
}

/** The range that metadata.json promises, where the steps plainly make another. */
function noteRange(transforms: readonly PreStep[], input: TensorFormat, notes: string[]): void {
  const [from, to] = input.valueRange;
  const last = transforms.findLast(({ op }) => op.startsWith('scale-intensity') || op === 'normalize-intensity');
  if (from === undefined || to === undefined || input.valueRange.length !== 2 || !last) return;
  const made =
    last.op === 'scale-intensity'
      ? [last.minv, last.maxv]
      : last.op === 'scale-intensity-range' || last.op === 'scale-intensity-range-percentiles'
        ? [last.bMin, last.bMax]
        : [undefined, undefined];
  if (made[0] !== from || made[1] !== to)
    notes.push(
      `${METADATA}: value_range is ${from} to ${to}, preprocessing makes ` +
        `${made[0] === undefined ? 'no fixed range' : `${made[0]} to ${made[1]}`}; preprocessing counts`,
    );
}
