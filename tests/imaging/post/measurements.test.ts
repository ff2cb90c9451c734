import { describe, expect, it } from 'vitest';
import type { Grid } from '../../../src/imaging/grid.ts';
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

describe('The axes of a lesion in the plane of acquisition', () => {
  const grid = { ...aGrid({ columns: 120, rows: 90, slices: 3 }), columnSpacing: 0.5, rowSpacing: 0.8 };
  const volume = aVolume(grid, () => 0);

  it('are those of an ellipse that lies slantwise, on the slice where it is longest', () => {
    const angle = 0.6;
    const inside = (column: number, row: number, slice: number): boolean => {
      const [x, y] = [(column - 60) * 0.5, (row - 45) * 0.8];
      const along = x * Math.cos(angle) + y * Math.sin(angle);
      const across = y * Math.cos(angle) - x * Math.sin(angle);
      return (along / (slice === 1 ? 22 : 15)) ** 2 + (across / 9) ** 2 < 1;
    };
    const [one] = measured(volume, (c, r, s) => Number(inside(c, r, s)), ['axes']);
    expect(Math.abs(one!.longAxisMm! - 44)).toBeLessThan(0.9);
    expect(Math.abs(one!.shortAxisMm! - 18)).toBeLessThan(0.9);
    const { slice, long, short } = one!.axes!;
    expect(slice).toBe(1);
    const vector = ([a, b]: typeof long): number[] => a.map((mm, axis) => b[axis]! - mm);
    const product = vector(long).reduce((sum, mm, axis) => sum + mm * vector(short)[axis]!, 0);
    expect(Math.abs(product)).toBeLessThan(1e-6);
    expect(Math.hypot(...vector(long))).toBeCloseTo(one!.longAxisMm!, 9);
    expect(Math.hypot(...vector(short))).toBeCloseTo(one!.shortAxisMm!, 9);
    expect(one!.statistics).toBeUndefined();
  });

  it('do not bridge what lies outside: of a horseshoe the short axis is one arm', () => {
    const inside = (c: number, r: number): boolean =>
      c >= 20 && c < 100 && r >= 20 && r < 60 && !(r >= 30 && r < 50 && c >= 30);
    const [one] = measured(volume, (c, r, s) => Number(s === 0 && inside(c, r)), ['axes']);
    // The diagonal of 80 x 40 pixels; across it lines end at the gap.
    expect(Math.abs(one!.longAxisMm! - Math.hypot(40, 32))).toBeLessThan(1);
    expect(one!.shortAxisMm!).toBeLessThan(20);
  });
});

describe('The peak of SUV', () => {
  it('is the greatest mean in a sphere of 1 mL around a voxel of the segment', () => {
    const grid = {
      ...aGrid({ columns: 18, rows: 16, slices: 14 }),
      columnSpacing: 2.1,
      rowSpacing: 1.7,
      sliceSpacing: 2.9,
    };
    const value = (c: number, r: number, s: number): number => ((c * 7 + r * 13 + s * 29) % 31) + (c > 8 ? 9 : 0);
    const inside = (c: number, r: number, s: number): boolean => c > 5 && c < 13 && r < 9 && s > 6;
    const volume = { ...aVolume(grid, value), units: 'SUVbw' };
    const [one] = measured(volume, (c, r, s) => Number(inside(c, r, s)), ['statistics']);
    const radius = Math.cbrt(3000 / (4 * Math.PI));
    let peak = 0;
    const everywhere = [...Array(18 * 16 * 14).keys()].map(
      (i) => [i % 18, Math.floor(i / 18) % 16, Math.floor(i / 288)] as const,
    );
    for (const [c, r, s] of everywhere.filter((voxel) => inside(...voxel))) {
      const near = everywhere.filter(([x, y, z]) => Math.hypot((x - c) * 2.1, (y - r) * 1.7, (z - s) * 2.9) <= radius);
      peak = Math.max(peak, near.reduce((sum, voxel) => sum + value(...voxel), 0) / near.length);
    }
    expect(one!.statistics!.peak).toBeCloseTo(peak, 9);
    expect(one!.statistics!.unit).toBe('SUVbw');
  });

  it('and other values of slices that scale otherwise are those after rescale', () => {
    const grid = aGrid({ columns: 4, rows: 4, slices: 3 });
    const volume = aVolume(
      grid,
      (c, r, s) => c + 4 * r + 16 * s,
      (slice) => ({ slope: slice + 1, intercept: -slice }),
    );
    const [one] = measured(volume, (c) => Number(c > 1), ['statistics']);
    const values = [0, 1, 2].flatMap((s) =>
      [0, 1, 2, 3].flatMap((r) => [2, 3].map((c) => (c + 4 * r + 16 * s) * (s + 1) - s)),
    );
    values.sort((a, b) => a - b);
    const mean = values.reduce((sum, v) => sum + v, 0) / 24;
    expect(one!.statistics!.mean).toBeCloseTo(mean, 9);
    expect(one!.statistics!.median).toBeCloseTo((values[11]! + values[12]!) / 2, 9);
    expect([one!.statistics!.minimum, one!.statistics!.maximum]).toEqual([values[0], values[23]]);
  });
});
