import type { Triple } from './steps.ts';

/**
 * nnU-Net's mask of what is not zero in any channel, holes filled (scipy.ndimage.binary_fill_holes): a zero is outside only
 * where a chain of zeros, face to face, leads from it to a border of the image. [slice][row][column], 1 within.
 *
 * Zeros are taken as runs along a row, joined with the runs of the rows beside: memory goes by the number of runs.
 */
export function filledMask(channels: readonly Float32Array[], [columns, rows, slices]: Triple): Uint8Array {
  const mask = new Uint8Array(columns * rows * slices);
  for (const values of channels) for (let i = 0; i < mask.length; i++) if (values[i] !== 0) mask[i] = 1;

  const runs = new ZeroRuns();
  /** For each row the number of its first run; one more at the end. */
  const firstOf = new Int32Array(rows * slices + 1);
  for (let line = 0; line < rows * slices; line++) {
    firstOf[line] = runs.count;
    const row = line % rows;
    const edge = line < rows || line >= rows * (slices - 1) || row === 0 || row === rows - 1;
    addRuns(runs, mask, line * columns, columns, edge);
    firstOf[line + 1] = runs.count;
    if (row > 0) joinRows(runs, firstOf, line, line - 1, columns);
    if (line >= rows) joinRows(runs, firstOf, line, line - rows, columns);
  }
  for (let run = 0; run < runs.count; run++) {
    if (!runs.isOpen(run)) mask.fill(1, runs.start[run], runs.end[run]);
  }
  return mask;
}

function addRuns(runs: ZeroRuns, mask: Uint8Array, start: number, columns: number, edge: boolean): void {
  const stop = start + columns;
  for (let i = start; i < stop; i++) {
    if (mask[i] !== 0) continue;
    const from = i;
    while (i < stop && mask[i] === 0) i++;
    runs.add(from, i, edge || from === start || i === stop);
  }
}

/** Joins the runs of a row with those of a row before it that share a column; both ascend. */
function joinRows(runs: ZeroRuns, firstOf: Int32Array, line: number, before: number, columns: number): void {
  const away = (line - before) * columns;
  let other = firstOf[before]!;
  for (let run = firstOf[line]!; run < firstOf[line + 1]! && other < firstOf[before + 1]!; ) {
    const otherEnd = runs.end[other]! + away;
    if (runs.start[other]! + away < runs.end[run]! && runs.start[run]! < otherEnd) runs.join(run, other);
    if (runs.end[run]! < otherEnd) run++;
    else other++;
  }
}

/** Runs of zeros, and which of them hang together; what hangs together is open where any of it is at a border. */
class ZeroRuns {
  count = 0;
  start = new Int32Array(1024);
  end = new Int32Array(1024);
  private parent = new Int32Array(1024);
  private open = new Uint8Array(1024);

  /** @param end exclusive */
  add(start: number, end: number, open: boolean): void {
    if (this.count === this.start.length) this.grow();
    this.start[this.count] = start;
    this.end[this.count] = end;
    this.parent[this.count] = this.count;
    this.open[this.count] = open ? 1 : 0;
    this.count++;
  }

  join(a: number, b: number): void {
    const [one, other] = [this.root(a), this.root(b)];
    if (one === other) return;
    this.parent[Math.max(one, other)] = Math.min(one, other);
    this.open[Math.min(one, other)]! |= this.open[Math.max(one, other)]!;
  }

  isOpen(run: number): boolean {
    return this.open[this.root(run)] === 1;
  }

  private root(run: number): number {
    let root = run;
    while (this.parent[root] !== root) {
      this.parent[root] = this.parent[this.parent[root]!]!;
      root = this.parent[root]!;
    }
    return root;
  }

  private grow(): void {
    const longer = (old: Int32Array) => {
      const array = new Int32Array(2 * old.length);
      array.set(old);
      return array;
    };
    [this.start, this.end, this.parent] = [longer(this.start), longer(this.end), longer(this.parent)];
    const open = new Uint8Array(this.start.length);
    open.set(this.open);
    this.open = open;
  }
}
