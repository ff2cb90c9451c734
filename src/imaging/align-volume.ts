import { type Grid, positionOf, type Vec3 } from './grid.ts';
import { dot, subtract } from './vector.ts';
import type { Volume, VolumeSlice } from './volume.ts';
import { writeGridPlane } from './volume-planes.ts';

/** Grids that differ by less than this part of a voxel anywhere are one. */
const SAME_GRID_VOXELS = 1e-3;

/** Whether every voxel of the one lies on its fellow of the other. */
export function isSameGrid(a: Grid, b: Grid): boolean {
  if (a.columns !== b.columns || a.rows !== b.rows || a.slices !== b.slices) return false;
  const smallest = Math.min(a.columnSpacing, a.rowSpacing, a.sliceSpacing);
  return [0, a.columns - 1].every((column) =>
    [0, a.rows - 1].every((row) =>
      [0, a.slices - 1].every((slice) => {
        const off = subtract(positionOf(a, column, row, slice), positionOf(b, column, row, slice));
        return Math.hypot(...off) <= SAME_GRID_VOXELS * smallest;
      }),
    ),
  );
}

/**
 * The volume resampled onto another grid of the same frame of reference: trilinear in patient space (LPS, mm); beyond its
 * outermost voxel centres by half a voxel the nearest counts, further out it is nothing (air in CT, 0 elsewhere).
 */
export function alignVolume(volume: Volume, grid: Grid): Volume {
  const { slices: from, channels, units } = volume;
  const nothing = from[0]?.nothing ?? 0;
  const planes = Array.from({ length: channels }, (_, channel) => planesOf(volume, channel as 0 | 1 | 2));
  const slices: VolumeSlice[] = [];
  for (let slice = 0; slice < grid.slices; slice++) {
    const samples = new Float32Array(grid.columns * grid.rows * channels);
    for (let channel = 0; channel < channels; channel++)
      sampleSlice(planes[channel]!, volume.grid, grid, slice, { samples, channel, channels, nothing });
    slices.push({ samples, slope: 1, intercept: 0, nothing });
  }
  return { grid, slices, channels, units };
}

function planesOf(volume: Volume, channel: 0 | 1 | 2): Float32Array[] {
  const { columns, rows, slices } = volume.grid;
  return Array.from({ length: slices }, (_, slice) => {
    const plane = new Float32Array(columns * rows);
    writeGridPlane(volume, slice, plane, channel);
    return plane;
  });
}

interface Target {
  readonly samples: Float32Array;
  readonly channel: number;
  readonly channels: number;
  readonly nothing: number;
}

function sampleSlice(planes: readonly Float32Array[], source: Grid, grid: Grid, slice: number, target: Target): void {
  const { samples, channel, channels, nothing } = target;
  const [dx, dy, dz] = indexStep(source, grid);
  for (let row = 0; row < grid.rows; row++) {
    let [x, y, z] = indexOf(source, positionOf(grid, 0, row, slice));
    let to = row * grid.columns * channels + channel;
    for (let column = 0; column < grid.columns; column++, to += channels, x += dx, y += dy, z += dz)
      samples[to] = valueAt(planes, source, x, y, z, nothing);
  }
}

/** Columns, rows and slices of the source that one column of the grid steps. */
function indexStep(source: Grid, grid: Grid): Vec3 {
  const [a, b] = [indexOf(source, positionOf(grid, 0, 0, 0)), indexOf(source, positionOf(grid, 1, 0, 0))];
  return subtract(b, a);
}

function indexOf(grid: Grid, position: Vec3): Vec3 {
  const from = subtract(position, grid.origin);
  return [
    dot(from, grid.rowDirection) / grid.columnSpacing,
    dot(from, grid.columnDirection) / grid.rowSpacing,
    dot(from, grid.normal) / grid.sliceSpacing,
  ];
}

function valueAt(
  planes: readonly Float32Array[],
  { columns, rows, slices }: Grid,
  x: number,
  y: number,
  z: number,
  nothing: number,
): number {
  if (!(x >= -0.5 && y >= -0.5 && z >= -0.5 && x <= columns - 0.5 && y <= rows - 0.5 && z <= slices - 0.5))
    return nothing;
  const cx = x < 0 ? 0 : x > columns - 1 ? columns - 1 : x;
  const cy = y < 0 ? 0 : y > rows - 1 ? rows - 1 : y;
  const cz = z < 0 ? 0 : z > slices - 1 ? slices - 1 : z;
  const c0 = Math.floor(cx);
  const r0 = Math.floor(cy);
  const s0 = Math.floor(cz);
  const c1 = c0 + 1 < columns ? c0 + 1 : c0;
  const upper = r0 * columns;
  const lower = r0 + 1 < rows ? upper + columns : upper;
  const fx = cx - c0;
  const fy = cy - r0;
  const fz = cz - s0;
  const near = inPlane(planes[s0]!, upper, lower, c0, c1, fx, fy);
  if (fz === 0) return near;
  return near * (1 - fz) + inPlane(planes[s0 + 1]!, upper, lower, c0, c1, fx, fy) * fz;
}

function inPlane(
  plane: Float32Array,
  upper: number,
  lower: number,
  c0: number,
  c1: number,
  fx: number,
  fy: number,
): number {
  const top = plane[upper + c0]! * (1 - fx) + plane[upper + c1]! * fx;
  const bottom = plane[lower + c0]! * (1 - fx) + plane[lower + c1]! * fx;
  return top * (1 - fy) + bottom * fy;
}
