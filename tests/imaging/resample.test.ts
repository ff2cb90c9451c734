import { describe, expect, it } from 'vitest';
import { positionOf } from '../../src/imaging/grid.ts';
import { type ModelGrid, modelGridOf } from '../../src/imaging/model-grid.ts';
import { resampleToModel } from '../../src/imaging/resample.ts';
import { dot } from '../../src/imaging/vector.ts';
import type { Volume } from '../../src/imaging/volume.ts';
import { axisAlignedOrientations, type Orientation, obliqueOrientations } from './slices.ts';
import { aGrid, aVolume } from './volumes.ts';

function tensorOf(volume: Volume, model: ModelGrid): Float32Array {
  const tensor = new Float32Array(model.x.count * model.y.count * model.z.count).fill(Number.NaN);
  resampleToModel(volume, model, (values, place) => tensor.set(values, place));
  return tensor;
}

/** Any three integers; the Python below uses the same formula. */
const pattern = (c: number, r: number, s: number): number =>
  ((s * 37 + r * 17 + c * 29 + ((s * r * c) % 11)) % 101) - 50;

describe('The model grid', () => {
  it('covers the extent of the source and shares the outer edge of its first voxel', () => {
    const source = aGrid({ columns: 11, rows: 7, slices: 9 });
    const { grid } = modelGridOf(source, [2, 2, 2]);
    expect([grid.columns, grid.rows, grid.slices]).toEqual([4, 5, 9]); // 7.7, 9.1 and 18 mm in steps of 2
    const edge = (g: typeof grid) => positionOf(g, -0.5, -0.5, -0.5);
    for (const axis of [0, 1, 2] as const) expect(edge(grid)[axis]).toBeCloseTo(edge(source)[axis], 9);
  });

  it('keeps the spacing of the source when none is asked for', () => {
    const source = aGrid({ columns: 4, rows: 3, slices: 2 });
    expect(modelGridOf(source).grid).toEqual(source);
  });

  it('does not grow by rounding when the extent is a whole number of voxels', () => {
    const source = { ...aGrid({ columns: 100, rows: 100, slices: 3 }), columnSpacing: 1.2, rowSpacing: 0.3 };
    const { x, y } = modelGridOf(source, [0.6, 0.1, 2]);
    expect([x.count, y.count]).toEqual([200, 300]);
  });

  it('is right-handed and runs to Left, Posterior and Head for every orientation', () => {
    for (const orientation of [...axisAlignedOrientations(), ...obliqueOrientations(300)]) {
      const { grid, x, y, z } = modelGridOf(aGrid({ columns: 4, rows: 5, slices: 6 }, orientation), [1, 1, 1]);
      expect(new Set([x.source, y.source, z.source]).size).toBe(3);
      const determinant =
        grid.rowDirection[0] * (grid.columnDirection[1] * grid.normal[2] - grid.columnDirection[2] * grid.normal[1]) -
        grid.rowDirection[1] * (grid.columnDirection[0] * grid.normal[2] - grid.columnDirection[2] * grid.normal[0]) +
        grid.rowDirection[2] * (grid.columnDirection[0] * grid.normal[1] - grid.columnDirection[1] * grid.normal[0]);
      expect(determinant).toBeCloseTo(1, 9);
      expect(grid.rowDirection[0] + grid.columnDirection[1] + grid.normal[2]).toBeGreaterThan(1);
      for (const cosine of [grid.rowDirection[0], grid.columnDirection[1], grid.normal[2]])
        expect(cosine).toBeGreaterThanOrEqual(0);
    }
  });

  it.each([[[0, 1, 1]], [[-1, 1, 1]], [[Number.NaN, 1, 1]], [[1e9, 1, 1]]] as const)(
    'refuses a spacing of %s',
    (spacing) => {
      expect(() => modelGridOf(aGrid({ columns: 4, rows: 5, slices: 6 }), spacing)).toThrow(
        expect.objectContaining({ code: 'bad-model' }),
      );
    },
  );

  it('refuses more voxels than a tensor may have', () => {
    const large = aGrid({ columns: 4000, rows: 4000, slices: 4000 });
    expect(() => modelGridOf(large, [0.1, 0.1, 0.1])).toThrow(expect.objectContaining({ code: 'too-large' }));
  });
});

