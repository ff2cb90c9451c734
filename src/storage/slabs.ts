import { SLAB_BYTES } from './disk-messages.ts';

const SLABS_IN_ARENA = 64;
/** Objects hold more than they need, to read it from memory and to write more at once, until so many are out. */
const SCARCE_AT = 512;
/** What is left when nobody holds any: 16 MiB. */
const KEPT = 4 * SLABS_IN_ARENA;

/** What is told when there are more or fewer of them. */
export interface SlabChange {
  grown(memory: SharedArrayBuffer): void;
  shrunk(slabs: number): void;
}

/**
 * Memory that two threads share, in slabs that are used again and again: fresh memory costs the system more than the
 * bytes that are put there. It grows to what is needed at once, and shrinks when nothing is.
 */
export class Slabs {
  #free: number[] = [];
  readonly #slabs: Buffer[] = [];
  readonly #change: SlabChange;

  constructor(change: SlabChange) {
    this.#change = change;
  }

  /** Whether those who hold several are to do with one: that bounds the memory of all objects together. */
  get scarce(): boolean {
    return this.#slabs.length - this.#free.length >= SCARCE_AT;
  }

  /** The slab that was used last: it may still be in the processor's cache. */
  take(): number {
    if (this.#free.length === 0) {
      const memory = new SharedArrayBuffer(SLABS_IN_ARENA * SLAB_BYTES);
      const first = this.#slabs.length;
      this.#slabs.push(...slabsOf(memory));
      for (let i = this.#slabs.length - 1; i >= first; i -= 1) this.#free.push(i);
      this.#change.grown(memory);
    }
    return this.#free.pop()!;
  }

  give(slab: number): void {
    this.#free.push(slab);
    if (this.#slabs.length <= KEPT || this.#free.length < this.#slabs.length) return;
    this.#slabs.length = KEPT;
    this.#free = this.#free.filter((each) => each < KEPT);
    this.#change.shrunk(KEPT);
  }

  bytes(slab: number): Buffer {
    return this.#slabs[slab]!;
  }
}

export function slabsOf(memory: SharedArrayBuffer): Buffer[] {
  return Array.from({ length: memory.byteLength / SLAB_BYTES }, (_, i) =>
    Buffer.from(memory, i * SLAB_BYTES, SLAB_BYTES),
  );
}
