import { VoxgateError } from '../../errors.ts';

/** The scores of all channels in one plane of the array across the slab axis, and what was found out about them. */
export interface ScorePlane {
  index: number;
  /** [channel][u][v] */
  readonly scores: Float32Array;
  /** Class of the highest score, the lower one where equal; or, for masks, [channel][u][v] of 0 and 1. */
  readonly states: Uint8Array;
  /** The highest score. */
  readonly top: Float32Array;
  /** Logarithm of the sum of the exponentials of the scores, where it was asked for; NaN elsewhere. */
  readonly logSum: Float64Array;
}

/** What is done to a score before it is interpolated. */
export type Activation = 'none' | 'sigmoid' | 'softmax';

/** Voxels worked on at a time: their best scores stay in the nearest cache while the channels pass. */
const RUN = 4096;

export function scorePlane(channels: number, size: number, masks: boolean, softmax: boolean): ScorePlane {
  return {
    index: -1,
    scores: new Float32Array(channels * size),
    states: new Uint8Array(masks ? channels * size : size),
    top: new Float32Array(masks && !softmax ? 0 : size),
    logSum: new Float64Array(softmax ? size : 0),
  };
}

/**
 * Fills `states` with the class of the highest score and `top` with that score.
 *
 * @throws VoxgateError inference-failed where a voxel has no finite best score
 */
export function vote({ scores, states, top, index }: ScorePlane, channels: number): void {
  const size = states.length;
  highest(scores, channels, top, states);
  for (let i = 0; i < size; i++) if (!Number.isFinite(top[i]!)) throw noNumber(index);
}

export const noNumber = (plane: number): VoxgateError =>
  new VoxgateError('inference-failed', `The network gave a score that is no number, in plane ${plane}.`);

/** The highest score of each voxel and, where wanted, the class that has it. */
export function highest(scores: Float32Array, channels: number, top: Float32Array, states?: Uint8Array): void {
  const size = top.length;
  states?.fill(0);
  for (let start = 0; start < size; start += RUN) {
    const end = Math.min(start + RUN, size);
    for (let i = start; i < end; i++) top[i] = scores[i]!;
    for (let c = 1; c < channels; c++) {
      const base = c * size;
      if (states === undefined) {
        for (let i = start; i < end; i++) if (scores[base + i]! > top[i]!) top[i] = scores[base + i]!;
      } else {
        for (let i = start; i < end; i++) {
          const value = scores[base + i]!;
          if (value > top[i]!) {
            top[i] = value;
            states[i] = c;
          }
        }
      }
    }
  }
}

/** Fills `logSum` at those of `voxels` (the first `count`) where it is not known yet. */
export function fillLogSums(plane: ScorePlane, channels: number, voxels: Int32Array, count: number): void {
  const { scores, logSum, top } = plane;
  const size = top.length;
  let unknown = 0;
  for (let i = 0; i < count; i++) {
    const voxel = voxels[i]!;
    if (!Number.isNaN(logSum[voxel]!)) continue;
    logSum[voxel] = 0;
    voxels[unknown++] = voxel;
  }
  for (let c = 0; c < channels; c++) {
    const base = c * size;
    for (let i = 0; i < unknown; i++) {
      const voxel = voxels[i]!;
      const below = scores[base + voxel]! - top[voxel]!;
      // The exponential of anything lower is lost in a 32-bit float that holds at least 1.
      if (below > -30) logSum[voxel]! += Math.exp(below);
    }
  }
  for (let i = 0; i < unknown; i++) {
    const voxel = voxels[i]!;
    logSum[voxel] = Math.log(logSum[voxel]!) + top[voxel]!;
  }
}

/** The score of a channel in a voxel of a plane, after the activation. */
export function activated(
  plane: ScorePlane,
  activation: Activation,
  channel: number,
  voxel: number,
  size: number,
): number {
  const score = plane.scores[channel * size + voxel]!;
  switch (activation) {
    case 'none':
      return score;
    case 'sigmoid':
      return 1 / (1 + Math.exp(-score));
    case 'softmax':
      return Math.exp(score - plane.logSum[voxel]!);
  }
}

/**
 * What a score (of softmax: less the logarithm of the sum) has to reach to come up to `least` after the activation; a
 * little lower, for a sum of products may round below its greatest factor.
 */
export function limitFor(activation: Activation, least: number): number {
  const lower = least - 1e-9 * Math.abs(least);
  switch (activation) {
    case 'none':
      return lower;
    case 'sigmoid':
      return lower < 1 ? Math.log(lower / (1 - lower)) : Number.NEGATIVE_INFINITY;
    case 'softmax':
      return Math.log(lower);
  }
}
