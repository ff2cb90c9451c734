import { describe, expect, it } from 'vitest';
import { type Grid, positionOf } from '../../../src/imaging/grid.ts';
import { tapsOf } from '../../../src/imaging/post/taps.ts';
import { prepareTensor } from '../../../src/imaging/transforms/prepare.ts';
import type { PostStep, PreStep } from '../../../src/imaging/transforms/steps.ts';
import type { Volume } from '../../../src/imaging/volume.ts';
import { storedPositionOf, storedSize } from '../../../src/imaging/volume-planes.ts';
import { axisAlignedOrientations, obliqueOrientations } from '../slices.ts';
import { aGrid, aVolume } from '../volumes.ts';
import { restored, segmentsOf, unpacked } from './restored.ts';
import { aPreparation } from './ways.ts';

const ARGMAX: readonly PostStep[] = [{ op: 'invert', mode: 'linear' }, { op: 'argmax' }];
const NEAREST: readonly PostStep[] = [{ op: 'argmax' }, { op: 'invert', mode: 'nearest' }];

/** A network that gives each voxel the class it reads there: the tensor as prepared, one class a value. */
function readBack(volume: Volume, steps: readonly PreStep[], classes: number, postprocess: readonly PostStep[]) {
  const runs: [number, Float32Array][] = [];
  const preparation = prepareTensor([volume], steps, (values, place) => void runs.push([place, values.slice()]));
  const voxels = preparation.shape[0] * preparation.shape[1] * preparation.shape[2];
  const tensor = new Float32Array(voxels);
  for (const [place, values] of runs) tensor.set(values, place);
  const scores = Float32Array.from({ length: classes * voxels }, (_, i) => {
    const nearness = Math.abs(tensor[i % voxels]! - Math.floor(i / voxels));
    return 1 - nearness;
  });
  const segments = segmentsOf(Array.from({ length: classes - 1 }, (_, c) => c + 1));
  return restored(volume, preparation, scores, { postprocess, classes, kind: 'class-scores', segments });
}

describe('Labels go back to the voxels they came from', () => {
  const label = (column: number, row: number, slice: number): number => (column * 5 + row * 3 + slice * 11) % 4;

  it.each([
    ['interpolated scores', ARGMAX],
    ['nearest labels', NEAREST],
  ] as const)('in all 48 orientations, whatever the order of the axes of the network: %s', (_, postprocess) => {
    const codes = ['RAS', 'LPS', 'SPL', 'ALI', 'PIR'];
    let i = 0;
    for (const orientation of axisAlignedOrientations()) {
      for (const backwards of [false, true]) {
        // A stack is read along its normal; read the other way round its rows are mirrored.
        const { rowDirection, columnDirection } = orientation;
        const turned = backwards ? { rowDirection: columnDirection, columnDirection: rowDirection } : orientation;
        const grid = aGrid({ columns: 7, rows: 5, slices: 4 }, turned);
        const volume = aVolume(grid, label);
        const steps: PreStep[] = [{ op: 'orientation', axcodes: codes[i++ % codes.length]! }];
        if (i % 3 === 0) steps.push({ op: 'transpose', axes: [2, 0, 1] });
        const back = unpacked(readBack(volume, steps, 4, postprocess), volume);
        const expected = Uint16Array.from(back, (_value, voxel) =>
          label(voxel % 7, Math.floor(voxel / 7) % 5, Math.floor(voxel / 35)),
        );
        expect(back, JSON.stringify(turned)).toEqual(expected);
      }
    }
  });
});

