import type { Taps } from '../tent-filter.ts';
import { isIdentity } from './axis-maps.ts';
import { columnCoefficients, MARGIN, rowCoefficients } from './spline-coefficients.ts';
import type { Triple } from './steps.ts';

/** Values [slice][row][column] that are read a slice at a time. */
export interface Planes {
  /** Of columns, rows and slices. */
  readonly counts: Triple;
  /** Writes one slice into `out`, [row][column]. */
  read(slice: number, out: Float32Array): void;
}

/** New values from old along one axis of the memory. */
export interface PlaneMap {
  readonly taps: Taps;
  /** Cubic, and within slices used instead: from coefficients that begin at sample -MARGIN. */
  readonly spline?: Taps;
}

export type PlaneMaps = readonly [columns: PlaneMap, rows: PlaneMap, slices: PlaneMap];

/** New columns, rows and slices. */
export const countsOf = (maps: PlaneMaps): Triple => [
  maps[0].taps.first.length,
  maps[1].taps.first.length,
  maps[2].taps.first.length,
];

/**
 * Resamples along all three axes. Slices pass one at a time: first within the slice, then across slices; what is held is the
 * few planes under work, with 64-bit sums. `emit` gets each new plane once, in the order in which they are finished; the array
 * is reused after. No count of the maps may be 0.
 */
export function filterPlanes(
  planes: Planes,
  maps: PlaneMaps,
  emit: (plane: Float32Array, index: number) => void,
): void {
  const [width, height, depth] = planes.counts;
  const [newWidth, newHeight] = countsOf(maps);
  const size = newWidth * newHeight;
  const across = alongRows(maps[0], width, height);
  const down = alongColumns(maps[1], newWidth, height);
  const slices = maps[2].taps;
  const plane = new Float32Array(width * height);
  const done = new Float32Array(size);
  const open = new Map<number, Float64Array>();
  const spare: Float64Array[] = [];

  for (const [slice, uses] of usesOf(slices, depth).entries()) {
    if (uses.length === 0) continue;
    planes.read(slice, plane);
    const filtered = down(across(plane));
    for (const { target, weight, only, last } of uses) {
      if (only && weight === 1) {
        done.set(filtered);
        emit(done, target);
        continue;
      }
      const sum = open.get(target) ?? spare.pop()?.fill(0) ?? new Float64Array(size);
      addWeighted(sum, filtered, weight);
      if (!last) {
        open.set(target, sum);
        continue;
      }
      done.set(sum);
      emit(done, target);
      open.delete(target);
      spare.push(sum);
    }
  }
}

type Values = Float32Array | Float64Array;

/** Makes a plane of `newWidth` columns of one of `width`; the array it gives is reused. */
function alongRows({ taps, spline }: PlaneMap, width: number, height: number): (plane: Values) => Values {
  if (isIdentity(taps, width)) return (plane) => plane;
  const out = new Float64Array(height * taps.first.length);
  if (spline === undefined) return (plane) => filterRows(plane, width, taps, out);
  const wide = width + 2 * MARGIN;
  const coefficients = new Float64Array(height * wide);
  return (plane) => filterRows(rowCoefficients(plane, width, coefficients), wide, spline, out);
}

function alongColumns({ taps, spline }: PlaneMap, width: number, height: number): (plane: Values) => Values {
  if (isIdentity(taps, height)) return (plane) => plane;
  const out = new Float64Array(width * taps.first.length);
  if (spline === undefined) return (plane) => filterColumns(plane, width, taps, out);
  const coefficients = new Float64Array(width * (height + 2 * MARGIN));
  return (plane) => filterColumns(columnCoefficients(plane, width, coefficients), width, spline, out);
}

interface Use {
  readonly target: number;
  readonly weight: number;
  /** No other slice adds to the plane; no later one does. */
  readonly only: boolean;
  readonly last: boolean;
}

/** For each slice, the new planes it adds to. */
function usesOf(taps: Taps, slices: number): readonly (readonly Use[])[] {
  const uses = Array.from({ length: slices }, (): Use[] => []);
  for (let target = 0; target < taps.first.length; target++) {
    const count = taps.count[target]!;
    for (let t = 0; t < count; t++) {
      const weight = taps.weights[taps.offset[target]! + t]!;
      uses[taps.first[target]! + t]!.push({ target, weight, only: count === 1, last: t === count - 1 });
    }
  }
  return uses;
}

function addWeighted(sum: Float64Array, values: Values, weight: number): void {
  for (let i = 0; i < sum.length; i++) sum[i]! += values[i]! * weight;
}

/** Resamples every row of `source` ([row][column], `width` wide). */
function filterRows(source: Values, width: number, taps: Taps, out: Float64Array): Float64Array {
  const { first, count, offset, weights } = taps;
  const newWidth = first.length;
  const rows = source.length / width;
  for (let row = 0; row < rows; row++) {
    const start = row * width;
    const target = row * newWidth;
    for (let i = 0; i < newWidth; i++) {
      const from = start + first[i]!;
      const w = offset[i]!;
      const n = count[i]!;
      let sum = 0;
      for (let t = 0; t < n; t++) sum += source[from + t]! * weights[w + t]!;
      out[target + i] = sum;
    }
  }
  return out;
}

/** Resamples every column of `source` ([row][column], `width` wide), a whole row of output at a time. */
function filterColumns(
  source: Float32Array | Float64Array,
  width: number,
  taps: Taps,
  out: Float64Array,
): Float64Array {
  out.fill(0);
  for (let i = 0; i < taps.first.length; i++) {
    const row = out.subarray(i * width, (i + 1) * width);
    for (let t = 0; t < taps.count[i]!; t++) {
      const from = (taps.first[i]! + t) * width;
      addWeighted(row, source.subarray(from, from + width), taps.weights[taps.offset[i]! + t]!);
    }
  }
  return out;
}
