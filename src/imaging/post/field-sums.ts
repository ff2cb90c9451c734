import type { Vec3 } from '../grid.ts';
import type { Volume } from '../volume.ts';
import { gridIndexOf, storedMillilitres } from '../volume-planes.ts';
import { type LabelField, labelMaps } from './label-field.ts';
import { type FieldBox, forEachRun, runsOf } from './runs.ts';

/** Where one class lies on the stored slices. */
export interface ClassSums {
  readonly voxels: number;
  readonly millilitres: number;
  /** In columns, rows and slices of the grid of the volume; each voxel counts with its volume. */
  readonly centroid: Vec3;
  /** [slice][row][column] */
  readonly box: FieldBox;
  /** Stored slices with a voxel of it, ascending. */
  readonly slices: readonly number[];
}

/** Of each of the classes that has a voxel. */
export function sumClasses(field: LabelField, classes: readonly number[], volume: Volume): Map<number, ClassSums> {
  const found = new Map<number, ClassSums>();
  for (const map of labelMaps(field, classes)) {
    const worth = new Uint8Array(256);
    for (const value of map.valueOf.values()) worth[value] = value;
    const runs = runsOf(map.bytes, field.shape, worth);
    const sums = Array.from({ length: 256 }, emptySum);
    forEachRun(runs, (run, slice, row) =>
      add(sums[runs.value[run]!]!, runs.begin[run]!, runs.end[run]!, row, slice, volume),
    );
    for (const [c, value] of map.valueOf) if (sums[value]!.voxels > 0) found.set(c, closed(sums[value]!, volume));
  }
  return found;
}

interface Sum {
  voxels: number;
  millilitres: number;
  /** Of the slice under work, in voxels: how many, and the sums of their columns and rows. */
  inSlice: [voxels: number, columns: number, rows: number];
  weighted: [number, number, number];
  readonly from: [number, number, number];
  readonly to: [number, number, number];
  readonly slices: number[];
}

const emptySum = (): Sum => ({
  voxels: 0,
  millilitres: 0,
  inSlice: [0, 0, 0],
  weighted: [0, 0, 0],
  from: [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  to: [0, 0, 0],
  slices: [],
});

function add(sum: Sum, begin: number, end: number, row: number, slice: number, volume: Volume): void {
  if (sum.slices.at(-1) !== slice) {
    closeSlice(sum, volume);
    sum.slices.push(slice);
  }
  const length = end - begin;
  sum.inSlice[0] += length;
  sum.inSlice[1] += ((begin + end - 1) / 2) * length;
  sum.inSlice[2] += row * length;
  sum.from[0] = Math.min(sum.from[0], slice);
  sum.from[1] = Math.min(sum.from[1], row);
  sum.from[2] = Math.min(sum.from[2], begin);
  sum.to[0] = Math.max(sum.to[0], slice + 1);
  sum.to[1] = Math.max(sum.to[1], row + 1);
  sum.to[2] = Math.max(sum.to[2], end);
  sum.voxels += length;
}

function closeSlice(sum: Sum, volume: Volume): void {
  const slice = sum.slices.at(-1);
  const [voxels, columns, rows] = sum.inSlice;
  if (slice === undefined || voxels === 0) return;
  const millilitres = voxels * storedMillilitres(volume, slice);
  const place = gridIndexOf(volume, columns / voxels, rows / voxels, slice);
  for (const axis of [0, 1, 2] as const) sum.weighted[axis] += millilitres * place[axis];
  sum.millilitres += millilitres;
  sum.inSlice = [0, 0, 0];
}

function closed(sum: Sum, volume: Volume): ClassSums {
  closeSlice(sum, volume);
  const { voxels, millilitres, weighted, from, to, slices } = sum;
  const centroid: Vec3 = [weighted[0] / millilitres, weighted[1] / millilitres, weighted[2] / millilitres];
  return { voxels, millilitres, centroid, box: { from, to }, slices };
}
