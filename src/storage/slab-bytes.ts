import { SLAB_BYTES } from './disk-messages.ts';
import type { Slabs } from './slabs.ts';

/** What of the beginning stays in memory: the headers of most objects, and no file is read for them. */
const HEAD_SLABS = 2;
/** And of the end: what stands behind the pixels. */
const TAIL_SLABS = 2;

/** The bytes of one object, from the first on, of which those in the middle are given back as the disk has them. */
export class SlabBytes {
  readonly #slabs: Slabs;
  /** Undefined where the slab is given back. */
  readonly #held: (number | undefined)[] = [];
  #size = 0;
  /** Those before it, but for the head. */
  #givenBack = HEAD_SLABS;
  #count = 0;

  constructor(slabs: Slabs) {
    this.#slabs = slabs;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether it should do with less: everybody together holds much, and it holds more than the slab it fills. */
  get holdsTooMuch(): boolean {
    return this.#count > 1 && this.#slabs.scarce;
  }

  append(chunk: Buffer): void {
    for (let at = 0; at < chunk.length; ) {
      const filled = this.#size % SLAB_BYTES;
      if (filled === 0) {
        this.#held.push(this.#slabs.take());
        this.#count += 1;
      }
      const copied = chunk.copy(this.#slabs.bytes(this.#held.at(-1)!), filled, at, at + SLAB_BYTES - filled);
      at += copied;
      this.#size += copied;
    }
  }

  /** The slabs from that byte to the end; all of them must be held. */
  slabsFrom(offset: number): number[] {
    return this.#held.slice(Math.floor(offset / SLAB_BYTES)) as number[];
  }

  /** The disk has all of them before this one: they need not stay, but for the two ends. */
  written(upTo: number): void {
    const full = Math.floor(upTo / SLAB_BYTES);
    const { scarce } = this.#slabs;
    for (let i = 0; scarce && i < Math.min(full, HEAD_SLABS); i += 1) this.#give(i);
    const end = scarce ? full : Math.min(full, this.#held.length - TAIL_SLABS);
    for (; this.#givenBack < end; this.#givenBack += 1) this.#give(this.#givenBack);
  }

  release(): void {
    for (let i = 0; i < this.#held.length; i += 1) this.#give(i);
  }

  has(offset: number, end: number): boolean {
    if (end <= offset) return true;
    const last = Math.floor((end - 1) / SLAB_BYTES);
    for (let i = Math.floor(offset / SLAB_BYTES); i <= last; i += 1) if (this.#held[i] === undefined) return false;
    return true;
  }

  /** What `has` these bytes: to be used at once, as the memory they are in is used again. */
  read(offset: number, end: number): Buffer {
    const first = Math.floor(offset / SLAB_BYTES);
    const inFirst = this.#slabs.bytes(this.#held[first]!).subarray(offset % SLAB_BYTES);
    if (inFirst.length >= end - offset) return inFirst.subarray(0, end - offset);
    const pieces = [inFirst];
    const last = Math.floor((end - 1) / SLAB_BYTES);
    for (let i = first + 1; i <= last; i += 1) pieces.push(this.#slabs.bytes(this.#held[i]!));
    return Buffer.concat(pieces, end - offset);
  }

  #give(index: number): void {
    const slab = this.#held[index];
    if (slab === undefined) return;
    this.#held[index] = undefined;
    this.#count -= 1;
    this.#slabs.give(slab);
  }
}
