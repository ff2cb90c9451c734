import type { Volume } from '../volume.ts';
import { gridIndexOf, storedSize, writeValues } from '../volume-planes.ts';
import type { ClassSums } from './field-sums.ts';
import type { FieldShape } from './label-field.ts';

/** Of a sphere of 1 mL, mm. */
const RADIUS = Math.cbrt((3 * 1000) / (4 * Math.PI));

/** A row of voxels of the sphere, as seen from its centre. */
interface SphereRow {
  readonly slice: number;
  readonly row: number;
  readonly from: number;
  readonly to: number;
}

/**
 * The global intensity peak (IBSI 0F91; SUVpeak of PERCIST): the greatest mean in a sphere of 1 mL centred on a voxel of the
 * segment. Every voxel with its centre in the sphere counts, in the segment or not; what lies beyond the images does not.
 */
export function globalPeak(
  bytes: Uint8Array,
  [, rows, columns]: FieldShape,
  value: number,
  sums: ClassSums,
  volume: Volume,
): number {
  const prefixes = new Map<number, Float64Array>();
  let peak = Number.NEGATIVE_INFINITY;
  for (const slice of sums.slices) {
    const sphere = sphereAround(volume, slice);
    const lowest = Math.min(...sphere.map((one) => one.slice));
    for (const held of prefixes.keys()) if (held < lowest) prefixes.delete(held);
    for (const one of sphere) if (!prefixes.has(one.slice)) prefixes.set(one.slice, prefixOf(volume, one.slice));
    for (let row = sums.box.from[1]; row < sums.box.to[1]; row++) {
      for (let column = sums.box.from[2]; column < sums.box.to[2]; column++) {
        if (bytes[(slice * rows + row) * columns + column] !== value) continue;
        let sum = 0;
        let count = 0;
        for (const one of sphere) {
          const at = row + one.row;
          if (at < 0 || at >= rows) continue;
          const from = Math.max(column + one.from, 0);
          const to = Math.min(column + one.to, columns - 1);
          if (to < from) continue;
          const prefix = prefixes.get(one.slice)!;
          sum += prefix[at * (columns + 1) + to + 1]! - prefix[at * (columns + 1) + from]!;
          count += to - from + 1;
        }
        if (sum / count > peak) peak = sum / count;
      }
    }
  }
  return peak;
}

/** The rows of the sphere around a voxel of a slice: stored slices may lie tilted and at unequal steps. */
function sphereAround(volume: Volume, centre: number): SphereRow[] {
  const { columnSpacing, rowSpacing, sliceSpacing } = volume.grid;
  const [column, row, place] = gridIndexOf(volume, 0, 0, centre);
  return volume.slices.flatMap((_, slice) => {
    const [c, r, s] = gridIndexOf(volume, 0, 0, slice);
    const inSlice = RADIUS ** 2 - ((s - place) * sliceSpacing) ** 2;
    if (inSlice < 0) return [];
    const [left, up] = [column - c, row - r];
    const reach = Math.sqrt(inSlice) / rowSpacing;
    const found: SphereRow[] = [];
    for (let dy = Math.ceil(up - reach); dy <= up + reach; dy++) {
      const half = Math.sqrt(Math.max(0, inSlice - ((dy - up) * rowSpacing) ** 2)) / columnSpacing;
      const [from, to] = [Math.ceil(left - half), Math.floor(left + half)];
      if (to >= from) found.push({ slice, row: dy, from, to });
    }
    return found;
  });
}

/** For each row the sums of its values up to each column. */
function prefixOf(volume: Volume, slice: number): Float64Array {
  const { rows, columns } = storedSize(volume);
  const values = new Float32Array(rows * columns);
  writeValues(volume.slices[slice]!, values);
  const prefix = new Float64Array(rows * (columns + 1));
  for (let row = 0, from = 0; row < rows; row++) {
    let sum = 0;
    for (let column = 0, to = row * (columns + 1) + 1; column < columns; column++, from++, to++) {
      sum += values[from]!;
      prefix[to] = sum;
    }
  }
  return prefix;
}
