import { VoxgateError } from '../../errors.ts';
import { normalize, numberFor, SMALLEST_DEVIATION, scaleRange, subtractAndDivide } from './point-steps.ts';
import { extremes, meanAndDeviation, percentileOf } from './statistics.ts';
import type { PreStep } from './steps.ts';

type Step<Op extends PreStep['op']> = Extract<PreStep, { op: Op }>;

/** Steps on values that must first have seen them all. */
export type WholeStep = Step<
  'scale-intensity' | 'scale-intensity-range-percentiles' | 'normalize-intensity' | 'z-score'
>;

/**
 * Changes the values of all channels in place. `mask` is the hole-filled non-zero mask where the image was cropped to it.
 *
 * @throws VoxgateError bad-model
 */
export function wholeStep(step: WholeStep, channels: readonly Float32Array[], mask: Uint8Array | undefined): void {
  switch (step.op) {
    case 'scale-intensity':
      eachOrAll(channels, step.channelWise, (group) => scaleToExtremes(group, step.minv, step.maxv));
      break;
    case 'scale-intensity-range-percentiles':
      eachOrAll(channels, step.channelWise, (group) => scalePercentiles(group, step));
      break;
    case 'normalize-intensity':
      normalizeIntensity(step, channels);
      break;
    case 'z-score':
      zScore(step, channels, mask);
      break;
  }
}

function eachOrAll(
  channels: readonly Float32Array[],
  each: boolean,
  change: (group: readonly Float32Array[], channel: number) => void,
): void {
  if (!each) change(channels, 0);
  else for (const [channel, values] of channels.entries()) change([values], channel);
}

/** MONAI's rescale_array: an image of one value is multiplied by `minv`. */
function scaleToExtremes(group: readonly Float32Array[], minv: number, maxv: number): void {
  const [least, greatest] = extremes(group);
  const flat = least === greatest;
  const change = scaleRange(least, greatest, minv, maxv, false);
  for (const values of group) {
    if (!flat) change(values, 0);
    else for (let i = 0; i < values.length; i++) values[i]! *= Math.fround(minv);
  }
}

function scalePercentiles(group: readonly Float32Array[], step: Step<'scale-intensity-range-percentiles'>): void {
  let { bMin, bMax } = step;
  if (step.relative) {
    if (bMin === undefined || bMax === undefined) {
      throw new VoxgateError('bad-model', 'scale-intensity-range-percentiles is relative and lacks bMin or bMax.');
    }
    const width = bMax - bMin;
    [bMin, bMax] = [width * (step.lower / 100) + bMin, width * (step.upper / 100) + bMin];
  }
  const [low, high] = [percentileOf(group, step.lower), percentileOf(group, step.upper)];
  const change = scaleRange(Math.fround(low), Math.fround(high), bMin, bMax, step.clip);
  for (const values of group) change(values, 0);
}

function normalizeIntensity(step: Step<'normalize-intensity'>, channels: readonly Float32Array[]): void {
  const { subtrahend, divisor, nonzero, channelWise } = step;
  eachOrAll(channels, channelWise, (group, channel) => {
    const found = meanAndDeviation(group, { nonzero });
    if (found === undefined) return;
    const less = subtrahend === undefined ? Math.fround(found.mean) : numberFor(subtrahend, channel);
    const by = divisor === undefined ? Math.fround(found.deviation) : numberFor(divisor, channel);
    for (const values of group) normalize(values, less, by || 1, nonzero);
  });
}

function zScore(step: Step<'z-score'>, channels: readonly Float32Array[], mask: Uint8Array | undefined): void {
  if (step.mask && mask === undefined) {
    throw new VoxgateError('bad-model', 'z-score asks for a mask, but no crop-nonzero made one for this array.');
  }
  for (const channel of step.channels ?? channels.keys()) {
    const values = channels[channel];
    if (values === undefined)
      throw new VoxgateError('bad-model', `z-score names channel ${channel}, which is not there.`);
    const within = step.mask ? mask : undefined;
    const found = meanAndDeviation([values], { mask: within });
    if (found === undefined) continue;
    const [less, by] = [Math.fround(found.mean), Math.fround(Math.max(found.deviation, SMALLEST_DEVIATION))];
    if (within === undefined) subtractAndDivide(values, less, by);
    else
      for (let i = 0; i < values.length; i++) {
        if (within[i] !== 0) values[i] = Math.fround(Math.fround(values[i]! - less) / by);
      }
  }
}
