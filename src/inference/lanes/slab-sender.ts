import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Slab } from '../engine.ts';
import type { PlaneSource } from './plane-sums.ts';

/** Planes of one slab: many small files cost time, a large one is memory here and in the process that reads it. */
const SLAB_BYTES = 64 * 2 ** 20;
/** Slabs that lie in files and are not yet consumed: the next waits. */
const MOST_UNCONSUMED = 2;

/** Where finished planes go. */
export interface PlaneSink {
  /** Planes from..to-1 of the source are final; resolves when there is room for more. */
  write(source: PlaneSource, from: number, to: number): Promise<void>;
  /** The whole file, where it is not given by slab. */
  readonly path?: string;
}

/** Hands planes over in files, at most two ahead of who reads them. */
export class SlabSender implements PlaneSink {
  readonly #folder: string;
  readonly #shape: readonly number[];
  readonly #send: (slab: Slab) => void;
  #sent = 0;
  #unconsumed = 0;
  #wake: (() => void) | undefined;

  constructor(folder: string, shape: readonly number[], send: (slab: Slab) => void) {
    this.#folder = folder;
    this.#shape = shape;
    this.#send = send;
  }

  async write(source: PlaneSource, from: number, to: number): Promise<void> {
    const most = Math.max(1, Math.floor(SLAB_BYTES / (source.planeValues * 4)));
    for (let plane = from; plane < to; plane += most) {
      const planes = Math.min(most, to - plane);
      const path = join(this.#folder, `slab-${this.#sent++}.f32`);
      await writeFile(path, bytesOf(source.take(plane, plane + planes)));
      this.#unconsumed++;
      this.#send({ path, firstPlane: plane, planes, shape: this.#shape });
      while (this.#unconsumed >= MOST_UNCONSUMED) await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** The reader has done with one. */
  consumed(): void {
    this.#unconsumed--;
    this.#wake?.();
  }
}

/** Writes planes of axis 0 to their places in one file [channel][a][b][c]. */
export class WholeFile implements PlaneSink {
  readonly path: string;
  readonly #planes: number;

  constructor(path: string, planes: number) {
    this.path = path;
    this.#planes = planes;
  }

  async write(source: PlaneSource, from: number, to: number): Promise<void> {
    const file = await open(this.path, from === 0 ? 'w' : 'r+');
    try {
      const values = source.planeValues / source.channels;
      const taken = source.take(from, to);
      for (let plane = from, at = 0; plane < to; plane++)
        for (let channel = 0; channel < source.channels; channel++, at += values)
          await file.write(
            bytesOf(taken.subarray(at, at + values)),
            0,
            values * 4,
            (channel * this.#planes + plane) * values * 4,
          );
    } finally {
      await file.close();
    }
  }
}

export function bytesOf(values: Float32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}
