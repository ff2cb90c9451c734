import { visitVoxels } from './mask-bits.ts';
import type { SegmentOutline } from './types.ts';

/** What an FL value of 16 bits length holds (PS3.5 7.1.2): pairs of four bytes each. */
const MOST_POINTS = 8191;

/** Frames of one bit a voxel, as a SEG has them. */
export interface OutlineInput {
  readonly frames: readonly { readonly segment: number; readonly slice: number }[];
  readonly pixelData: Uint8Array;
  readonly rows: number;
  readonly columns: number;
}

/**
 * The outline of each segment where it is largest: of the slice with most of its voxels (the first of equals) the largest
 * part, along the edges of its pixels. One whose outline has more corners than a Graphic Data value holds is left out.
 */
export function outlineSegments({ frames, pixelData, rows, columns }: OutlineInput): SegmentOutline[] {
  const largest = new Map<number, { frame: number; slice: number; count: number }>();
  for (const [frame, { segment, slice }] of frames.entries()) {
    let count = 0;
    visitVoxels({ bits: pixelData, frame, rows, columns }, () => {
      count += 1;
    });
    if (count > (largest.get(segment)?.count ?? 0)) largest.set(segment, { frame, slice, count });
  }
  return [...largest]
    .sort(([a], [b]) => a - b)
    .flatMap(([segment, { frame, slice }]) => {
      const mask = new Uint8Array(rows * columns);
      visitVoxels({ bits: pixelData, frame, rows, columns }, (index) => {
        mask[index] = 1;
      });
      const points = outlineOf(largestPart(mask, columns), columns);
      return points.length > MOST_POINTS ? [] : [{ segment, slice, points, areaPixels: areaOf(points) }];
    });
}

/** The pixels of the largest part whose pixels touch by their edges; the first of equals. */
function largestPart(mask: Uint8Array, columns: number): ReadonlySet<number> {
  const left = mask.slice();
  let largest: number[] = [];
  for (let start = 0; start < left.length; start += 1) {
    if (left[start] === 0) continue;
    const part = [start];
    left[start] = 0;
    for (let at = 0; at < part.length; at += 1) {
      const index = part[at]!;
      const column = index % columns;
      const neighbours = [
        index - columns,
        index + columns,
        column > 0 ? index - 1 : -1,
        column < columns - 1 ? index + 1 : -1,
      ];
      for (const next of neighbours) {
        if (left[next] !== 1) continue;
        left[next] = 0;
        part.push(next);
      }
    }
    if (part.length > largest.length) largest = part;
  }
  return new Set(largest);
}

/** Right, down, left, up: where a step along an edge leads. */
const STEPS = [
  [1, 0],
  [0, 1],
  [-1, 0],
  [0, -1],
] as const;
/** From a corner, the pixel ahead on the right of each direction; the one on its left is that of the direction before. */
const AHEAD_RIGHT = [
  [0, 0],
  [-1, 0],
  [-1, -1],
  [0, -1],
] as const;

/**
 * Around the part with its pixels on the right hand, corner by corner: [column, row], the first one again at the end.
 * The origin is the outer corner of the first pixel, and its opposite corner is (1, 1) (PS3.3 C.18.6.1.1).
 */
function outlineOf(part: ReadonlySet<number>, columns: number): (readonly [number, number])[] {
  const has = (column: number, row: number): boolean =>
    column >= 0 && column < columns && row >= 0 && part.has(row * columns + column);
  const first = Math.min(...firstRow(part, columns));
  const start = [first % columns, Math.floor(first / columns)] as const;
  const points: (readonly [number, number])[] = [start];
  let [x, y]: readonly [number, number] = start;
  let direction = 0;
  do {
    x += STEPS[direction]![0];
    y += STEPS[direction]![1];
    const [rightX, rightY] = AHEAD_RIGHT[direction]!;
    const [leftX, leftY] = AHEAD_RIGHT[(direction + 3) % 4]!;
    const turn = !has(x + rightX, y + rightY) ? 1 : has(x + leftX, y + leftY) ? 3 : 0;
    if (turn !== 0) points.push([x, y]);
    direction = (direction + turn) % 4;
  } while (x !== start[0] || y !== start[1] || direction !== 0);
  return points;
}

/** The topmost row of the part: its first pixel has nothing above it and nothing before it. */
function firstRow(part: ReadonlySet<number>, columns: number): number[] {
  let top = Number.POSITIVE_INFINITY;
  for (const index of part) top = Math.min(top, Math.floor(index / columns));
  return [...part].filter((index) => Math.floor(index / columns) === top);
}

/** Pixels inside, holes included (the shoelace formula). */
function areaOf(points: readonly (readonly [number, number])[]): number {
  let twice = 0;
  for (let at = 1; at < points.length; at += 1) {
    const [x0, y0] = points[at - 1]!;
    const [x1, y1] = points[at]!;
    twice += x0 * y1 - x1 * y0;
  }
  return Math.abs(twice) / 2;
}
