import { join } from 'node:path';
import type { Triple } from '../../imaging/transforms/steps.ts';
import { type SlabAxis, slabOrder, toPlanes } from './plane-order.ts';
import { type SumStore, SumsInFile, SumsInMemory } from './sum-store.ts';
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

/** Sums up to here are kept in memory, more in a file: those of 100 classes are gigabytes. */
const KEPT_BYTES = 384 * 2 ** 20;

/**
 * The weighted sums of windows, for as many planes as a window is deep: windows come ordered by where they begin along
 * the slab axis, so planes before the next window's first are finished, and their place is used again.
 */
export class PlaneSums implements PlaneSource {
  readonly channels: number;
  readonly planeValues: number;
  readonly #grid: WindowGrid;
  /** As the scores are added: [plane][u][v] of a window. */
  readonly #weights: Float32Array;
  readonly #axis: SlabAxis;
  /** Planes that are held at once: plane p at p modulo this. */
  readonly #depth: number;
  readonly #rows: number;
  readonly #columns: number;
  readonly #counts: Float32Array;
  readonly #sums: SumStore;

  /** @param weights of a window, [a][b][c] */
  constructor(
    grid: WindowGrid,
    weights: Float32Array,
    axis: SlabAxis,
    channels: number,
    folder: string,
    keptBytes = KEPT_BYTES,
  ) {
    const [plane, u, v] = slabOrder(axis);
    this.channels = channels;
    this.#grid = grid;
    this.#weights = toPlanes(weights, grid.roi, axis);
    this.#axis = axis;
    this.#depth = Math.min(grid.roi[plane], grid.image[plane]);
    this.#rows = grid.image[u];
    this.#columns = grid.image[v];
    this.planeValues = channels * this.#rows * this.#columns;
    this.#counts = new Float32Array(this.#depth * this.#rows * this.#columns);
    const sums = this.#depth * this.planeValues;
    this.#sums = sums * 4 <= keptBytes ? new SumsInMemory(sums) : new SumsInFile(join(folder, 'sums.f32'));
  }

  /** Adds the scores of a window that begins at `start`: [channel][a][b][c]. */
  add(start: Triple, scores: Float32Array): void {
    const { roi } = this.#grid;
    const window = roi[0] * roi[1] * roi[2];
    const voxels = this.#rows * this.#columns;
    this.#eachPlane(start, (slot, area) => addWeights(this.#counts, slot * voxels + area.to, this.#weights, area));
    for (let channel = 0; channel < this.channels; channel++) {
      const planes = toPlanes(scores.subarray(channel * window, (channel + 1) * window), roi, this.#axis);
      this.#eachPlane(start, (slot, area) => {
        const at = (slot * this.channels + channel) * voxels + area.to;
        const count = (area.rows - 1) * area.imageRow + area.columns;
        const { values, first } = this.#sums.open(at, count);
        addScores(values, first, planes, this.#weights, area);
        this.#sums.keep(at, count);
      });
    }
  }

  take(from: number, to: number): Float32Array<ArrayBuffer> {
    const values = new Float32Array((to - from) * this.planeValues);
    const voxels = this.#rows * this.#columns;
    for (let plane = from; plane < to; plane++) {
      const slot = plane % this.#depth;
      const taken = values.subarray((plane - from) * this.planeValues, (plane - from + 1) * this.planeValues);
      this.#sums.take(slot * this.planeValues, taken);
      const counts = this.#counts.subarray(slot * voxels, (slot + 1) * voxels);
      for (let channel = 0, at = 0; channel < this.channels; channel++)
        for (let i = 0; i < voxels; i++, at++) taken[at] = taken[at]! / counts[i]!;
      counts.fill(0);
    }
    return values;
  }

  close(): void {
    this.#sums.close();
  }

  /** The planes of a window that lie in the image. */
  #eachPlane(start: Triple, add: (slot: number, area: Area) => void): void {
    const { image, roi } = this.#grid;
    const [plane, u, v] = slabOrder(this.#axis);
    const low = (axis: SlabAxis) => Math.max(0, -start[axis]);
    const high = (axis: SlabAxis) => Math.min(roi[axis], image[axis] - start[axis]);
    for (let p = low(plane); p < high(plane); p++)
      add((start[plane] + p) % this.#depth, {
        from: (p * roi[u] + low(u)) * roi[v] + low(v),
        windowRow: roi[v],
        to: (start[u] + low(u)) * this.#columns + start[v] + low(v),
        imageRow: this.#columns,
        rows: high(u) - low(u),
        columns: high(v) - low(v),
      });
  }
}

/** Part of a plane that window and image share. */
interface Area {
  /** First value in the window's planes, and in a plane of the image. */
  readonly from: number;
  readonly to: number;
  readonly windowRow: number;
  readonly imageRow: number;
  readonly rows: number;
  readonly columns: number;
}

function addWeights(counts: Float32Array, first: number, weights: Float32Array, area: Area): void {
  const { rows, columns, from, windowRow, imageRow } = area;
  for (let row = 0; row < rows; row++) {
    const [to, source] = [first + row * imageRow, from + row * windowRow];
    for (let i = 0; i < columns; i++) counts[to + i] = counts[to + i]! + weights[source + i]!;
  }
}

/** Each product is rounded to 32 bits before it is added, as MONAI does it: the sums are the same to the bit. */
function addScores(sums: Float32Array, first: number, scores: Float32Array, weights: Float32Array, area: Area): void {
  const { rows, columns, from, windowRow, imageRow } = area;
  for (let row = 0; row < rows; row++) {
    const [to, source] = [first + row * imageRow, from + row * windowRow];
    for (let i = 0; i < columns; i++)
      sums[to + i] = sums[to + i]! + Math.fround(scores[source + i]! * weights[source + i]!);
  }
}
