import { positionOf, type Vec3 } from '../grid.ts';
import type { Volume } from '../volume.ts';
import { gridIndexOf } from '../volume-planes.ts';
import { farthestDistance } from './farthest-pair.ts';
import { Extremes } from './hull.ts';
import type { Runs } from './runs.ts';

/**
 * The maximum 3D diameter (IBSI L0JK) of each value: the greatest distance between two vertices of its mesh, in mm. The
 * vertices lie midway between a voxel inside and its neighbour outside, across a face: of those, only the ones at the ends of
 * runs can be outermost.
 *
 * @param runs of [slice][row][column] of the stored slices
 */
export function maximumDiameters(runs: Runs, volume: Volume): Map<number, number> {
  const { from, to } = runs.box;
  const rows = to[1] - from[1];
  const outer = new Map<number, Vec3[]>();
  /** Of one value: the outline of the slice under work, and of the levels midway to the slice below and above. */
  let inSlice = new Map<number, Extremes>();
  let centres = new Map<number, Extremes>();
  let below = new Map<number, Extremes>();

  for (let slice = from[0]; slice <= to[0]; slice++) {
    inSlice = new Map();
    centres = new Map();
    const between = below;
    for (let row = from[1]; slice < to[0] && row < to[1]; row++) {
      const r = (slice - from[0]) * rows + row - from[1];
      for (let run = runs.ofRow[r]!; run < runs.ofRow[r + 1]!; run++) {
        const value = runs.value[run]!;
        const [first, last] = [runs.begin[run]!, runs.end[run]! - 1];
        const outline = entry(inSlice, value);
        outline.add(first - 0.5, row);
        outline.add(last + 0.5, row);
        for (const column of [first, last]) {
          outline.add(column, row - 0.5);
          outline.add(column, row + 0.5);
          entry(centres, value).add(column, row);
          entry(between, value).add(column, row);
        }
      }
    }
    collect(inSlice, outer, (column, row) => place(volume, column, row, slice));
    collect(between, outer, (column, row) =>
      midway(place(volume, column, row, slice - 1), place(volume, column, row, slice)),
    );
    below = centres;
  }
  return new Map([...outer].map(([value, points]) => [value, farthestDistance(points)]));
}

function entry(map: Map<number, Extremes>, value: number): Extremes {
  let extremes = map.get(value);
  if (extremes === undefined) {
    extremes = new Extremes();
    map.set(value, extremes);
  }
  return extremes;
}

function collect(
  from: ReadonlyMap<number, Extremes>,
  outer: Map<number, Vec3[]>,
  placed: (column: number, row: number) => Vec3,
): void {
  for (const [value, extremes] of from) {
    const points = outer.get(value) ?? [];
    for (const [column, row] of extremes.hull()) points.push(placed(column, row));
    outer.set(value, points);
  }
}

/** LPS of a pixel of a stored slice; beyond the ends the slices go on as they did. */
function place(volume: Volume, column: number, row: number, slice: number): Vec3 {
  const last = volume.slices.length - 1;
  const inside = Math.min(Math.max(slice, 0), last);
  const here = positionOf(volume.grid, ...gridIndexOf(volume, column, row, inside));
  if (slice === inside) return here;
  const neighbour = last === 0 ? undefined : inside === 0 ? 1 : inside - 1;
  const [c, r, s] = gridIndexOf(volume, column, row, inside);
  const there =
    neighbour === undefined
      ? positionOf(volume.grid, c, r, s + inside - slice)
      : positionOf(volume.grid, ...gridIndexOf(volume, column, row, neighbour));
  return [2 * here[0] - there[0], 2 * here[1] - there[1], 2 * here[2] - there[2]];
}

const midway = (a: Vec3, b: Vec3): Vec3 => [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2, (a[2] + b[2]) / 2];
