import { describe, expect, it } from 'vitest';
import { alignVolume, isSameGrid } from '../../src/imaging/align-volume.ts';
import { assembleStacks } from '../../src/imaging/assemble/assemble-stacks.ts';
import type { ImageHeader } from '../../src/imaging/assemble/image-header.ts';
import { type Grid, positionOf, type Vec3 } from '../../src/imaging/grid.ts';
import type { Volume } from '../../src/imaging/volume.ts';
import { storedMillilitres, storedPositionOf, writeGridPlane } from '../../src/imaging/volume-planes.ts';
import { aRequest, changed, imagesAt } from './assemble/headers.ts';
import { obliqueOrientations } from './slices.ts';
import { AXIAL, aGrid, aVolume } from './volumes.ts';

/** Linear in the patient, so that linear interpolation gives it back exactly wherever voxels are. */
const field = ([x, y, z]: Vec3): number => 100 + 3 * x - 2 * y + 5 * z;

/** A volume of that field on the stored slices of a stack, at the places their headers say. */
function volumeOf(images: readonly ImageHeader[]): Volume {
  const [stack] = assembleStacks(images, aRequest({ tilt: 'resample', spacing: 'resample' })).stacks;
  const { grid, shear, sliceTaps, frames } = stack!;
  const empty: Volume = {
    ...{ grid, channels: 1, units: 'HU', slices: [] },
    ...(shear && { shear }),
    ...(sliceTaps && { sliceTaps }),
  };
  const { columns, rows } = frames[0]!.header;
  const slices = frames.map((_, slice) => ({
    samples: Float32Array.from({ length: columns * rows }, (_v, i) =>
      field(storedPositionOf(empty, i % columns, Math.floor(i / columns), slice)),
    ),
    ...{ slope: 1, intercept: 0, nothing: -1000 },
  }));
  return { ...empty, slices };
}

function expectField(volume: Volume): number {
  const { grid } = volume;
  const plane = new Float32Array(grid.columns * grid.rows);
  let seen = 0;
  for (let slice = 0; slice < grid.slices; slice++) {
    writeGridPlane(volume, slice, plane);
    for (const [i, value] of plane.entries()) {
      const at = positionOf(grid, i % grid.columns, Math.floor(i / grid.columns), slice);
      // Beside a tilted slice there is nothing, and a voxel at its edge is mixed with it.
      if (Math.abs(value - field(at)) < 1e-3) seen++;
    }
  }
  return seen / (plane.length * grid.slices);
}

describe('A volume on its regular grid', () => {
  it('of unequal steps has the values of the field at every voxel', () => {
    expect(expectField(volumeOf(imagesAt([0, 4, 8, 9.1, 16, 20])))).toBe(1);
    expect(expectField(volumeOf(imagesAt([0, 5, 10, 20])))).toBe(1);
  });

  it('of a tilted gantry has them wherever there is a slice, and nothing beside it', () => {
    const images = changed(imagesAt([0, 1, 2, 3], { columns: 30, rows: 40 }), (i) => ({
      position: [0.1 * i, -0.5 * i, i],
    }));
    const volume = volumeOf(images);
    expect(volume.grid).toMatchObject({ columns: 31, rows: 42 });
    // All but the rims: 29 × 39 of 31 × 42.
    expect(expectField(volume)).toBeGreaterThan(0.85);
    const plane = new Float32Array(31 * 42);
    writeGridPlane(volume, 0, plane);
    expect(plane[0]).toBe(-1000);
    writeGridPlane(volume, 3, plane);
    expect(plane.at(-1)).toBe(-1000);
  });

  it('gives every stored pixel its share of the whole: millilitres by the steps to its neighbours', () => {
    const volume = volumeOf(imagesAt([0, 4, 8, 9, 16]));
    const millimetres = volume.slices.map((_, i) => (storedMillilitres(volume, i) * 1000) / (1.3 * 0.7));
    expect(millimetres.map((mm) => Math.round(mm * 1e6) / 1e6)).toEqual([4, 4, 2.5, 4, 7]);
  });
});

describe('A second input on the grid of the first', () => {
  const [orientation] = obliqueOrientations(1);
  const onField = (grid: Grid, channels: 1 | 3 = 1): Volume => {
    const volume = aVolume(grid, (c, r, s) => Math.round(1e5 * field(positionOf(grid, c, r, s))));
    const slices = volume.slices.map((slice) => ({
      ...slice,
      samples: Int32Array.from(
        { length: slice.samples.length * channels },
        (_, i) => slice.samples[Math.floor(i / channels)]! * (1 + (i % channels)),
      ),
      ...{ slope: 1e-5, nothing: -7 },
    }));
    return { ...volume, channels, slices };
  };

  it('has the values of the field where it reaches, and nothing beyond', () => {
    const coarse = onField({ ...aGrid({ columns: 20, rows: 18, slices: 12 }, orientation), sliceSpacing: 3 });
    const inside = aGrid({ columns: 5, rows: 3, slices: 3 }, AXIAL, positionOf(coarse.grid, 9, 9, 6));
    const aligned = alignVolume(coarse, inside);
    expect(expectField({ ...aligned, channels: 1 })).toBe(1);
    const far = alignVolume(coarse, aGrid({ columns: 2, rows: 2, slices: 2 }, AXIAL, [900, 900, 900]));
    expect(new Set(far.slices.flatMap(({ samples }) => [...samples]))).toEqual(new Set([-7]));
  });

  it('keeps its colours', () => {
    const colour = onField(aGrid({ columns: 9, rows: 9, slices: 9 }), 3);
    const aligned = alignVolume(colour, {
      ...colour.grid,
      origin: positionOf(colour.grid, 2.5, 2.5, 2.5),
      columns: 3,
      rows: 3,
      slices: 3,
    });
    const [red, green, blue] = aligned.slices[1]!.samples;
    expect(green! / red!).toBeCloseTo(2, 5);
    expect(blue! / red!).toBeCloseTo(3, 5);
  });

  it('is left as it is where the grids are one', () => {
    const grid = aGrid({ columns: 50, rows: 40, slices: 30 }, orientation);
    expect(isSameGrid(grid, { ...grid })).toBe(true);
    expect(isSameGrid(grid, { ...grid, sliceSpacing: 2.001 })).toBe(false);
    expect(isSameGrid(grid, { ...grid, origin: [10.01, -20, 30] })).toBe(false);
    expect(isSameGrid(grid, { ...grid, columns: 51 })).toBe(false);
  });
});
