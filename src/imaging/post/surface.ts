import { positionOf, type Vec3 } from '../grid.ts';
import { cross, dot, subtract } from '../vector.ts';
import type { Volume } from '../volume.ts';
import { gridIndexOf } from '../volume-planes.ts';
import type { FieldShape, LabelMap } from './label-field.ts';
import { MESH_CELLS, meshAreas } from './mesh-cells.ts';
import type { FieldBox } from './runs.ts';

export interface Surface {
  /** IBSI C0JK. */
  readonly squareMillimetres: number;
  /** Enclosed by the mesh, IBSI RNU0. */
  readonly millilitres: number;
}

/** The mesh around each value of a map of labels on the stored slices, in the patient: area and what it encloses. */
export function surfacesOf(
  { bytes }: LabelMap,
  [slices, rows, columns]: FieldShape,
  box: FieldBox,
  volume: Volume,
): readonly Surface[] {
  const area = new Float64Array(256);
  const enclosed = new Float64Array(256);
  const [fromSlice, fromRow, fromColumn] = box.from;
  const [toSlice, toRow, toColumn] = box.to;
  // One voxel of nothing all around.
  const width = toColumn - fromColumn + 2;
  const height = toRow - fromRow + 2;
  let low = new Uint8Array(width * height);
  let high = new Uint8Array(width * height);
  for (let slice = fromSlice - 1; slice < toSlice; slice++) {
    [low, high] = [high, low];
    high.fill(0);
    if (slice + 1 < toSlice) {
      for (let row = fromRow; row < toRow; row++) {
        const start = ((slice + 1) * rows + row) * columns;
        high.set(bytes.subarray(start + fromColumn, start + toColumn), (row - fromRow + 1) * width + 1);
      }
    }
    const edges = cellEdges(volume, slice, slices);
    const areas = meshAreas(edges);
    const cell = Math.abs(dot(edges[0], cross(edges[1], edges[2]))) / 1000;
    forMixedCells(
      low,
      high,
      width,
      height,
      (value, configuration) => {
        area[value]! += areas[configuration]!;
        enclosed[value]! += cell * MESH_CELLS[configuration]!.fraction;
      },
      (value) => {
        enclosed[value]! += cell;
      },
    );
  }
  return Array.from(area, (squareMillimetres, value) => ({ squareMillimetres, millilitres: enclosed[value]! }));
}

/** The edges of the cells between a stored slice and the next; beyond the ends as between the last two. */
function cellEdges(volume: Volume, slice: number, slices: number): [Vec3, Vec3, Vec3] {
  const { grid } = volume;
  const lower = Math.min(Math.max(slice, 0), Math.max(slices - 2, 0));
  const place = (column: number, row: number, of: number): Vec3 =>
    positionOf(grid, ...gridIndexOf(volume, column, row, of));
  const origin = place(0, 0, lower);
  const step =
    slices > 1
      ? subtract(place(0, 0, lower + 1), origin)
      : subtract(positionOf(grid, 0, 0, 1), positionOf(grid, 0, 0, 0));
  return [subtract(place(1, 0, lower), origin), subtract(place(0, 1, lower), origin), step];
}

/** Calls `mixed` for every cell that has a value in some of its corners but not all, `whole` where it has it in all. */
function forMixedCells(
  low: Uint8Array,
  high: Uint8Array,
  width: number,
  height: number,
  mixed: (value: number, configuration: number) => void,
  whole: (value: number) => void,
): void {
  const corners = new Uint8Array(8);
  for (let row = 0; row + 1 < height; row++) {
    let at = row * width;
    for (let column = 0; column + 1 < width; column++, at++) {
      const first = low[at]!;
      if (
        low[at + 1] === first &&
        low[at + width] === first &&
        low[at + width + 1] === first &&
        high[at] === first &&
        high[at + 1] === first &&
        high[at + width] === first &&
        high[at + width + 1] === first
      ) {
        if (first !== 0) whole(first);
        continue;
      }
      corners[0] = first;
      corners[1] = low[at + 1]!;
      corners[2] = low[at + width]!;
      corners[3] = low[at + width + 1]!;
      corners[4] = high[at]!;
      corners[5] = high[at + 1]!;
      corners[6] = high[at + width]!;
      corners[7] = high[at + width + 1]!;
      for (let i = 0; i < 8; i++) {
        const value = corners[i]!;
        if (value === 0) continue;
        let configuration = 0;
        for (let j = 0; j < 8; j++) if (corners[j] === value) configuration |= 1 << j;
        // Told once: at its first corner.
        if ((configuration & ((1 << i) - 1)) === 0) mixed(value, configuration);
      }
    }
  }
}
