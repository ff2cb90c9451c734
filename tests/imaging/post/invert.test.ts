import { describe, expect, it } from 'vitest';
import type { Grid } from '../../../src/imaging/grid.ts';
import { prepareTensor } from '../../../src/imaging/transforms/prepare.ts';
import type { PostStep, PreStep } from '../../../src/imaging/transforms/steps.ts';
import type { Volume } from '../../../src/imaging/volume.ts';
import { elements, type FixtureTensor, parityCases } from '../../support/parity.ts';
import { aVolume } from '../volumes.ts';
import { restored, segmentsOf, unpacked } from './restored.ts';

interface InvertCase {
  readonly name: string;
  readonly grid: Grid;
  readonly image: FixtureTensor;
  readonly steps: readonly PreStep[];
  readonly scores: FixtureTensor;
}

/** The volume of a fixture: its image is [channel][column][row][slice]. */
function volumeOf({ grid, image }: InvertCase): Volume {
  const values = elements(image);
  return aVolume(grid, (column, row, slice) => values[(column * grid.rows + row) * grid.slices + slice]!);
}

function labels(
  one: InvertCase,
  postprocess: readonly PostStep[],
  kind: 'class-scores' | 'region-scores',
): Uint16Array {
  const volume = volumeOf(one);
  const preparation = prepareTensor([volume], one.steps, () => undefined);
  const classes = one.scores.shape[0]!;
  const segments = segmentsOf(kind === 'class-scores' ? [1, 2] : [1, 2, 3]);
  const request = { postprocess, classes, kind, segments };
  return unpacked(restored(volume, preparation, elements(one.scores) as Float32Array, request), volume);
}

/** [slice][row][column] of labels on an array [column][row][slice]. */
function asSlices(tensor: FixtureTensor, { columns, rows, slices }: Grid): Uint16Array {
  const values = elements(tensor);
  return Uint16Array.from({ length: values.length }, (_, i) => {
    const [column, row, slice] = [i % columns, Math.floor(i / columns) % rows, Math.floor(i / (columns * rows))];
    return values[(column * rows + row) * slices + slice]!;
  });
}

interface MonaiCase extends InvertCase {
  readonly linearThenArgmax: FixtureTensor;
  readonly argmaxThenNearest: FixtureTensor;
}

describe('Labels on the stored slices, against Invertd and AsDiscreted of MONAI', () => {
  const cases = parityCases<MonaiCase>('invert-monai.json').map((one) => [one.name, one] as const);

  it.each(cases)('scores interpolated, then argmax: %s', (_, one) => {
    const mine = labels(one, [{ op: 'invert', mode: 'linear' }, { op: 'argmax' }], 'class-scores');
    expect(mine).toEqual(asSlices(one.linearThenArgmax, one.grid));
  });

  it.each(cases)('argmax, then nearest: %s', (_, one) => {
    const mine = labels(one, [{ op: 'argmax' }, { op: 'invert', mode: 'nearest' }], 'class-scores');
    expect(mine).toEqual(asSlices(one.argmaxThenNearest, one.grid));
  });
});

interface NnunetCase extends InvertCase {
  readonly labels: FixtureTensor;
  readonly regionsPainted: { readonly order: readonly number[]; readonly labels: FixtureTensor };
}

describe('Labels on the stored slices, against the export of nnU-Net', () => {
  const cases = parityCases<NnunetCase>('invert-nnunet.json').map((one) => [one.name, one] as const);

  it.each(cases)('logits resampled, then argmax: %s', (_, one) => {
    const steps: readonly PostStep[] = [{ op: 'invert', mode: 'linear' }, { op: 'softmax' }, { op: 'argmax' }];
    expect(labels(one, steps, 'class-scores')).toEqual(asSlices(one.labels, one.grid));
  });

  it.each(cases)('regions painted over each other: %s', (_, one) => {
    const { order, labels: expected } = one.regionsPainted;
    const steps: readonly PostStep[] = [
      { op: 'invert', mode: 'linear' },
      { op: 'sigmoid' },
      { op: 'paint-regions', at: 0.5, order },
    ];
    expect(labels(one, steps, 'region-scores')).toEqual(asSlices(expected, one.grid));
  });
});
