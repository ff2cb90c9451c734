import type { Grid } from '../../../src/imaging/grid.ts';
import type { Preparation } from '../../../src/imaging/transforms/preparation.ts';
import { prepareTensor } from '../../../src/imaging/transforms/prepare.ts';
import type { PreStep } from '../../../src/imaging/transforms/steps.ts';
import type { Volume } from '../../../src/imaging/volume.ts';
import { elements, type FixtureTensor } from '../../support/parity.ts';
import { aVolume } from '../volumes.ts';

/** One case of a transform-*.json: an image, steps, and what the original libraries make of it. */
export interface TransformCase {
  readonly name: string;
  readonly grid: Grid;
  readonly image: FixtureTensor;
  readonly steps: readonly PreStep[];
  readonly expected: FixtureTensor;
  /** Array index → LPS. */
  readonly affine?: readonly (readonly number[])[];
}

/** The channels of [channel][column][row][slice] as volumes on one grid. */
export function volumesOf({ grid, image }: Pick<TransformCase, 'grid' | 'image'>): Volume[] {
  const values = elements(image);
  const [channels, columns, rows, slices] = image.shape as [number, number, number, number];
  return Array.from({ length: channels }, (_, channel) =>
    aVolume(grid, (c, r, s) => values[((channel * columns + c) * rows + r) * slices + s]!),
  );
}

/** The tensor as it is written; every place once, or NaN is left. */
export function prepared(
  volumes: readonly Volume[],
  steps: readonly PreStep[],
): Preparation & { readonly tensor: Float32Array } {
  const runs: { values: Float32Array; place: number }[] = [];
  const preparation = prepareTensor(volumes, steps, (values, place) => runs.push({ values: values.slice(), place }));
  const tensor = new Float32Array(
    preparation.channels * preparation.shape.reduce((product, count) => product * count, 1),
  ).fill(Number.NaN);
  for (const { values, place } of runs) tensor.set(values, place);
  return { ...preparation, tensor };
}
