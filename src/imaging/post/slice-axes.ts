import type { Grid } from '../grid.ts';
import { Extremes, type Point2 } from './hull.ts';
import type { FieldShape } from './label-field.ts';
import { componentsOfRuns, type FieldBox, type Runs, runsOf } from './runs.ts';

/** A straight line on a stored slice, its ends in columns and rows of it. */
export interface SliceLine {
  readonly ends: readonly [Point2, Point2];
  readonly millimetres: number;
}

export interface SliceAxes {
  readonly slice: number;
  /** The longest diameter of any part of the segment on any slice. */
  readonly long: SliceLine;
  /** On the same part, the longest line within it at right angles to that. */
  readonly short: SliceLine;
}

/**
 * Long and short axis of one value in the plane of acquisition, between the outlines of masks: half a pixel around the
 * centres of the voxels. Parts of a slice that do not touch (by edge or corner) are measured apart.
 */
export function sliceAxes(
  bytes: Uint8Array,
  shape: FieldShape,
  value: number,
  box: FieldBox,
  slices: readonly number[],
  grid: Grid,
): SliceAxes | undefined {
  const worth = new Uint8Array(256);
  worth[value] = 1;
  let best: { slice: number; long: SliceLine; part: PartOfSlice } | undefined;
  for (const slice of slices) {
    const runs = runsOf(bytes, shape, worth, {
      from: [slice, box.from[1], box.from[2]],
      to: [slice + 1, box.to[1], box.to[2]],
    });
    for (const part of partsOf(runs)) {
      // No diagonal of what is around it, no diameter.
      if (best !== undefined && part.diagonal(grid) <= best.long.millimetres) continue;
      const long = longest(part.hull(), grid);
      if (best === undefined || long.millimetres > best.long.millimetres) best = { slice, long, part };
    }
  }
  if (best === undefined) return undefined;
  return { slice: best.slice, long: best.long, short: longestAcross(best.part.outline(), best.long, grid) };
}

/** A part of a slice that hangs together: its runs, each [row, first column, column after the last]. */
class PartOfSlice {
  private readonly runs: (readonly [row: number, begin: number, end: number])[] = [];
  private from: [number, number] = [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER];
  private to: [number, number] = [0, 0];

  add(row: number, begin: number, end: number): void {
    this.runs.push([row, begin, end]);
    this.from = [Math.min(this.from[0], begin), Math.min(this.from[1], row)];
    this.to = [Math.max(this.to[0], end), Math.max(this.to[1], row + 1)];
  }

  diagonal({ columnSpacing, rowSpacing }: Grid): number {
    return Math.hypot((this.to[0] - this.from[0]) * columnSpacing, (this.to[1] - this.from[1]) * rowSpacing);
  }

  hull(): Point2[] {
    const extremes = new Extremes();
    for (const [row, begin, end] of this.runs) {
      extremes.add(begin - 0.5, row);
      extremes.add(end - 0.5, row);
      for (const column of [begin, end - 1]) {
        extremes.add(column, row - 0.5);
        extremes.add(column, row + 0.5);
      }
    }
    return extremes.hull();
  }

  /** The outline by marching squares: lines between midpoints of neighbours, one inside and one out. */
  outline(): [Point2, Point2][] {
    const width = this.to[0] - this.from[0] + 2;
    const height = this.to[1] - this.from[1] + 2;
    const mask = new Uint8Array(width * height);
    for (const [row, begin, end] of this.runs) {
      const start = (row - this.from[1] + 1) * width + 1 - this.from[0];
      mask.fill(1, start + begin, start + end);
    }
    const lines: [Point2, Point2][] = [];
    const [left, top] = [this.from[0] - 1, this.from[1] - 1];
    for (let y = 0; y + 1 < height; y++) {
      for (let x = 0; x + 1 < width; x++) {
        const at = y * width + x;
        const cell = mask[at]! | (mask[at + 1]! << 1) | (mask[at + width + 1]! << 2) | (mask[at + width]! << 3);
        for (const [a, b] of SQUARES[cell]!) lines.push([on(left + x, top + y, a), on(left + x, top + y, b)]);
      }
    }
    return lines;
  }
}

