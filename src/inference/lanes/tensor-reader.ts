import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { VoxgateError } from '../../errors.ts';
import type { Triple } from '../../imaging/transforms/steps.ts';
import { toFloat16 } from './float16.ts';
import type { InputType, InputValues } from './network.ts';

/** A tensor up to here is read once; a larger one window by window. */
const KEPT_BYTES = 2 ** 30;

/** The input of a job: a file of [channel][a][b][c], little endian. Windows are cut from it, wherever they lie. */
export class TensorReader {
  readonly channels: number;
  readonly image: Triple;
  readonly type: InputType;
  readonly #file: number;
  readonly #whole: InputValues | undefined;

  /** @throws VoxgateError inference-failed when the file is not as long as its shape says */
  constructor(path: string, channels: number, image: Triple, type: InputType, keptBytes = KEPT_BYTES) {
    this.channels = channels;
    this.image = image;
    this.type = type;
    this.#file = openSync(path, 'r');
    const count = channels * image[0] * image[1] * image[2];
    const bytes = count * this.#size;
    const { size } = fstatSync(this.#file);
    if (size !== bytes) {
      this.close();
      throw new VoxgateError(
        'inference-failed',
        `the input tensor has ${size} bytes, its shape 1×${channels}×${image.join('×')} needs ${bytes}`,
      );
    }
    if (bytes > keptBytes) return;
    this.#whole = emptyValues(type, count);
    this.#read(this.#whole, 0);
  }

  /** Writes the window that begins at `start` to `at` of `into`, [channel][a][b][c]; beyond the image is `padding`. */
  cut(start: Triple, roi: Triple, padding: number, into: InputValues, at: number): void {
    const [low, high] = [inside(start, roi, this.image, 0), inside(start, roi, this.image, 1)];
    const window = roi[0] * roi[1] * roi[2];
    const isInside = low.every((first, axis) => first === 0 && high[axis] === roi[axis]);
    if (!isInside) into.fill(this.type === 'float16' ? toFloat16(padding) : padding, at, at + this.channels * window);
    const [columns, rows] = [this.image[2], this.image[1]];
    const run = high[2] - low[2];
    if (run <= 0 || high[1] <= low[1]) return;
    for (let channel = 0; channel < this.channels; channel++)
      for (let a = low[0]; a < high[0]; a++) {
        const firstRow = (channel * this.image[0] + start[0] + a) * rows + start[1] + low[1];
        const [source, first] = this.#rows(firstRow * columns, (high[1] - low[1]) * columns);
        let from = first + start[2] + low[2];
        let to = at + channel * window + (a * roi[1] + low[1]) * roi[2] + low[2];
        for (let b = low[1]; b < high[1]; b++, from += columns, to += roi[2])
          into.set(source.subarray(from, from + run), to);
      }
  }

  close(): void {
    closeSync(this.#file);
  }

  get #size(): number {
    return this.type === 'float16' ? 2 : 4;
  }

  #rows(first: number, count: number): [InputValues, number] {
    if (this.#whole) return [this.#whole, first];
    const values = emptyValues(this.type, count);
    this.#read(values, first);
    return [values, 0];
  }

  #read(values: InputValues, first: number): void {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    for (let done = 0; done < bytes.length; ) {
      const read = readSync(this.#file, bytes, done, Math.min(bytes.length - done, 2 ** 30), first * this.#size + done);
      if (read === 0) throw new VoxgateError('inference-failed', 'the input tensor became shorter while it was read');
      done += read;
    }
  }
}

export function emptyValues(type: InputType, count: number): InputValues {
  return type === 'float16' ? new Uint16Array(count) : new Float32Array(count);
}

/** First (`side` 0) voxel of a window that lies in the image, or the one behind the last. */
function inside(start: Triple, roi: Triple, image: Triple, side: 0 | 1): [number, number, number] {
  const of = (axis: 0 | 1 | 2) =>
    side === 0 ? Math.max(0, -start[axis]) : Math.min(roi[axis], image[axis] - start[axis]);
  return [of(0), of(1), of(2)];
}
