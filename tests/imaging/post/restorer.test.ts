import { describe, expect, it } from 'vitest';
import type { PostStep } from '../../../src/imaging/transforms/steps.ts';
import { randomNumbers } from '../slices.ts';
import { aGrid, aVolume } from '../volumes.ts';
import { plainRestore } from './plain-restore.ts';
import { restored, segmentsOf, unpacked } from './restored.ts';
import { type AxisWay, aPreparation } from './ways.ts';

/** Scores with patches, noise and some equal values. */
function patchy(channels: number, shape: readonly number[], seed: number): Float32Array {
  const random = randomNumbers(seed);
  const [a, b, c] = shape as [number, number, number];
  const waves = Array.from({ length: channels }, () => Array.from({ length: 4 }, () => random() * 6));
  return Float32Array.from({ length: channels * a * b * c }, (_, i) => {
    const [p, q, r, s] = waves[Math.floor(i / (a * b * c))]! as [number, number, number, number];
    const [x, y, z] = [Math.floor(i / (b * c)) % a, Math.floor(i / c) % b, i % c];
    const wave = Math.sin(p + x * 0.7) + Math.sin(q + y * 0.5) + Math.sin(r + z * 0.9 + s);
    return random() < 0.1 ? Math.round(wave) : wave + 0.4 * (random() - 0.5);
  });
}

const ways: Readonly<Record<string, readonly [AxisWay, AxisWay, AxisWay]>> = {
  'coarser, axes in order': [
    { source: 0, count: 9, start: 0.4, step: 1.9 },
    { source: 1, count: 8, start: 0.1, step: 1.6 },
    { source: 2, count: 5, start: 0, step: 2.5 },
  ],
  'finer, slices first and backwards': [
    { source: 2, count: 20, start: 11.2, step: -0.6 },
    { source: 0, count: 22, start: -0.3, step: 0.8 },
    { source: 1, count: 14, start: 13, step: -0.95 },
  ],
  'a crop, rows first, slices in the middle': [
    { source: 1, count: 5, start: 4, step: 1.2, beyond: 'nothing' },
    { source: 2, count: 6, start: 2, step: 1, beyond: 'nothing' },
    { source: 0, count: 7, start: 14, step: -1.3, beyond: 'nothing' },
  ],
  'a crop with zeros mixed in beside it': [
    { source: 0, count: 6, start: 3, step: 1.4, beyond: 'zeros' },
    { source: 1, count: 6, start: 2, step: 1.1, beyond: 'zeros' },
    { source: 2, count: 5, start: 2.5, step: 1.5, beyond: 'zeros' },
  ],
};

const volume = aVolume(aGrid({ columns: 17, rows: 13, slices: 12 }), () => 0);

describe('Scores interpolated back, then decided on, come out as by the plain way', () => {
  const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

  it.each(Object.entries(ways))('argmax of scores: %s', (_, way) => {
    const preparation = aPreparation(volume.grid, way);
    const scores = patchy(7, preparation.shape, 3);
    const voxels = scores.length / 7;
    const plain = plainRestore((c, i) => scores[c * voxels + i]!, 7, preparation);
    const segments = segmentsOf([1, 2, 3, 4, 5, 6]);
    const steps: readonly PostStep[] = [{ op: 'invert', mode: 'linear' }, { op: 'argmax' }];
    const packed = restored(volume, preparation, scores, {
      postprocess: steps,
      classes: 7,
      kind: 'class-scores',
      segments,
    });
    expect(unpacked(packed, volume)).toEqual(argmax(plain, 7));
  });

  it.each(Object.entries(ways))('argmax of probabilities: %s', (_, way) => {
    const preparation = aPreparation(volume.grid, way);
    const scores = patchy(6, preparation.shape, 4);
    const voxels = scores.length / 6;
    const sums = Array.from({ length: voxels }, (_unused, i) =>
      [0, 1, 2, 3, 4, 5].reduce((sum, c) => sum + Math.exp(scores[c * voxels + i]!), 0),
    );
    const plain = plainRestore((c, i) => Math.exp(scores[c * voxels + i]!) / sums[i]!, 6, preparation);
    const steps: readonly PostStep[] = [{ op: 'softmax' }, { op: 'invert', mode: 'linear' }, { op: 'argmax' }];
    const segments = segmentsOf([1, 2, 3, 4, 5]);
    const packed = restored(volume, preparation, scores, {
      postprocess: steps,
      classes: 6,
      kind: 'class-scores',
      segments,
    });
    expect(unpacked(packed, volume)).toEqual(argmax(plain, 6));
  });

  it.each(Object.entries(ways))('masks of sigmoid probabilities, overlapping: %s', (_, way) => {
    const preparation = aPreparation(volume.grid, way);
    const scores = patchy(9, preparation.shape, 5);
    const voxels = scores.length / 9;
    const plain = plainRestore((c, i) => sigmoid(scores[c * voxels + i]!), 9, preparation);
    const steps: readonly PostStep[] = [
      { op: 'sigmoid' },
      { op: 'invert', mode: 'linear' },
      { op: 'threshold', at: 0.5, strict: false },
    ];
    const segments = segmentsOf([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    const packed = restored(volume, preparation, scores, {
      postprocess: steps,
      classes: 9,
      kind: 'region-scores',
      segments,
    });
    const size = plain.length / 9;
    const expected = Uint16Array.from({ length: size }, (_unused, i) =>
      segments.reduce((bits, { number, class: c }) => bits + (plain[c * size + i]! >= 0.5 ? 2 ** number : 0), 0),
    );
    expect(unpacked(packed, volume, true)).toEqual(expected);
  });
});

/** Segment numbers of the highest class, the lower one where equal; class c is segment c. */
function argmax(values: Float64Array, channels: number): Uint16Array {
  const size = values.length / channels;
  return Uint16Array.from({ length: size }, (_, i) => {
    let best = 0;
    for (let c = 1; c < channels; c++) if (values[c * size + i]! > values[best * size + i]!) best = c;
    return best;
  });
}
