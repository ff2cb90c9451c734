import type { PreStep } from '../imaging/transforms/steps.ts';
import type { ModelManifest } from './model-manifest.ts';
import { channelsOf } from './slot-checks.ts';

/** Whether the numbers of each transform agree with each other and with the channels; faults begin with their JSON path. */
export function transformFaults(manifest: Pick<ModelManifest, 'transforms' | 'inputs'>): string[] {
  const channels = channelsOf(manifest);
  return manifest.transforms.flatMap((step, i) =>
    stepFaults(step, channels).map((fault) => `transforms[${i}] (${step.op}): ${fault}`),
  );
}

function stepFaults(step: PreStep, channels: number): string[] {
  switch (step.op) {
    case 'scale-intensity-range':
      return [
        ...(step.aMin === step.aMax ? ['aMin is aMax'] : []),
        ...rangeFaults(step.bMin, step.bMax),
        ...(step.clip && step.bMin === undefined ? ['clip needs bMin and bMax'] : []),
      ];
    case 'scale-intensity':
      return step.minv >= step.maxv ? ['minv is not below maxv'] : [];
    case 'scale-intensity-range-percentiles':
      return [
        ...(step.lower >= step.upper ? ['lower is not below upper'] : []),
        ...rangeFaults(step.bMin, step.bMax),
        ...(step.relative && step.bMin === undefined ? ['relative needs bMin and bMax'] : []),
      ];
    case 'normalize-intensity':
      return [
        ...listFaults('subtrahend', step.subtrahend, step.channelWise, channels),
        ...listFaults('divisor', step.divisor, step.channelWise, channels),
        ...([step.divisor ?? 1].flat().includes(0) ? ['divisor is 0'] : []),
      ];
    case 'clip':
      if (step.min === undefined && step.max === undefined) return ['neither min nor max is given'];
      return step.min !== undefined && step.max !== undefined && step.min >= step.max ? ['min is not below max'] : [];
    case 'ct-normalization':
      return [
        ...(step.channels.length !== channels ? [`${step.channels.length} channels of ${channels}`] : []),
        ...step.channels.flatMap(({ low, high }, i) => (low >= high ? [`channels[${i}].low is not below high`] : [])),
      ];
    case 'z-score':
      return (step.channels ?? []).flatMap((index) => (index >= channels ? [`channel ${index} of ${channels}`] : []));
    default:
      return [];
  }
}

function rangeFaults(from: number | undefined, to: number | undefined): string[] {
  if ((from === undefined) !== (to === undefined)) return ['bMin and bMax go together'];
  return from !== undefined && from === to ? ['bMin is bMax'] : [];
}

function listFaults(
  name: string,
  value: number | readonly number[] | undefined,
  channelWise: boolean,
  channels: number,
): string[] {
  if (value === undefined || typeof value === 'number') return [];
  if (!channelWise) return [`${name}: one value a channel, and channelWise is false`];
  return value.length === channels ? [] : [`${name} has ${value.length} values for ${channels} channels`];
}
