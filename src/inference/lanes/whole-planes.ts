import type { Triple } from '../../imaging/transforms/steps.ts';
import { type SlabAxis, slabOrder } from './plane-order.ts';
import type { PlaneSource } from './plane-sums.ts';

/** Planes across an axis of scores that are there as a whole: [channel][a][b][c]. */
export class WholePlanes implements PlaneSource {
  readonly channels: number;
  readonly planeValues: number;
  readonly #scores: Float32Array;
  readonly #image: Triple;
  readonly #axis: SlabAxis;

  constructor(scores: Float32Array, channels: number, image: Triple, axis: SlabAxis) {
    this.#scores = scores;
    this.channels = channels;
    this.#image = image;
    this.#axis = axis;
    this.planeValues = (channels * image[0] * image[1] * image[2]) / image[axis];
  }

  take(from: number, to: number): Float32Array<ArrayBuffer> {
    const values = new Float32Array((to - from) * this.planeValues);
    const [a, b, c] = this.#image;
    const strides = [b * c, c, 1];
    const [plane, u, v] = slabOrder(this.#axis);
    let at = 0;
    for (let p = from; p < to; p++)
      for (let channel = 0; channel < this.channels; channel++)
        for (let row = 0; row < this.#image[u]; row++) {
          let source = channel * a * b * c + p * strides[plane]! + row * strides[u]!;
          for (let i = 0; i < this.#image[v]; i++, source += strides[v]!) values[at++] = this.#scores[source]!;
        }
    return values;
  }

  close(): void {}
}
