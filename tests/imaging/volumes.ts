import type { Grid, Vec3 } from '../../src/imaging/grid.ts';
import { cross } from '../../src/imaging/vector.ts';
import type { Volume } from '../../src/imaging/volume.ts';
import type { Orientation } from './slices.ts';

export interface GridShape {
  readonly columns: number;
  readonly rows: number;
  readonly slices: number;
}

/** A grid with pixels of 0.7 x 1.3 mm and slices 2 mm apart, axial unless said otherwise. */
export function aGrid(shape: GridShape, orientation: Orientation = AXIAL, origin: Vec3 = [10, -20, 30]): Grid {
  return {
    ...shape,
    columnSpacing: 0.7,
    rowSpacing: 1.3,
    sliceSpacing: 2,
    ...orientation,
    normal: cross(orientation.rowDirection, orientation.columnDirection),
    origin,
  };
}

export const AXIAL: Orientation = { rowDirection: [1, 0, 0], columnDirection: [0, 1, 0] };

/** A volume of 32-bit stored values; slope and intercept may differ by slice. */
export function aVolume(
  grid: Grid,
  stored: (column: number, row: number, slice: number) => number,
  rescale: (slice: number) => { slope: number; intercept: number } = () => ({ slope: 1, intercept: 0 }),
): Volume {
  const slices = Array.from({ length: grid.slices }, (_, slice) => ({
    samples: Int32Array.from({ length: grid.rows * grid.columns }, (_value, i) =>
      stored(i % grid.columns, Math.floor(i / grid.columns), slice),
    ),
    ...rescale(slice),
    nothing: -1000,
  }));
  return { grid, slices, channels: 1, units: 'HU' };
}
