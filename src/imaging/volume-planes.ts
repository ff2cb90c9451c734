import { type Grid, positionOf, type Vec3 } from './grid.ts';
import type { Volume, VolumeSlice } from './volume.ts';

/** Columns and rows of the stored slices: those of the grid, but for a tilted gantry. */
export function storedSize({ grid, shear }: Volume): { readonly columns: number; readonly rows: number } {
  return shear ?? grid;
}

/**
 * The place on the grid, in (fractional) columns, rows and slices of it, of a pixel of a stored slice.
 */
export function gridIndexOf(volume: Volume, column: number, row: number, stored: number): Vec3 {
  const [across, down] = volume.shear?.offsets[stored] ?? [0, 0];
  return [column + across, row + down, gridSliceOf(volume, stored)];
}

/** The place in the patient (LPS, mm) of a pixel of a stored slice, where its header says. */
export function storedPositionOf(volume: Volume, column: number, row: number, stored: number): Vec3 {
  return positionOf(volume.grid, ...gridIndexOf(volume, column, row, stored));
}

/** Millilitres of one pixel of a stored slice: it reaches half way to its neighbours, at the ends as far as to the one. */
export function storedMillilitres(volume: Volume, stored: number): number {
  const { grid, slices } = volume;
  const last = slices.length - 1;
  const step = (from: number, to: number): number => gridSliceOf(volume, to) - gridSliceOf(volume, from);
  const thickness = (): number => {
    if (last < 1) return 1;
    if (stored === 0) return step(0, 1);
    return stored === last ? step(last - 1, last) : step(stored - 1, stored + 1) / 2;
  };
  return (grid.columnSpacing * grid.rowSpacing * grid.sliceSpacing * thickness()) / 1000;
}

function gridSliceOf({ sliceTaps }: Volume, stored: number): number {
  if (sliceTaps === undefined) return stored;
  const { first, count, offset, weights } = sliceTaps.fromGrid;
  let at = 0;
  for (let t = 0; t < count[stored]!; t++) at += (first[stored]! + t) * weights[offset[stored]! + t]!;
  return at;
}

/**
 * The values on one slice of the grid, after rescale, [row][column], for models: unequal steps are interpolated (linear)
 * and a tilted stack is put upright (linear within the plane; beyond the slices what counts as nothing).
 *
 * @param out of rows × columns of the grid
 */
export function writeGridPlane(volume: Volume, slice: number, out: Float32Array, channel: 0 | 1 | 2 = 0): void {
  const { slices, sliceTaps, shear, grid, channels } = volume;
  if (sliceTaps === undefined && shear === undefined) {
    writeValues(slices[slice]!, out, channels, channel);
    return;
  }
  const { first, count, offset, weights } = sliceTaps?.toGrid ?? ONE_TO_ONE(slice);
  const size = storedSize(volume);
  const plane = new Float32Array(size.columns * size.rows);
  const upright = shear ? new Float32Array(grid.columns * grid.rows) : plane;
  const at = sliceTaps === undefined ? 0 : slice;
  out.fill(0);
  for (let t = 0; t < count[at]!; t++) {
    const stored = first[at]! + t;
    const weight = weights[offset[at]! + t]!;
    writeValues(slices[stored]!, plane, channels, channel);
    if (shear) shift(plane, size, shear.offsets[stored]!, slices[stored]!.nothing, upright, grid);
    for (let i = 0; i < out.length; i++) out[i]! += upright[i]! * weight;
  }
}

const ONE_TO_ONE = (slice: number) => ({
  first: Int32Array.of(slice),
  count: Int32Array.of(1),
  offset: Int32Array.of(0),
  weights: Float64Array.of(1),
});

/** The values of a stored slice after rescale, [row][column]. */
export function writeValues(slice: VolumeSlice, out: Float32Array, channels: 1 | 3 = 1, channel: 0 | 1 | 2 = 0): void {
  const { samples, slope, intercept, table, padding, nothing } = slice;
  const n = out.length;
  if (table !== undefined) {
    const { first, values } = table;
    const last = values.length - 1;
    for (let i = 0, from = channel; i < n; i++, from += channels) {
      const at = samples[from]! - first;
      out[i] = values[at < 0 ? 0 : at > last ? last : at]!;
    }
  } else if (channels === 1) for (let i = 0; i < n; i++) out[i] = samples[i]! * slope + intercept;
  else for (let i = 0, from = channel; i < n; i++, from += channels) out[i] = samples[from]! * slope + intercept;
  if (padding === undefined) return;
  for (let i = 0, from = channel; i < n; i++, from += channels) {
    if (samples[from]! >= padding.low && samples[from]! <= padding.high) out[i] = nothing;
  }
}

/** Lays a slice into its plane of the grid, its first pixel at a fractional place, bilinear; nothing around it. */
function shift(
  plane: Float32Array,
  { columns, rows }: { readonly columns: number; readonly rows: number },
  [across, down]: readonly [number, number],
  nothing: number,
  out: Float32Array,
  grid: Grid,
): void {
  const [left, top] = [Math.floor(across), Math.floor(down)];
  const [fx, fy] = [across - left, down - top];
  const at = (column: number, row: number): number =>
    column < 0 || row < 0 || column >= columns || row >= rows ? nothing : plane[row * columns + column]!;
  for (let row = 0, to = 0; row < grid.rows; row++) {
    const r = row - top;
    for (let column = 0; column < grid.columns; column++, to++) {
      const c = column - left;
      // Pixel c of the slice lies at column c + across: column `column` is between c - 1 and c.
      const upper = at(c - 1, r - 1) * fx + at(c, r - 1) * (1 - fx);
      const lower = at(c - 1, r) * fx + at(c, r) * (1 - fx);
      out[to] = upper * fy + lower * (1 - fy);
    }
  }
}
