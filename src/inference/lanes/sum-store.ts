import { closeSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';

/** Sums in one row of numbers, first nothing: in memory, or in a file where they are many. */
export interface SumStore {
  /** The sums from `at` on; changed in place, then kept. Valid until the next call. */
  open(at: number, count: number): { readonly values: Float32Array; readonly first: number };
  keep(at: number, count: number): void;
  /** Copies them out, and leaves nothing. */
  take(at: number, into: Float32Array): void;
  close(): void;
}

export class SumsInMemory implements SumStore {
  readonly #sums: Float32Array;

  constructor(count: number) {
    this.#sums = new Float32Array(count);
  }

  open(at: number): { values: Float32Array; first: number } {
    return { values: this.#sums, first: at };
  }

  keep(): void {}

  take(at: number, into: Float32Array): void {
    const sums = this.#sums.subarray(at, at + into.length);
    into.set(sums);
    sums.fill(0);
  }

  close(): void {}
}

/** A file without a name, gone with its process. Its pages are a cache that the system can take back, unlike a heap. */
export class SumsInFile implements SumStore {
  readonly #file: number;
  #held = new Float32Array(0);
  #nothing = new Uint8Array(0);

  constructor(path: string) {
    this.#file = openSync(path, 'w+');
    unlinkSync(path);
  }

  open(at: number, count: number): { values: Float32Array; first: number } {
    if (this.#held.length < count) this.#held = new Float32Array(count);
    this.#read(bytesOf(this.#held, count), at);
    return { values: this.#held, first: 0 };
  }

  keep(at: number, count: number): void {
    this.#write(bytesOf(this.#held, count), at);
  }

  take(at: number, into: Float32Array): void {
    this.#read(bytesOf(into, into.length), at);
    if (this.#nothing.length !== into.byteLength) this.#nothing = new Uint8Array(into.byteLength);
    this.#write(this.#nothing, at);
  }

  close(): void {
    closeSync(this.#file);
  }

  /** What was never written reads as nothing. */
  #read(bytes: Uint8Array, at: number): void {
    for (let done = 0; done < bytes.length; ) {
      const read = readSync(this.#file, bytes, done, bytes.length - done, at * 4 + done);
      if (read === 0) return void bytes.fill(0, done);
      done += read;
    }
  }

  #write(bytes: Uint8Array, at: number): void {
    for (let done = 0; done < bytes.length; )
      done += writeSync(this.#file, bytes, done, bytes.length - done, at * 4 + done);
  }
}

function bytesOf(values: Float32Array, count: number): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, count * 4);
}
