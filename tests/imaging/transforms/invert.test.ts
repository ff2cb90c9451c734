import { describe, expect, it } from 'vitest';
import type { Taps } from '../../../src/imaging/tent-filter.ts';
import type { Preparation } from '../../../src/imaging/transforms/preparation.ts';
import { elements, type FixtureTensor, farthest, parityCases } from '../../support/parity.ts';
import { prepared, type TransformCase, volumesOf } from './prepared.ts';

type Case = Omit<TransformCase, 'expected'> & { readonly scores: FixtureTensor };
type MonaiCase = Case & {
  readonly [name in 'restoredScores' | 'linearThenArgmax' | 'argmaxThenNearest']: FixtureTensor;
};
type NnunetCase = Case & {
  readonly labels: FixtureTensor;
  readonly regionsPainted: { readonly order: readonly number[]; readonly labels: FixtureTensor };
};

/** [channel][a][b][c] through the maps of the preparation, in the plainest way: [channel][column][row][slice]. */
function restored(values: ArrayLike<number>, preparation: Preparation, taps: 'linear' | 'nearest'): Float32Array {
  const { shape, axes } = preparation;
  const channels = values.length / (shape[0] * shape[1] * shape[2]);
  const along = ([0, 1, 2] as const).map((source) => axes.findIndex((axis) => axis.source === source));
  const counts = along.map((i) => axes[i]!.sourceCount);
  const out = new Float32Array(channels * counts.reduce((product, count) => product * count, 1));
  const stride = [shape[1] * shape[2], shape[2], 1];
  let to = 0;
  for (let channel = 0; channel < channels; channel++) {
    const base = channel * shape[0] * shape[1] * shape[2];
    for (let column = 0; column < counts[0]!; column++) {
      for (let row = 0; row < counts[1]!; row++) {
        for (let slice = 0; slice < counts[2]!; slice++, to++) {
          const place = [column, row, slice];
          for (const [x, wx] of run(axes[along[0]!]![taps], place[0]!)) {
            for (const [y, wy] of run(axes[along[1]!]![taps], place[1]!)) {
              for (const [z, wz] of run(axes[along[2]!]![taps], place[2]!)) {
                const from = base + x * stride[along[0]!]! + y * stride[along[1]!]! + z * stride[along[2]!]!;
                out[to]! += values[from]! * wx * wy * wz;
              }
            }
          }
        }
      }
    }
  }
  return out;
}

function run(taps: Taps, i: number): (readonly [index: number, weight: number])[] {
  return Array.from({ length: taps.count[i]! }, (_, t) => [taps.first[i]! + t, taps.weights[taps.offset[i]! + t]!]);
}

function argmax(scores: ArrayLike<number>, channels: number): Uint8Array {
  const size = scores.length / channels;
  return Uint8Array.from({ length: size }, (_, i) => {
    let best = 0;
    for (let c = 1; c < channels; c++) if (scores[c * size + i]! > scores[best * size + i]!) best = c;
    return best;
  });
}

describe("MONAI's Invertd", () => {
  it.each(parityCases<MonaiCase>('invert-monai.json').map((one) => [one.name, one] as const))('%s', (_, one) => {
    const preparation = prepared(volumesOf(one), one.steps);
    expect([...preparation.shape]).toEqual(one.scores.shape.slice(1));
    const scores = elements(one.scores);
    const linear = restored(scores, preparation, 'linear');
    expect(farthest(linear, elements(one.restoredScores))).toBeLessThan(1e-5);
    expect(farthest(argmax(linear, 3), elements(one.linearThenArgmax))).toBe(0);
    const nearest = restored(argmax(scores, 3), preparation, 'nearest');
    expect(farthest(nearest, elements(one.argmaxThenNearest))).toBe(0);
  });
});

describe("nnU-Net's export", () => {
  it.each(parityCases<NnunetCase>('invert-nnunet.json').map((one) => [one.name, one] as const))('%s', (_, one) => {
    const preparation = prepared(volumesOf(one), one.steps);
    expect([...preparation.shape]).toEqual(one.scores.shape.slice(1));
    const back = restored(elements(one.scores), preparation, 'linear');
    const seen = restored(new Float32Array(elements(one.scores).length / 3).fill(1), preparation, 'nearest');
    const labels = argmax(back, 3).map((label, i) => (seen[i] === 0 ? 0 : label));
    expect(farthest(labels, elements(one.labels))).toBe(0);

    const painted = new Uint8Array(labels.length);
    for (const [channel, label] of one.regionsPainted.order.entries()) {
      for (let i = 0; i < painted.length; i++) {
        // The sigmoid of more than 0 is more than a half.
        if (seen[i] !== 0 && back[channel * painted.length + i]! > 0) painted[i] = label;
      }
    }
    expect(farthest(painted, elements(one.regionsPainted.labels))).toBe(0);
  });
});