/** Midpoints of the sides of a square of four pixel centres: above, right, below, left. */
const SIDES: readonly Point2[] = [
  [0.5, 0],
  [1, 0.5],
  [0.5, 1],
  [0, 0.5],
];

const on = (x: number, y: number, side: number): Point2 => [x + SIDES[side]![0], y + SIDES[side]![1]];

/** For the corners inside (1 upper left, 2 upper right, 4 lower right, 8 lower left) the sides each line joins. */
const SQUARES: readonly (readonly (readonly [number, number])[])[] = [
  [],
  [[3, 0]],
  [[0, 1]],
  [[3, 1]],
  [[1, 2]],
  // Corners that touch hang together, as parts do.
  [
    [0, 1],
    [2, 3],
  ],
  [[0, 2]],
  [[3, 2]],
  [[2, 3]],
  [[2, 0]],
  [
    [3, 0],
    [1, 2],
  ],
  [[2, 1]],
  [[1, 3]],
  [[1, 0]],
  [[0, 3]],
  [],
];

function partsOf(runs: Runs): PartOfSlice[] {
  const { of, count } = componentsOfRuns(runs, 26);
  const parts = Array.from({ length: count }, () => new PartOfSlice());
  for (let r = 0; r + 1 < runs.ofRow.length; r++) {
    for (let run = runs.ofRow[r]!; run < runs.ofRow[r + 1]!; run++) {
      parts[of[run]!]!.add(runs.box.from[1] + r, runs.begin[run]!, runs.end[run]!);
    }
  }
  return parts;
}

function longest(hull: readonly Point2[], grid: Grid): SliceLine {
  let line: SliceLine = { ends: [hull[0]!, hull[0]!], millimetres: 0 };
  for (const [i, a] of hull.entries()) {
    for (const b of hull.slice(i + 1)) {
      const millimetres = Math.hypot((a[0] - b[0]) * grid.columnSpacing, (a[1] - b[1]) * grid.rowSpacing);
      if (millimetres > line.millimetres) line = { ends: [a, b], millimetres };
    }
  }
  return line;
}

/** Beside a vertex, where lines are met once each, mm. */
const BESIDE = 1e-6;

/**
 * The longest line at right angles to `axis` with its whole length inside the outline. Its length changes linearly between
 * the vertices of the outline, so that it is looked for beside them.
 */
function longestAcross(outline: readonly [Point2, Point2][], axis: SliceLine, grid: Grid): SliceLine {
  const { columnSpacing, rowSpacing } = grid;
  const [from, to] = axis.ends;
  const along: Point2 = [
    ((to[0] - from[0]) * columnSpacing) / axis.millimetres,
    ((to[1] - from[1]) * rowSpacing) / axis.millimetres,
  ];
  /** In mm along the axis and across it. */
  const turned = outline.map((line) =>
    line.map(([x, y]): Point2 => {
      const [mmX, mmY] = [x * columnSpacing, y * rowSpacing];
      return [mmX * along[0] + mmY * along[1], mmY * along[0] - mmX * along[1]];
    }),
  );
  let best = { at: 0, low: 0, high: 0 };
  const places = new Set(turned.flatMap((line) => line.flatMap(([t]) => [t - BESIDE, t + BESIDE])));
  for (const at of places) {
    const crossings: number[] = [];
    for (const [a, b] of turned) {
      if (a![0] < at === b![0] < at) continue;
      crossings.push(a![1] + ((at - a![0]) / (b![0] - a![0])) * (b![1] - a![1]));
    }
    crossings.sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const [low, high] = [crossings[i]!, crossings[i + 1]!];
      if (high - low > best.high - best.low) best = { at, low, high };
    }
  }
  const back = (across: number): Point2 => [
    (best.at * along[0] - across * along[1]) / columnSpacing,
    (best.at * along[1] + across * along[0]) / rowSpacing,
  ];
  return { ends: [back(best.low), back(best.high)], millimetres: best.high - best.low };
}
