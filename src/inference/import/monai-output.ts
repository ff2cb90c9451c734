import type { PostStep } from '../../imaging/transforms/steps.ts';
import type { OutputMeaning } from '../model-manifest.ts';
import type { GivenCodes } from './codes-file.ts';
import { refused } from './config-value.ts';
import type { BundleMetadata } from './monai-metadata.ts';
import { readPostprocessing } from './monai-postprocessing.ts';
import { keyOf, type TransformReading } from './monai-transforms.ts';

const METADATA = 'configs/metadata.json';

/** What comes out, and the steps from there to labels or masks. */
export function readOutput(
  reading: TransformReading,
  metadata: BundleMetadata,
  networkChannels: number | undefined,
  codes: GivenCodes,
): { output: OutputMeaning; postprocess: readonly PostStep[] } {
  const { graph, notes } = reading;
  const { output } = metadata;
  const place = `network_data_format::outputs::${output.key}`;
  const steps = readPostprocessing(reading, 'postprocessing', keyOf(graph, 'postprocessing', 'pred'));
  const channels = networkChannels ?? output.channels;
  if (channels === undefined) throw refused(METADATA, `${place}::num_channels`, 'is missing');
  if (output.channels !== undefined && output.channels !== channels)
    throw refused(METADATA, `${place}::num_channels`, `is ${output.channels}, the network gives ${channels}`);
  const names = Array.from({ length: channels }, (_, i) => {
    const name = output.channelNames.get(i);
    if (name === undefined) throw refused(METADATA, `${place}::channel_def::${i}`, 'channel has no name');
    return name;
  });
  if (output.shape.length === 2 && isOne(output.shape[0])) {
    const activation = steps.find(({ op }) => op === 'softmax' || op === 'sigmoid')?.op;
    return {
      output: {
        kind: 'classification',
        activation: activation === 'softmax' || activation === 'sigmoid' ? activation : 'none',
        classes: names.map((name, i) => codes.finding(i, name)),
      },
      postprocess: [],
    };
  }
  const argmax = steps.some(({ op }) => op === 'argmax');
  if (!argmax && !steps.some(({ op }) => op === 'threshold'))
    throw graph.refused('postprocessing', 'has neither argmax nor a threshold: how scores become masks is not said');
  const first = plainBackground(names[0] ?? '');
  if (argmax && !first) notes.push(`${METADATA}: class 0 "${names[0]}" is taken as the background`);
  if (!argmax && first) notes.push(`${METADATA}: "${names[0]}" is a region like the others and becomes a segment`);
  return {
    output: { kind: argmax ? 'class-scores' : 'region-scores', classes: names },
    postprocess: withInvert(steps, notes),
  };
}

/** Bundles without Invertd leave the way back to SaveImage, which goes to the grid of the source by nearest. */
function withInvert(steps: readonly PostStep[], notes: string[]): readonly PostStep[] {
  if (steps.some(({ op }) => op === 'invert')) return steps;
  notes.push('postprocessing: there is no Invertd; labels are brought back to the grid of the source by nearest');
  return [...steps, { op: 'invert', mode: 'nearest' }];
}

/** The classes that become segments: all but the background. */
export function segmentClasses(output: OutputMeaning): { class: number; name: string }[] {
  if (output.kind !== 'class-scores' && output.kind !== 'region-scores') return [];
  const all = output.classes.map((name, i) => ({ class: i, name }));
  return output.kind === 'class-scores' ? all.slice(1) : all;
}

function isOne(axis: { readonly length: number } | { readonly multipleOf: number } | undefined): boolean {
  return axis !== undefined && 'length' in axis && axis.length === 1;
}

function plainBackground(name: string): boolean {
  return /background|^bg$|everything else|^other/i.test(name);
}