/** Signed distance to a sphere as the scores of two classes, on the elements of a preparation. */
function sphereScores(
  centre: readonly number[],
  radius: number,
  preparation: ReturnType<typeof aPreparation>,
): Float32Array {
  const [a, b, c] = preparation.shape;
  const voxels = a * b * c;
  const { affine } = preparation;
  const scores = new Float32Array(2 * voxels);
  for (let i = 0; i < voxels; i++) {
    const index = [Math.floor(i / (b * c)), Math.floor(i / c) % b, i % c, 1];
    const place = [0, 1, 2].map((row) => index.reduce((sum, value, axis) => sum + value * affine[row]![axis]!, 0));
    scores[voxels + i] = radius - Math.hypot(...place.map((mm, axis) => mm - centre[axis]!));
  }
  return scores;
}

function inSphere(volume: Volume, centre: readonly number[], radius: number): Uint16Array {
  const { columns, rows } = storedSize(volume);
  return Uint16Array.from({ length: volume.slices.length * rows * columns }, (_, i) => {
    const place = storedPositionOf(
      volume,
      i % columns,
      Math.floor(i / columns) % rows,
      Math.floor(i / (columns * rows)),
    );
    return Number(Math.hypot(...place.map((mm, axis) => mm - centre[axis]!)) < radius);
  });
}

function dice(a: Uint16Array, b: Uint16Array): number {
  let [common, both] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    common += a[i]! & b[i]!;
    both += a[i]! + b[i]!;
  }
  return (2 * common) / both;
}

describe('A sphere in an oblique, anisotropic series', () => {
  const oblique = aGrid({ columns: 60, rows: 50, slices: 45 }, obliqueOrientations(1, 21)[0]!);
  const grid: Grid = { ...oblique, rowSpacing: 0.9, sliceSpacing: 1.25 };
  const volume = aVolume(grid, () => 40);
  const centre = positionOf(grid, 29.3, 24.1, 21.7);
  const radius = 16;

  it.each([
    ['voxel for voxel', 1, 1, 0.005],
    // Distances interpolated between coarse voxels are a little too long.
    ['by a network that sees coarser voxels', 1.6, 0.98, 0.015],
  ] as const)('has its volume, place and measures: %s', (_, step, leastDice, tolerance) => {
    const along = (source: 0 | 1 | 2, count: number) => ({
      source,
      count: Math.floor((count - 1) / step) + 1,
      start: 0,
      step,
    });
    const preparation = aPreparation(grid, [along(2, 45), along(0, 60), along(1, 50)]);
    const found = restored(volume, preparation, sphereScores(centre, radius, preparation), {
      postprocess: ARGMAX,
      classes: 2,
      kind: 'class-scores',
      segments: segmentsOf([1]),
      measurements: ['volume', 'axes', 'statistics'],
    });
    expect(dice(unpacked(found, volume), inSphere(volume, centre, radius))).toBeGreaterThanOrEqual(leastDice);
    const [sphere] = found.measurements;
    const analytic = ((4 / 3) * Math.PI * radius ** 3) / 1000;
    expect(Math.abs(sphere!.volumeMl / analytic - 1)).toBeLessThan(tolerance);
    for (const axis of [0, 1, 2] as const) expect(sphere!.centroid[axis]).toBeCloseTo(centre[axis], 1);
    for (const mm of [sphere!.maximumDiameterMm!, sphere!.longAxisMm!, sphere!.shortAxisMm!]) {
      expect(Math.abs(mm - 2 * radius)).toBeLessThan(1.25);
    }
    expect(sphere!.statistics).toMatchObject({ mean: 40, standardDeviation: 0 });
  });
});

