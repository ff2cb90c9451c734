import { fromFloat16 } from './float16.ts';
import type { InputValues, OutputTensor } from './network.ts';

/** Answers that are kept: of one model and window. A larger one is computed each time. */
const KEPT_BYTES = 256 * 2 ** 20;

/**
 * The bits of a window in which each channel has one value throughout, as its name; nothing for any other window. Two
 * windows of one name are the same input, so they have the same answer.
 */
export function constantName(values: InputValues, at: number, channels: number, voxels: number): string | undefined {
  const bits =
    values instanceof Float32Array ? new Uint32Array(values.buffer, values.byteOffset, values.length) : values;
  const names: number[] = [];
  for (let channel = 0; channel < channels; channel++) {
    const first = at + channel * voxels;
    const value = bits[first]!;
    // Most windows differ soon; from the end, where clipped air is no longer than at the beginning.
    for (let i = first + voxels - 1; i > first; i--) if (bits[i] !== value) return undefined;
    names.push(value);
  }
  return names.join(' ');
}

/** Whether no value is above the limit. */
export function isBelow(values: InputValues, limit: number): boolean {
  // From the middle: that is where a body is.
  const numbers = values instanceof Uint16Array ? fromFloat16(values) : values;
  return !(numbers[numbers.length >> 1]! > limit) && numbers.every((value) => value <= limit);
}

type Answer = readonly OutputTensor[];

/** What is known of constant windows, or being computed. */
export class ConstantAnswers {
  readonly #known = new Map<string, Answer>();
  readonly #sought = new Map<string, ((answer: Answer) => void)[]>();
  #bytes = 0;

  get(name: string): Answer | undefined {
    return this.#known.get(name);
  }

  /** Whether somebody computes it already: then `answered` is called with it. */
  wait(name: string, answered: (answer: Answer) => void): boolean {
    const waiting = this.#sought.get(name);
    waiting?.push(answered);
    return waiting !== undefined;
  }

  seek(name: string): void {
    this.#sought.set(name, []);
  }

  found(name: string, answer: Answer): void {
    const bytes = answer.reduce((sum, { values }) => sum + values.byteLength, 0);
    if (this.#bytes + bytes <= KEPT_BYTES) {
      this.#bytes += bytes;
      this.#known.set(name, answer);
    }
    for (const answered of this.#sought.get(name) ?? []) answered(answer);
    this.#sought.delete(name);
  }
}
