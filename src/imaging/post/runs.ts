import type { FieldShape } from './label-field.ts';

/** A part of a field: its ends do not belong to it. */
export interface FieldBox {
  readonly from: FieldShape;
  readonly to: FieldShape;
}

/** Voxels of one value that follow each other in a row, ordered by place: what label maps mostly consist of. */
export interface Runs {
  readonly length: number;
  /** Columns from begin to end - 1. */
  readonly begin: Int32Array;
  readonly end: Int32Array;
  readonly value: Uint8Array;
  /** The runs of row r of the box, counted through its planes, are ofRow[r] to ofRow[r + 1] - 1. */
  readonly ofRow: Int32Array;
  readonly box: FieldBox;
}

export const wholeBox = (shape: FieldShape): FieldBox => ({ from: [0, 0, 0], to: shape });

/** The runs of `bytes` in a box; `worth` says what each byte counts as, 0 for nothing. */
export function runsOf(bytes: Uint8Array, shape: FieldShape, worth: Uint8Array, box = wholeBox(shape)): Runs {
  const { from, to } = box;
  const ofRow = new Int32Array((to[0] - from[0]) * (to[1] - from[1]) + 1);
  let begin = new Int32Array(1 << 8);
  let end = new Int32Array(1 << 8);
  let value = new Uint8Array(1 << 8);
  let length = 0;
  for (let plane = from[0], r = 0; plane < to[0]; plane++) {
    for (let row = from[1]; row < to[1]; row++) {
      const start = (plane * shape[1] + row) * shape[2];
      const last = start + to[2];
      let at = start + from[2];
      while (at < last) {
        while (at < last && bytes[at] === 0 && worth[0] === 0) at += 1;
        if (at === last) break;
        const first = at;
        const counted = worth[bytes[at]!]!;
        do at += 1;
        while (at < last && worth[bytes[at]!] === counted);
        if (counted === 0) continue;
        if (length === begin.length) {
          begin = doubled(begin, new Int32Array(2 * length));
          end = doubled(end, new Int32Array(2 * length));
          value = doubled(value, new Uint8Array(2 * length));
        }
        begin[length] = first - start;
        end[length] = at - start;
        value[length++] = counted;
      }
      ofRow[++r] = length;
    }
  }
  return { length, begin, end, value, ofRow, box };
}

function doubled<A extends Int32Array | Uint8Array>(values: A, into: A): A {
  into.set(values);
  return into;
}

/** Calls `visit` for every run with its plane and row in the field. */
export function forEachRun(runs: Runs, visit: (run: number, plane: number, row: number) => void): void {
  const { from, to } = runs.box;
  const rows = to[1] - from[1];
  for (let r = 0; r + 1 < runs.ofRow.length; r++) {
    for (let run = runs.ofRow[r]!; run < runs.ofRow[r + 1]!; run++) {
      visit(run, from[0] + Math.floor(r / rows), from[1] + (r % rows));
    }
  }
}

/** Which voxels touch: by face (6), by face or edge (18), by face, edge or corner (26). */
export type Connectivity = 6 | 18 | 26;

/** The component each run belongs to: 0, 1, … in the order of their first voxels. */
export interface RunComponents {
  readonly count: number;
  readonly of: Int32Array;
}

/** Connected components of runs of equal value: two passes with union-find, over runs in place of voxels. */
export function componentsOfRuns(runs: Runs, connectivity: Connectivity): RunComponents {
  const parent = new Int32Array(runs.length);
  for (let i = 0; i < parent.length; i++) parent[i] = i;
  const { from, to } = runs.box;
  const planes = to[0] - from[0];
  const rows = to[1] - from[1];
  // How far apart columns may be: in rows that share a face, and in rows that share an edge.
  const [face, edge] = { 6: [0, -1], 18: [1, 0], 26: [1, 1] }[connectivity] as [number, number];
  for (let plane = 0; plane < planes; plane++) {
    for (let row = 0; row < rows; row++) {
      const r = plane * rows + row;
      if (row > 0) join(runs, parent, r, r - 1, face);
      if (plane === 0) continue;
      const below = r - rows;
      join(runs, parent, r, below, face);
      if (edge < 0) continue;
      if (row > 0) join(runs, parent, r, below - 1, edge);
      if (row + 1 < rows) join(runs, parent, r, below + 1, edge);
    }
  }
  let count = 0;
  const of = new Int32Array(runs.length);
  for (let i = 0; i < of.length; i++) {
    // A root is the first run of its component: it got its number before.
    const root = rootOf(parent, i);
    of[i] = root === i ? count++ : of[root]!;
  }
  return { count, of };
}

/** Joins the runs of two rows that come within `reach` columns of each other. */
function join({ begin, end, value, ofRow }: Runs, parent: Int32Array, r: number, s: number, reach: number): void {
  const [lastI, lastJ] = [ofRow[r + 1]!, ofRow[s + 1]!];
  const touch = (i: number, j: number): void => {
    if (begin[i]! < end[j]! + reach && begin[j]! < end[i]! + reach && value[i] === value[j]) unite(parent, i, j);
  };
  let i = ofRow[r]!;
  let j = ofRow[s]!;
  while (i < lastI && j < lastJ) {
    touch(i, j);
    if (end[i]! < end[j]!) i += 1;
    else if (end[j]! < end[i]!) j += 1;
    else {
      // Where two runs end together, each may still touch the one that follows the other.
      if (i + 1 < lastI) touch(i + 1, j);
      if (j + 1 < lastJ) touch(i, j + 1);
      i += 1;
      j += 1;
    }
  }
}

function unite(parent: Int32Array, i: number, j: number): void {
  const a = rootOf(parent, i);
  const b = rootOf(parent, j);
  if (a < b) parent[b] = a;
  else parent[a] = b;
}

function rootOf(parent: Int32Array, i: number): number {
  let at = i;
  while (parent[at] !== at) {
    parent[at] = parent[parent[at]!]!;
    at = parent[at]!;
  }
  return at;
}
