import type { ModelAxis, ModelGrid } from './model-grid.ts';
import { type Taps, tentTaps } from './tent-filter.ts';
import { type Volume, writeRescaled } from './volume.ts';

/**
 * Where a model plane perpendicular to the source's slice axis lies in the tensor: its number, and the strides that place
 * element [row][column] of the plane. Columns of the plane run along the columns of the source, rows along its rows.
 */
export interface PlaneStrides {
  readonly columns: number;
  readonly rows: number;
  readonly planes: number;
  readonly column: number;
  readonly row: number;
  readonly plane: number;
}

/** The model axis that runs along source axis 0 (columns), 1 (rows) or 2 (slices). */
export function axisAlong(model: ModelGrid, source: 0 | 1 | 2): ModelAxis {
  return [model.x, model.y, model.z].find((axis) => axis.source === source)!;
}

export function planeStrides(model: ModelGrid): PlaneStrides {
  const strideOf = (axis: ModelAxis): number => {
    if (axis === model.x) return 1;
    return axis === model.y ? model.x.count : model.x.count * model.y.count;
  };
  const [across, down, through] = [axisAlong(model, 0), axisAlong(model, 1), axisAlong(model, 2)];
  return {
    columns: across.count,
    rows: down.count,
    planes: through.count,
    column: strideOf(across),
    row: strideOf(down),
    plane: strideOf(through),
  };
}

/**
 * The volume in HU on the model grid, as a float tensor [z][y][x] handed to `write` in runs, each at its place (counted in
 * floats). Source slices pass one at a time: first within the slice, then across slices. When the slices lie along z, what
 * is in memory is the few planes under work; otherwise it is the tensor.
 */
export function resampleToModel(
  volume: Volume,
  model: ModelGrid,
  write: (values: Float32Array, place: number) => void,
): void {
  const strides = planeStrides(model);
  const size = strides.columns * strides.rows;
  if (strides.plane === size) {
    const turned = strides.column === 1 ? undefined : new Float32Array(size);
    forEachModelPlane(volume, model, (plane, index) => {
      if (turned) place(plane, turned, 0, strides);
      write(turned ?? plane, index * size);
    });
    return;
  }
  const tensor = new Float32Array(size * strides.planes);
  forEachModelPlane(volume, model, (plane, index) => place(plane, tensor, index * strides.plane, strides));
  write(tensor, 0);
}

function place(plane: Float32Array, target: Float32Array, start: number, strides: PlaneStrides): void {
  const { columns, rows, column, row } = strides;
  for (let r = 0, from = 0; r < rows; r++) {
    for (let c = 0, to = start + r * row; c < columns; c++, to += column) target[to] = plane[from++]!;
  }
}

/** Calls `emit` once for each model plane, ascending or descending as the source slices come; the plane is reused after. */
function forEachModelPlane(volume: Volume, model: ModelGrid, emit: (plane: Float32Array, index: number) => void): void {
  const { rows, columns } = volume.grid;
  const [across, down, through] = [tapsAlong(model, 0), tapsAlong(model, 1), tapsAlong(model, 2)];
  const rescaled = new Float32Array(rows * columns);
  const narrowed = new Float32Array(rows * across.first.length);
  const size = across.first.length * down.first.length;
  const reduced = new Float32Array(size);
  const open = new Map<number, Float32Array>();
  const spare: Float32Array[] = [];
  const uses = usesOf(through, volume.slices.length);

  for (const [slice, source] of volume.slices.entries()) {
    writeRescaled(source, rescaled);
    filterRows(rescaled, columns, across, narrowed);
    filterColumns(narrowed, across.first.length, down, reduced);
    for (const { plane, weight, last } of uses[slice]!) {
      let sum = open.get(plane);
      if (sum === undefined) {
        sum = spare.pop()?.fill(0) ?? new Float32Array(size);
        open.set(plane, sum);
      }
      for (let i = 0; i < size; i++) sum[i]! += reduced[i]! * weight;
      if (!last) continue;
      emit(sum, plane);
      open.delete(plane);
      spare.push(sum);
    }
  }
}

const tapsAlong = (model: ModelGrid, source: 0 | 1 | 2): Taps => tentTaps(axisAlong(model, source));

interface Use {
  readonly plane: number;
  readonly weight: number;
  /** No later slice adds to the plane. */
  readonly last: boolean;
}

/** For each source slice, the model planes it adds to. */
function usesOf(taps: Taps, slices: number): readonly (readonly Use[])[] {
  const uses = Array.from({ length: slices }, (): Use[] => []);
  for (let plane = 0; plane < taps.first.length; plane++) {
    const count = taps.count[plane]!;
    for (let t = 0; t < count; t++) {
      const weight = taps.weights[taps.offset[plane]! + t]!;
      uses[taps.first[plane]! + t]!.push({ plane, weight, last: t === count - 1 });
    }
  }
  return uses;
}

/** Resamples every row of `source` ([row][column], `columns` wide). */
function filterRows(source: Float32Array, columns: number, taps: Taps, out: Float32Array): void {
  const { first, count, offset, weights } = taps;
  const width = first.length;
  const rows = source.length / columns;
  for (let row = 0; row < rows; row++) {
    const start = row * columns;
    const target = row * width;
    for (let i = 0; i < width; i++) {
      const from = start + first[i]!;
      const w = offset[i]!;
      const n = count[i]!;
      let sum = 0;
      for (let t = 0; t < n; t++) sum += source[from + t]! * weights[w + t]!;
      out[target + i] = sum;
    }
  }
}

/** Resamples every column of `source` ([row][column], `columns` wide), a whole row of output at a time. */
function filterColumns(source: Float32Array, columns: number, taps: Taps, out: Float32Array): void {
  out.fill(0);
  for (let i = 0; i < taps.first.length; i++) {
    const target = i * columns;
    for (let t = 0; t < taps.count[i]!; t++) {
      const weight = taps.weights[taps.offset[i]! + t]!;
      const from = (taps.first[i]! + t) * columns;
      for (let c = 0; c < columns; c++) out[target + c]! += source[from + c]! * weight;
    }
  }
}
