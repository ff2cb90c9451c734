import { describe, expect, it } from 'vitest';
import { type Grid, positionOf, type Vec3 } from '../../../src/imaging/grid.ts';
import type { Preparation } from '../../../src/imaging/transforms/preparation.ts';
import type { PreStep, Triple } from '../../../src/imaging/transforms/steps.ts';
import type { Volume } from '../../../src/imaging/volume.ts';
import { axisAlignedOrientations, type Orientation, obliqueOrientations, randomNumbers } from '../slices.ts';
import { aGrid, aVolume } from '../volumes.ts';
import { prepared } from './prepared.ts';

/** Three volumes on one grid whose values are the place of each voxel in the patient: x, y and z, in micrometres. */
const wherePixelsAre = (grid: Grid): Volume[] =>
  ([0, 1, 2] as const).map((axis) => aVolume(grid, (c, r, s) => Math.round(positionOf(grid, c, r, s)[axis] * 1000)));

function placeOf({ affine }: Preparation, [a, b, c]: Triple): Vec3 {
  const along = (i: 0 | 1 | 2): number => affine[i][0] * a + affine[i][1] * b + affine[i][2] * c + affine[i][3];
  return [along(0), along(1), along(2)];
}

/** Every voxel that is made of measured ones only must hold the place that the affine gives it. */
function farthestFromItsPlace(grid: Grid, steps: readonly PreStep[]): number {
  const result = prepared(wherePixelsAre(grid), steps);
  const [na, nb, nc] = result.shape;
  const size = na * nb * nc;
  let most = 0;
  let measured = 0;
  for (let a = 0, i = 0; a < na; a++) {
    for (let b = 0; b < nb; b++) {
      for (let c = 0; c < nc; c++, i++) {
        const expected = placeOf(result, [a, b, c]);
        if (!isWithin(grid, expected)) continue;
        measured++;
        for (const axis of [0, 1, 2] as const) {
          const distance = Math.abs(result.tensor[axis * size + i]! / 1000 - expected[axis]);
          if (!(distance <= most)) most = distance;
        }
      }
    }
  }
  return measured > 0 ? most : Number.POSITIVE_INFINITY;
}

function isWithin(grid: Grid, place: Vec3): boolean {
  const away = place.map((value, i) => value - grid.origin[i]!);
  const index = (direction: Vec3, spacing: number): number =>
    (away[0]! * direction[0] + away[1]! * direction[1] + away[2]! * direction[2]) / spacing;
  return (
    between(index(grid.rowDirection, grid.columnSpacing), grid.columns) &&
    between(index(grid.columnDirection, grid.rowSpacing), grid.rows) &&
    between(index(grid.normal, grid.sliceSpacing), grid.slices)
  );
}

const between = (index: number, count: number): boolean => index >= -1e-9 && index <= count - 1 + 1e-9;

const AXCODES = (['LR', 'PA', 'IS'] as const).flatMap((x, i, all) =>
  all.flatMap((y, j) =>
    all.flatMap((z, k) =>
      new Set([i, j, k]).size < 3 ? [] : [...x].flatMap((p) => [...y].flatMap((q) => [...z].map((r) => p + q + r))),
    ),
  ),
);

const SHAPE = { columns: 5, rows: 4, slices: 3 };