describe('Resampling to the model grid', () => {
  /*
   * Independent numbers: dense tent matrices in numpy 1.24 in double precision, applied with einsum to the pattern above
   * on an 11 x 7 x 9 grid of 0.7 x 1.3 x 2.0 mm. For the second, which is finer than the source in every axis,
   * scipy.ndimage.map_coordinates(order=1, mode='nearest') gives the same tensor to 1.5e-14.
   */
  it.each([
    {
      spacing: [2, 2, 2],
      shape: [9, 5, 4],
      first: -16.708196721311474,
      last: 15.675438596491258,
      sum: -48.296320279199506,
      weighted: -543.3968640597983,
      squares: 8688.234083673235,
      middle: -3.7017543859649114,
      edge: 17.370056497175163,
    },
    {
      spacing: [0.5, 0.6, 0.75],
      shape: [24, 16, 16],
      first: -50,
      last: 39,
      sum: -1277.582760989007,
      weighted: -4980.493475274709,
      squares: 1493563.1159147015,
      middle: 3.1438873626373542,
      edge: -2.0216346153846265,
    },
    {
      spacing: [1.5, 1, 5],
      shape: [4, 10, 6],
      first: -12.27375,
      last: 27.68,
      sum: 23.962092074592135,
      weighted: 202.58160256410264,
      squares: 11961.772169004982,
      middle: 2.6722115384615375,
      edge: -3.2369230769230732,
    },
  ] as const)('agrees with numpy and scipy at $spacing mm', ({ spacing, shape, ...expected }) => {
    const volume = aVolume(aGrid({ columns: 11, rows: 7, slices: 9 }), pattern);
    const model = modelGridOf(volume.grid, spacing);
    const [z, y, x] = shape;
    expect([model.z.count, model.y.count, model.x.count]).toEqual(shape);
    const tensor = tensorOf(volume, model);
    const at = (k: number, j: number, i: number): number => tensor[(k * y + j) * x + i]!;
    const sumOf = (value: (v: number, i: number) => number) => tensor.reduce((sum, v, i) => sum + value(v, i), 0);
    const got = {
      first: at(0, 0, 0),
      last: at(z - 1, y - 1, x - 1),
      sum: sumOf((v) => v),
      weighted: sumOf((v, i) => v * ((i % 7) + 1)),
      squares: sumOf((v) => v * v),
      middle: at(z >> 1, 1, 2),
      edge: at(1, y >> 1, x - 1),
    };
    for (const key of Object.keys(got) as (keyof typeof got)[]) {
      expect(Math.abs(got[key] - expected[key]) / Math.max(1, Math.abs(expected[key])), key).toBeLessThan(1e-5);
    }
  });

  /** A function of the place in the patient that linear interpolation (a finer model) reproduces away from the edges. */
  const slope = (p: readonly [number, number, number]): number =>
    Math.round(1e4 * (0.3 * p[0] - 1.7 * p[1] + 2.9 * p[2]));

  function expectPlacesToAgree(orientation: Orientation, spacing: readonly [number, number, number] | undefined): void {
    const grid = aGrid({ columns: 12, rows: 9, slices: 8 }, orientation);
    const volume = aVolume(grid, (c, r, s) => slope(positionOf(grid, c, r, s)));
    const model = modelGridOf(grid, spacing);
    const tensor = tensorOf(volume, model);
    expect(tensor.some(Number.isNaN)).toBe(false);
    const [x, y, z] = [model.x.count, model.y.count, model.z.count];
    // Two model voxels and what they reach stay clear of the edge.
    for (const [i, j, k] of [
      [2, 2, 2],
      [x - 3, 2, 2],
      [2, y - 3, 2],
      [2, 2, z - 3],
      [x >> 1, y >> 1, z >> 1],
    ] as const) {
      const expected = slope(positionOf(model.grid, i, j, k));
      expect(Math.abs(tensor[(k * y + j) * x + i]! - expected)).toBeLessThan(4);
    }
  }

  it('puts every value at its place in the patient: all axis-aligned and many oblique orientations, non-square pixels', () => {
    for (const orientation of [...axisAlignedOrientations(), ...obliqueOrientations(40)]) {
      expectPlacesToAgree(orientation, [0.6, 0.5, 0.65]);
      expectPlacesToAgree(orientation, undefined);
    }
  });

  it('is an exact permutation and flip where the spacing stays', () => {
    for (const orientation of axisAlignedOrientations()) {
      const grid = aGrid({ columns: 5, rows: 4, slices: 3 }, orientation);
      const model = modelGridOf(grid);
      const tensor = tensorOf(aVolume(grid, pattern), model);
      for (let s = 0; s < 3; s++) {
        for (let r = 0; r < 4; r++) {
          for (let c = 0; c < 5; c++) {
            const index = [model.x, model.y, model.z].map((axis) => {
              const at = [c, r, s][axis.source]!;
              return axis.flipped ? axis.count - 1 - at : at;
            });
            expect(tensor[(index[2]! * model.y.count + index[1]!) * model.x.count + index[0]!]).toBe(pattern(c, r, s));
          }
        }
      }
    }
  });

  it('takes slope and intercept of each slice, and padding as air (PS3.3 C.7.5.1.1.2)', () => {
    const grid = aGrid({ columns: 2, rows: 1, slices: 2 });
    const volume = aVolume(
      grid,
      (c) => (c === 0 ? 10 : -2000),
      (slice) => ({ slope: slice + 1, intercept: -100 * slice }),
    );
    const padded = {
      ...volume,
      slices: volume.slices.map((slice) => ({ ...slice, padding: { low: -2000, high: -1999 } })),
    };
    expect([...tensorOf(padded, modelGridOf(grid))]).toEqual([10, -1000, -80, -1000]);
  });

  it('keeps the mean of a coarser model: no aliasing of a fine stripe', () => {
    const grid = { ...aGrid({ columns: 64, rows: 8, slices: 8 }), columnSpacing: 1, rowSpacing: 1, sliceSpacing: 1 };
    const tensor = tensorOf(
      aVolume(grid, (c) => (c % 2) * 1000),
      modelGridOf(grid, [4, 1, 1]),
    );
    for (const value of tensor.subarray(2, 14)) expect(value).toBeCloseTo(500, 2);
  });

  it('dot of model axes and patient axes is what the grid says', () => {
    const oblique = obliqueOrientations(1)[0]!;
    const { grid } = modelGridOf(aGrid({ columns: 5, rows: 5, slices: 5 }, oblique), [1, 1, 1]);
    expect(dot(grid.rowDirection, grid.columnDirection)).toBeCloseTo(0, 9);
  });
});