describe('Slices that lie otherwise than the grid get the labels of their own places', () => {
  const grid = { ...aGrid({ columns: 40, rows: 52, slices: 20 }), columnSpacing: 1, rowSpacing: 1, sliceSpacing: 2 };
  const centre = positionOf(grid, 20, 27, 10);
  const found = (volume: Volume, slices: number) => {
    const one = (source: 0 | 1 | 2, count: number) => ({ source, count, start: 0, step: 1 });
    const preparation = aPreparation(grid, [one(0, 40), one(1, 52), one(2, slices)]);
    const scores = sphereScores(centre, 11, preparation);
    const request = { postprocess: ARGMAX, classes: 2, kind: 'class-scores', segments: segmentsOf([1]) } as const;
    return restored(volume, preparation, scores, { ...request, measurements: ['volume', 'surface'] });
  };
  const analytic = ((4 / 3) * Math.PI * 11 ** 3) / 1000;

  it('of a tilted gantry', () => {
    const shear = {
      columns: 40,
      rows: 44,
      offsets: Array.from({ length: 20 }, (_, slice) => [0, 0.41 * (19 - slice)] as const),
    };
    const plain = aVolume({ ...grid, rows: 44 }, () => 0);
    const volume: Volume = { ...plain, grid, shear };
    const { measurements, ...packed } = found(volume, 20);
    expect(dice(unpacked(packed, volume), inSphere(volume, centre, 11))).toBeGreaterThan(0.99);
    expect(Math.abs(measurements[0]!.volumeMl / analytic - 1)).toBeLessThan(0.01);
    for (const axis of [0, 1, 2] as const) expect(measurements[0]!.centroid[axis]).toBeCloseTo(centre[axis], 1);
    // A mesh of cells that are sheared: a little more than the sphere, as every mesh of a mask.
    expect(measurements[0]!.surfaceMm2! / (4 * Math.PI * 11 ** 2)).toBeGreaterThan(1);
    expect(measurements[0]!.surfaceMm2! / (4 * Math.PI * 11 ** 2)).toBeLessThan(1.15);
  });

  it('at unequal steps, each voxel with its own volume', () => {
    const places = [0, 1.5, 3, 4, 5.2, 6, 7.5, 8, 9.1, 10, 11.3, 12, 13.7, 15, 17, 19];
    const fromGrid = tapsOf(places.length, (i) => {
      const low = Math.min(Math.floor(places[i]!), 18);
      return { first: low, weights: [low + 1 - places[i]!, places[i]! - low] };
    });
    const plain = aVolume({ ...grid, slices: places.length }, () => 0);
    const volume: Volume = { ...plain, grid, sliceTaps: { toGrid: fromGrid, fromGrid } };
    const { measurements, ...packed } = found(volume, 20);
    expect(dice(unpacked(packed, volume), inSphere(volume, centre, 11))).toBeGreaterThan(0.99);
    expect(Math.abs(measurements[0]!.volumeMl / analytic - 1)).toBeLessThan(0.02);
    expect(measurements[0]!.centroid[2]).toBeCloseTo(centre[2], 0);
  });
});

describe('A result that does not lie where the network saw it', () => {
  const grid = aGrid({ columns: 30, rows: 20, slices: 12 });
  const volume = aVolume(grid, () => 0);
  const one = (source: 0 | 1 | 2, count: number) => ({ source, count, start: 0, step: 1 });
  const preparation = aPreparation(grid, [one(0, 30), one(1, 20), one(2, 12)]);
  const scores = sphereScores(positionOf(grid, 8, 10, 6), 5, preparation);
  const request = { postprocess: ARGMAX, classes: 2, kind: 'class-scores', segments: segmentsOf([1]) } as const;

  it.each([
    ['mirrored', { start: 29, step: -1 }],
    ['three voxels beside it', { start: 3, step: 1 }],
    ['four beside it, the other way', { start: -4, step: 1 }],
  ])('is not handed on: %s', (_, wrong) => {
    const other = aPreparation(grid, [{ ...one(0, 30), ...wrong }, one(1, 20), one(2, 12)]);
    // The affine says one thing, the way back another.
    const torn = { ...preparation, axes: other.axes };
    expect(() => restored(volume, torn, scores, request)).toThrow(
      expect.objectContaining({ code: 'bad-result', message: expect.stringMatching(/^Segment 1 .* mm/) }),
    );
    expect(restored(volume, preparation, scores, request).measurements).toHaveLength(1);
  });
});
