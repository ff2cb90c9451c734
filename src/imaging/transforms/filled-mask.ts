import type { Triple } from './steps.ts';

/**
 * nnU-Net's mask of what is not zero in any channel, holes filled (scipy.ndimage.binary_fill_holes): a zero is outside only
 * where a chain of zeros, face to face, leads from it to a border of the image. [slice][row][column], 1 within.
 *
 * Zeros are taken as runs along a row, joined with the runs beside them: memory goes by the number of runs, not of voxels.
 */
export function filledMask(channels: readonly Float32Array[], [columns, rows, slices]: Triple): Uint8Array {
  const mask = new Uint8Array(columns * rows * slices);
  for (const values of channels) for (let i = 0; i < mask.length; i++) if (values[i] !== 0) mask[i] = 1;

  const runs = new RunSets();
  let sliceBefore: readonly Run[][] = [];
  const all: Run[] = [];
  for (let slice = 0; slice < slices; slice++) {
    const here: Run[][] = [];
    for (let row = 0; row < rows; row++) {
      const start = (slice * rows + row) * columns;
      const edge = slice === 0 || slice === slices - 1 || row === 0 || row === rows - 1;
      const line = zeroRuns(mask, start, columns, edge, runs);
      joinOverlapping(line, here[row - 1], columns, runs);
      joinOverlapping(line, sliceBefore[row], columns * rows, runs);
      here.push(line);
      for (const run of line) all.push(run);
    }
    sliceBefore = here;
  }
  for (const { start, end, id } of all) if (!runs.isOpen(id)) mask.fill(1, start, end);
  return mask;
}

/** Places in the mask, `end` exclusive. */
interface Run {
  readonly start: number;
  readonly end: number;
  readonly id: number;
}

function zeroRuns(mask: Uint8Array, start: number, columns: number, edge: boolean, runs: RunSets): Run[] {
  const line: Run[] = [];
  const stop = start + columns;
  for (let i = start; i < stop; i++) {
    if (mask[i] !== 0) continue;
    const from = i;
    while (i < stop && mask[i] === 0) i++;
    line.push({ start: from, end: i, id: runs.add(edge || from === start || i === stop) });
  }
  return line;
}

/** Joins each run with those of the row that lies `back` places before that share a column; both rows ascend. */
function joinOverlapping(line: readonly Run[], before: readonly Run[] | undefined, back: number, runs: RunSets): void {
  if (before === undefined) return;
  for (let i = 0, j = 0; i < line.length && j < before.length; ) {
    const [run, other] = [line[i]!, before[j]!];
    if (other.start + back < run.end && run.start < other.end + back) runs.join(run.id, other.id);
    if (run.end < other.end + back) i++;
    else j++;
  }
}

/** Sets of runs that hang together; one is open where any of its runs is at a border. */
class RunSets {
  readonly #parent: number[] = [];
  readonly #open: boolean[] = [];

  add(open: boolean): number {
    this.#open.push(open);
    return this.#parent.push(this.#parent.length) - 1;
  }

  join(a: number, b: number): void {
    const [one, other] = [this.#root(a), this.#root(b)];
    if (one === other) return;
    this.#parent[other] = one;
    if (this.#open[other]) this.#open[one] = true;
  }

  isOpen(id: number): boolean {
    return this.#open[this.#root(id)]!;
  }

  #root(id: number): number {
    let root = id;
    while (this.#parent[root] !== root) {
      this.#parent[root] = this.#parent[this.#parent[root]!]!;
      root = this.#parent[root]!;
    }
    return root;
  }
}
