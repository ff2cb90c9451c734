import { describe, expect, it } from 'vitest';
import { type Grid, positionOf } from '../../../src/imaging/grid.ts';
import { obliqueOrientations } from '../slices.ts';
import { aGrid, aVolume } from '../volumes.ts';
import { measured } from './measured.ts';

/*
 * The digital phantom of the Image Biomarker Standardisation Initiative (reference manual, section 5.1): 5 x 4 x 4
 * voxels of 2 mm; 0 is outside the region of interest. The reference values are those of its tables.
 */
const IBSI = [
  [1, 4, 4, 1, 1, 1, 4, 6, 1, 1, 4, 1, 6, 4, 1, 4, 4, 6, 4, 1],
  [1, 4, 4, 1, 1, 1, 1, 6, 1, 1, 0, 1, 3, 1, 1, 4, 4, 6, 1, 1],
  [1, 4, 4, 0, 0, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 6, 1, 1],
  [1, 4, 4, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 6, 1, 1],
] as const;

describe('Measurements of the IBSI digital phantom', () => {
  const grid: Grid = { ...aGrid({ columns: 5, rows: 4, slices: 4 }), columnSpacing: 2, rowSpacing: 2, sliceSpacing: 2 };
  const value = (column: number, row: number, slice: number): number => IBSI[slice]![row * 5 + column]!;
  const [one] = measured(aVolume(grid, value), (c, r, s) => Number(value(c, r, s) > 0));

  it('are its reference values', () => {
    expect(one!.voxels).toBe(74);
    expect(one!.volumeMl).toBeCloseTo(0.592, 9);
    expect(one!.meshVolumeMl).toBeCloseTo(0.556, 3);
    expect(one!.surfaceMm2).toBeCloseTo(388, 0);
    expect(one!.maximumDiameterMm).toBeCloseTo(13.1, 1);
    const { mean, standardDeviation, minimum, maximum, median, percentile10, percentile90 } = one!.statistics!;
    expect(mean).toBeCloseTo(2.15, 2);
    expect(standardDeviation ** 2).toBeCloseTo(3.05, 2);
    expect([minimum, percentile10, median, percentile90, maximum]).toEqual([1, 1, 1, 4, 6]);
  });
});

/*
 * Independent figures: scikit-image 0.19.3 marching_cubes(method='lorensen') at 0.5 with mesh_surface_area, scipy 1.10
 * pdist over its vertices (and, for the long axis, over the midpoints of each part of each slice), NumPy 1.24 for the values.
 */
const FIGURES = [
  {
    name: 'an ellipsoid',
    inside: 'ellipsoid',
    voxels: 1846,
    surface: 1242.04,
    enclosed: 3.329766,
    diameter: 21.75063,
    long: 20.98761539575185,
    statistics: [50.15655471289274, 29.45898737214845, 0, 100, 50, 9, 90.5],
  },
  {
    name: 'one with holes and dents, and a block beside it',
    inside: 'bumpy',
    voxels: 1782,
    surface: 1988.081,
    enclosed: 3.349028,
    diameter: 34.16724,
    long: 20.98761539575185,
    statistics: [50.165544332211, 29.376366548169113, 0, 100, 50, 9, 90],
  },
];

describe('Measurements of shapes, against scikit-image, scipy and NumPy', () => {
  const grid = aGrid({ columns: 30, rows: 24, slices: 16 }, obliqueOrientations(1, 5)[0]!);
  const value = (x: number, y: number, z: number): number => (x * 3 + y * 17 + z * 29) % 101;
  const ellipsoid = (x: number, y: number, z: number): boolean =>
    ((x - 14.3) / 11.2) ** 2 + ((y - 11.6) / 7.7) ** 2 + ((z - 7.4) / 5.1) ** 2 < 1;
  const bumpy = (x: number, y: number, z: number): boolean =>
    (ellipsoid(x, y, z) && (x * 7 + y * 13 + z * 5) % 11 !== 0) || (x > 25 && y > 18 && z < 5);
  const volume = aVolume(grid, value);

  it.each(FIGURES)('$name', ({ inside, voxels, surface, enclosed, diameter, long, statistics }) => {
    const shape = inside === 'ellipsoid' ? ellipsoid : bumpy;
    const [one] = measured(volume, (x, y, z) => Number(shape(x, y, z)));
    expect(one!.voxels).toBe(voxels);
    expect(one!.volumeMl).toBeCloseTo((voxels * 0.7 * 1.3 * 2) / 1000, 9);
    expect(Math.abs(one!.surfaceMm2! / surface - 1)).toBeLessThan(0.002);
    expect(Math.abs(one!.meshVolumeMl! / enclosed - 1)).toBeLessThan(0.002);
    expect(one!.maximumDiameterMm).toBeCloseTo(diameter, 4);
    expect(one!.longAxisMm).toBeCloseTo(long, 6);
    const { mean, standardDeviation, minimum, maximum, median, percentile10, percentile90 } = one!.statistics!;
    const mine = [mean, standardDeviation, minimum, maximum, median, percentile10, percentile90];
    for (const [i, figure] of statistics.entries()) expect(mine[i]).toBeCloseTo(figure, 9);
  });
});
