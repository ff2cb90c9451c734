import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Triple } from '../../imaging/transforms/steps.ts';
import type { WindowGrid } from './window-grid.ts';

/** Finished planes of scores: float32 [plane][channel][u][v]. */
export interface PlaneSource {
  readonly channels: number;
  /** Values in one plane of all channels. */
  readonly planeValues: number;
  /** Ascending, each plane once. */
  take(from: number, to: number): Float32Array<ArrayBuffer>;
  close(): void;
}

/** Sums up to here are kept in memory, larger ones in a file: the page cache can be taken back, a heap cannot. */
const KEPT_BYTES = 384 * 2 ** 20;

/**
 * The weighted sums of windows, for as many planes as a window is deep: windows come ordered by where they begin along
 * the slab axis, so planes before the next window's first are finished, and their place is used again.
 */
export class PlaneSums implements PlaneSource {
  readonly channels: number;
  readonly planeValues: number;
  readonly #grid: WindowGrid;
  readonly #weights: Float32Array;
  readonly #order: readonly [0 | 1 | 2, 0 | 1 | 2, 0 | 1 | 2];
  /** Planes that are held at once: plane p at p modulo this. */
  readonly #depth: number;
  readonly #rows: number;
  readonly #columns: number;
  readonly #counts: Float32Array;
  readonly #memory: Float32Array | undefined;
  readonly #file: number | undefined;

  constructor(
    grid: WindowGrid,
    weights: Float32Array,
    slabAxis: 0 | 1 | 2,
    channels: number,
    folder: string,
    keptBytes = KEPT_BYTES,
  ) {
    this.channels = channels;
    this.#grid = grid;
    this.#weights = weights;
    this.#order = slabAxis === 0 ? [0, 1, 2] : slabAxis === 1 ? [1, 0, 2] : [2, 0, 1];
    const [plane, u, v] = this.#order;
    this.#depth = Math.min(grid.roi[plane], grid.image[plane]);
    this.#rows = grid.image[u];
    this.#columns = grid.image[v];
    this.planeValues = channels * this.#rows * this.#columns;
    this.#counts = new Float32Array(this.#depth * this.#rows * this.#columns);
    if (this.#depth * this.planeValues * 4 <= keptBytes)
      this.#memory = new Float32Array(this.#depth * this.planeValues);
    else this.#file = sparseFile(join(folder, 'sums.f32'));
  }

  /** Adds the scores of a window that begins at `start`: [channel][a][b][c]. */
  add(start: Triple, scores: Float32Array): void {
    const { image, roi } = this.#grid;
    const [plane, u, v] = this.#order;
    const strides: Triple = [roi[1] * roi[2], roi[2], 1];
    const low = (axis: 0 | 1 | 2) => Math.max(0, -start[axis]);
    const high = (axis: 0 | 1 | 2) => Math.min(roi[axis], image[axis] - start[axis]);
    const columns = high(v) - low(v);
    const window = roi[0] * roi[1] * roi[2];
    const [planes, rows] = [this.#rows * this.#columns, high(u) - low(u)];
    for (let p = low(plane); p < high(plane); p++) {
      const slot = (start[plane] + p) % this.#depth;
      const from = p * strides[plane] + low(u) * strides[u] + low(v) * strides[v];
      const to = (start[u] + low(u)) * this.#columns + start[v] + low(v);
      addWeights(
        this.#counts,
        slot * planes + to,
        this.#columns,
        this.#weights,
        from,
        strides[u],
        strides[v],
        rows,
        columns,
      );
      for (let channel = 0; channel < this.channels; channel++) {
        const at = (slot * this.channels + channel) * planes + to;
        const [sums, first] = this.#open(at, (rows - 1) * this.#columns + columns);
        addScores(
          sums,
          first,
          this.#columns,
          scores,
          channel * window,
          this.#weights,
          from,
          strides[u],
          strides[v],
          rows,
          columns,
        );
        this.#keep(sums, at);
      }
    }
  }

  take(from: number, to: number): Float32Array<ArrayBuffer> {
    const values = new Float32Array((to - from) * this.planeValues);
    const voxels = this.#rows * this.#columns;
    for (let plane = from; plane < to; plane++) {
      const slot = plane % this.#depth;
      const taken = values.subarray((plane - from) * this.planeValues, (plane - from + 1) * this.planeValues);
      this.#takePlane(slot, taken);
      const counts = this.#counts.subarray(slot * voxels, (slot + 1) * voxels);
      for (let channel = 0, at = 0; channel < this.channels; channel++)
        for (let i = 0; i < voxels; i++, at++) taken[at] = taken[at]! / counts[i]!;
      counts.fill(0);
    }
    return values;
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
  }

  /** Where the sums from `at` on can be added to. */
  #open(at: number, count: number): [Float32Array, number] {
    if (this.#memory) return [this.#memory, at];
    const held = new Float32Array(count);
    readFloats(this.#file!, held, at);
    return [held, 0];
  }

  #keep(sums: Float32Array, at: number): void {
    if (this.#file !== undefined) writeFloats(this.#file, sums, at);
  }

  #takePlane(slot: number, into: Float32Array): void {
    const at = slot * this.planeValues;
    if (this.#memory) {
      const plane = this.#memory.subarray(at, at + this.planeValues);
      into.set(plane);
      plane.fill(0);
      return;
    }
    readFloats(this.#file!, into, at);
    writeFloats(this.#file!, new Float32Array(this.planeValues), at);
  }
}

function addWeights(
  counts: Float32Array,
  at: number,
  rowLength: number,
  weights: Float32Array,
  from: number,
  rowStride: number,
  stride: number,
  rows: number,
  columns: number,
): void {
  for (let row = 0; row < rows; row++) {
    let [to, source] = [at + row * rowLength, from + row * rowStride];
    for (let i = 0; i < columns; i++, to++, source += stride) counts[to] = counts[to]! + weights[source]!;
  }
}

/** Each product is rounded to 32 bits before it is added, as MONAI does it: the sums are the same to the bit. */
function addScores(
  sums: Float32Array,
  at: number,
  rowLength: number,
  scores: Float32Array,
  channel: number,
  weights: Float32Array,
  from: number,
  rowStride: number,
  stride: number,
  rows: number,
  columns: number,
): void {
  for (let row = 0; row < rows; row++) {
    let [to, source] = [at + row * rowLength, from + row * rowStride];
    for (let i = 0; i < columns; i++, to++, source += stride)
      sums[to] = sums[to]! + Math.fround(scores[channel + source]! * weights[source]!);
  }
}

/** A file without a name, gone with its process; what was never written reads as nothing. */
function sparseFile(path: string): number {
  const file = openSync(path, 'w+');
  unlinkSync(path);
  return file;
}

const bytesOf = (values: Float32Array): Uint8Array =>
  new Uint8Array(values.buffer, values.byteOffset, values.byteLength);

function readFloats(file: number, values: Float32Array, at: number): void {
  const bytes = bytesOf(values);
  for (let done = 0; done < bytes.length; ) {
    const read = readSync(file, bytes, done, bytes.length - done, at * 4 + done);
    if (read === 0) return void bytes.fill(0, done);
    done += read;
  }
}

function writeFloats(file: number, values: Float32Array, at: number): void {
  const bytes = bytesOf(values);
  for (let done = 0; done < bytes.length; ) done += writeSync(file, bytes, done, bytes.length - done, at * 4 + done);
}
