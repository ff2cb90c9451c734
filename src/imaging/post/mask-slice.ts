import type { SliceWindow } from './argmax-slice.ts';
import { DISAGREE, fillCells, type MixedCells, mixedCells, type SlicePlan } from './cells.ts';
import { type Activation, activated, fillLogSums, highest, noNumber, type ScorePlane } from './score-plane.ts';

/** A score belongs to the mask from here on: itself included, or not where `strict`. */
export interface Threshold {
  readonly at: number;
  readonly strict: boolean;
}

/** Fills `states` of the plane: 1 where the score, after the activation, reaches the threshold; [channel][u][v]. */
export function decide(plane: ScorePlane, channels: number, activation: Activation, { at, strict }: Threshold): void {
  const { scores, states, top, logSum } = plane;
  const size = states.length / channels;
  if (activation === 'softmax') {
    highest(scores, channels, top);
    logSum.fill(Number.NaN);
    fillLogSums(
      plane,
      channels,
      Int32Array.from({ length: size }, (_, voxel) => voxel),
      size,
    );
  }
  // The logistic function ascends: scores can be held against where it takes the value of the threshold.
  const logit = activation === 'sigmoid' && at > 0 && at < 1;
  const limit = logit ? Math.log(at / (1 - at)) : at;
  for (let c = 0, i = 0; c < channels; c++) {
    for (let voxel = 0; voxel < size; voxel++, i++) {
      const value = logit ? scores[i]! : activated(plane, activation, c, voxel, size);
      states[i] = value > limit || (!strict && value === limit) ? 1 : 0;
      if (Number.isNaN(value)) throw noNumber(plane.index);
    }
  }
}

/** The mask of one channel on one source slice: scores interpolated at each sample, then held against the threshold. */
export class MaskSlices {
  private readonly size: number;
  private readonly activation: Activation;
  private readonly threshold: Threshold;
  private readonly state: Uint8Array;
  private mixed: { plan: SlicePlan; cells: MixedCells } | undefined;

  constructor(size: number, activation: Activation, threshold: Threshold) {
    this.size = size;
    this.activation = activation;
    this.threshold = threshold;
    this.state = new Uint8Array(size);
  }

  restore(channel: number, { planes, weights }: SliceWindow, plan: SlicePlan, out: Uint8Array): void {
    if (this.mixed?.plan !== plan) this.mixed = { plan, cells: mixedCells(plan) };
    const { cells } = this.mixed;
    const { state, size } = this;
    const beside = weights.reduce((sum, weight) => sum + weight, 0) < 1 - 1e-9;
    for (let i = 0, from = channel * size; i < size; i++, from++) {
      let value = planes[0]!.states[from]!;
      for (let p = 1; p < planes.length; p++) if (planes[p]!.states[from] !== value) value = DISAGREE;
      // What is a mask all around is none where zeros are mixed in.
      state[i] = beside && value === 1 ? DISAGREE : value;
    }
    fillCells(state, plan, true, out, cells);
    for (let m = 0; m < cells.length; m++) this.settle(channel, m, { planes, weights }, plan, cells, out);
  }

  private settle(
    channel: number,
    m: number,
    { planes, weights }: SliceWindow,
    { across, down, acrossStride, downStride }: SlicePlan,
    cells: MixedCells,
    out: Uint8Array,
  ): void {
    const { threshold, activation, size } = this;
    const a = cells.across[m]!;
    const d = cells.down[m]!;
    const columns = across.from[across.cells]!;
    const base = down.first[d]! * downStride + across.first[a]! * acrossStride;
    for (let row = down.from[d]!; row < down.from[d + 1]!; row++) {
      for (let column = across.from[a]!; column < across.from[a + 1]!; column++) {
        let value = 0;
        for (let i = 0; i < down.count[d]!; i++) {
          const downWeight = down.taps.weights[down.taps.offset[row]! + i]!;
          for (let j = 0; j < across.count[a]!; j++) {
            const weight = downWeight * across.taps.weights[across.taps.offset[column]! + j]!;
            if (weight === 0) continue;
            const at = base + i * downStride + j * acrossStride;
            for (let p = 0; p < planes.length; p++) {
              value += weight * weights[p]! * activated(planes[p]!, activation, channel, at, size);
            }
          }
        }
        out[row * columns + column] = value > threshold.at || (!threshold.strict && value === threshold.at) ? 1 : 0;
      }
    }
  }
}