describe('A voxel of the tensor', () => {
  it('keeps its value and its place in the patient: all orientations of a source, all 48 that can be asked for', () => {
    expect(new Set(AXCODES).size).toBe(48);
    for (const orientation of axisAlignedOrientations()) {
      for (const axcodes of AXCODES) {
        const distance = farthestFromItsPlace(aGrid(SHAPE, orientation), [{ op: 'orientation', axcodes }]);
        expect(distance).toBeLessThan(1e-3);
      }
    }
  });

  it('ascends towards the sides that were asked for', () => {
    for (const orientation of [...axisAlignedOrientations(), ...obliqueOrientations(40)]) {
      for (const axcodes of ['RAS', 'LPS', 'SPL', 'AIR']) {
        const { affine } = prepared([aVolume(aGrid(SHAPE, orientation), () => 0)], [{ op: 'orientation', axcodes }]);
        const signs = [...axcodes].map((letter, array) => {
          const axis = 'LRPASI'.indexOf(letter) >> 1;
          return affine[axis]![array]! * ('LPS'.includes(letter) ? 1 : -1);
        });
        // The axes are the nearest ones, so their cosines are not small.
        for (const sign of signs) expect(sign).toBeGreaterThan(0);
      }
    }
  });

  /*
   * The tent of `cover` averages when it makes voxels coarser, which keeps a slope but for the border: so it is asked for
   * finer ones here. 0.001 mm is the rounding of the stored values.
   */
  it('lies where the affine says after any resampling, however the source lies', () => {
    const random = randomNumbers(3);
    const orientations: Orientation[] = [...axisAlignedOrientations(), ...obliqueOrientations(60)];
    for (const [i, orientation] of orientations.entries()) {
      const grid: Grid = {
        ...aGrid({ columns: 6 + (i % 3), rows: 5, slices: 4 + (i % 2) }, orientation, [random() * 200, -50, 33]),
        columnSpacing: 0.4 + random(),
        rowSpacing: 0.4 + random(),
        sliceSpacing: 0.8 + 3 * random(),
      };
      const pixdim: Triple = [0.3 + random(), 0.3 + random(), 0.3 + random()];
      const axcodes = AXCODES[i % 48]!;
      const fine: Triple = [0.31, 0.37, 0.29];
      const all: PreStep[][] = [
        [
          { op: 'orientation', axcodes },
          { op: 'spacing', pixdim, rule: 'monai', mode: 'linear' },
        ],
        [
          { op: 'orientation', axcodes },
          { op: 'spacing', pixdim: fine, rule: 'cover', mode: 'linear' },
        ],
        [
          { op: 'transpose', axes: [2, 1, 0] },
          { op: 'spacing', pixdim, rule: 'nnunet', mode: 'linear' },
        ],
        [
          { op: 'orientation', axcodes },
          { op: 'resize', size: [7, 9, 5], mode: 'linear' },
        ],
        [
          { op: 'orientation', axcodes },
          { op: 'resize', size: [7, 3, 5], mode: 'linear', alignCorners: true },
        ],
        [
          { op: 'orientation', axcodes },
          { op: 'spacing', pixdim, rule: 'monai', mode: 'linear' },
          { op: 'center-crop', size: [4, 3, 0] },
          { op: 'transpose', axes: [1, 2, 0] },
        ],
      ];
      for (const steps of all) {
        const last = steps.at(-1)!;
        // Slices resampled apart stay up to half a slice from their place: so does nnU-Net.
        if (last.op === 'spacing' && last.rule === 'nnunet' && isAnisotropic(grid, pixdim)) continue;
        expect(farthestFromItsPlace(grid, steps), JSON.stringify(steps)).toBeLessThan(2e-3);
      }
    }
  });

  it('finds back to the pixel it came from', () => {
    for (const [i, orientation] of [...axisAlignedOrientations(), ...obliqueOrientations(20)].entries()) {
      const grid = aGrid({ columns: 6, rows: 5, slices: 4 }, orientation);
      const { axes, affine, shape } = prepared(
        [aVolume(grid, (c) => c)],
        [
          { op: 'orientation', axcodes: AXCODES[i]! },
          { op: 'spacing', pixdim: [0.5, 0.6, 0.7], rule: i % 2 ? 'monai' : 'cover', mode: 'linear' },
          { op: 'pad-divisible', k: [8, 8, 8], where: 'symmetric', value: 0 },
        ],
      );
      const middle: Triple = [3, 2, 2];
      const index = axes.map(({ source, linear }) => {
        const at = middle[source];
        let place = 0;
        for (let t = 0; t < linear.count[at]!; t++)
          place += (linear.first[at]! + t) * linear.weights[linear.offset[at]! + t]!;
        return place;
      });
      const found = placeOf({ affine, axes, shape, channels: 1 }, [index[0]!, index[1]!, index[2]!]);
      const expected = positionOf(grid, ...middle);
      for (const axis of [0, 1, 2] as const) expect(found[axis]).toBeCloseTo(expected[axis], 6);
    }
  });
});

const isAnisotropic = (grid: Grid, pixdim: Triple): boolean =>
  [[grid.columnSpacing, grid.rowSpacing, grid.sliceSpacing], pixdim].some(
    (spacings) => Math.max(...spacings) / Math.min(...spacings) > 3,
  );
