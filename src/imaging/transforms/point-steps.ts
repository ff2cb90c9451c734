import { VoxgateError } from '../../errors.ts';
import type { PreStep } from './steps.ts';

/** Changes values of one channel in place; what it does to one value depends on nothing else. */
export type PointStep = (values: Float32Array, channel: number) => void;

const f = Math.fround;

/**
 * Steps that look at one value at a time: they are done while slices pass. Each operation is rounded to a 32-bit float, as
 * MONAI's tensors are. Undefined where the step is not of that kind, or must first see all values.
 */
export function pointStep(step: PreStep): PointStep | undefined {
  switch (step.op) {
    case 'scale-intensity-range':
      return scaleRange(step.aMin, step.aMax, step.bMin, step.bMax, step.clip);
    case 'scale-intensity-factor': {
      const factor = f(1 + step.factor);
      return (values) => {
        for (let i = 0; i < values.length; i++) values[i]! *= factor;
      };
    }
    case 'threshold-intensity': {
      const { above, cval } = step;
      const threshold = f(step.threshold);
      return (values) => {
        for (let i = 0; i < values.length; i++) {
          if (above ? !(values[i]! > threshold) : !(values[i]! < threshold)) values[i] = cval;
        }
      };
    }
    case 'clip':
      return (values) => clip(values, step.min, step.max);
    case 'ct-normalization':
      return (values, channel) => {
        const given = step.channels[channel];
        if (given === undefined)
          throw new VoxgateError('bad-model', `ct-normalization has no numbers for channel ${channel}.`);
        clip(values, given.low, given.high);
        subtractAndDivide(values, given.mean, Math.max(given.std, SMALLEST_DEVIATION));
      };
    case 'normalize-intensity':
      return step.subtrahend !== undefined && step.divisor !== undefined
        ? (values, channel) => {
            const divisor = numberFor(step.divisor!, channel) || 1;
            normalize(values, numberFor(step.subtrahend!, channel), divisor, step.nonzero);
          }
        : undefined;
    default:
      return undefined;
  }
}

/** nnU-Net's epsilon under a standard deviation. */
export const SMALLEST_DEVIATION = 1e-8;

export function scaleRange(
  aMin: number,
  aMax: number,
  bMin: number | undefined,
  bMax: number | undefined,
  clipped: boolean,
): PointStep {
  const [low, width] = [f(aMin), f(aMax - aMin)];
  if (aMax - aMin === 0) {
    // MONAI only moves the values then, and does not clip them.
    const base = f(bMin ?? 0);
    return (values) => {
      for (let i = 0; i < values.length; i++) values[i] = f(values[i]! - low) + base;
    };
  }
  const target = bMin !== undefined && bMax !== undefined ? { min: f(bMin), width: f(bMax - bMin) } : undefined;
  return (values) => {
    if (target) {
      for (let i = 0; i < values.length; i++) {
        values[i] = f(f(f(f(values[i]! - low) / width) * target.width) + target.min);
      }
    } else subtractAndDivide(values, low, width);
    if (clipped) clip(values, bMin, bMax);
  };
}

export function clip(values: Float32Array, min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY): void {
  const [low, high] = [f(min), f(max)];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < low) values[i] = low;
    else if (value > high) values[i] = high;
  }
}

export function subtractAndDivide(values: Float32Array, subtrahend: number, divisor: number): void {
  const [less, by] = [f(subtrahend), f(divisor)];
  for (let i = 0; i < values.length; i++) values[i] = f(f(values[i]! - less) / by);
}

export function normalize(values: Float32Array, subtrahend: number, divisor: number, nonzero: boolean): void {
  const [less, by] = [f(subtrahend), f(divisor)];
  if (!nonzero) subtractAndDivide(values, subtrahend, divisor);
  else for (let i = 0; i < values.length; i++) if (values[i] !== 0) values[i] = f(f(values[i]! - less) / by);
}

export function numberFor(given: number | readonly number[], channel: number): number {
  if (typeof given === 'number') return given;
  const value = given[channel];
  if (value === undefined)
    throw new VoxgateError('bad-model', `normalize-intensity has no number for channel ${channel}.`);
  return value;
}
