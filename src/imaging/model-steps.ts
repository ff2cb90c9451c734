import { closeSync, fstatSync, openSync, rmSync, writeSync } from 'node:fs';
import { VoxgateError } from '../errors.ts';
import { emptyVolume } from './empty-volume.ts';
import { float16Of } from './float16.ts';
import { readFully } from './frame-file.ts';
import { openSlots } from './open-slots.ts';
import { type PlacedBox, placeBoxes } from './place-boxes.ts';
import { type Restored, Restorer, slabAxisOf } from './post/restorer.ts';
import type { Preparation } from './transforms/preparation.ts';
import { prepareTensor } from './transforms/prepare.ts';
import type { Volume } from './volume.ts';
import type { BeginRestore, OpenSlot, Prepared, PrepareRequest, ScoreSlab } from './volume-messages.ts';

/** What a model is run with: its opened slots, what was made of them, and what is being restored. In the volume process. */
export class ModelSteps {
  #volumes: readonly Volume[] = [];
  #preparation: Preparation | undefined;
  #restorer: Restorer | undefined;

  /** Slots without a series are zeros on the grid of the first that has one. */
  async open(slots: readonly (OpenSlot | undefined)[]): Promise<undefined> {
    const opened = await openSlots(slots.filter((slot) => slot !== undefined));
    const [first] = opened;
    if (first === undefined) throw new VoxgateError('not-a-volume', 'No input of the model has a series.');
    const waiting = [...opened];
    this.#volumes = slots.map((slot) => (slot === undefined ? emptyVolume(first) : waiting.shift()!));
  }

  /** The tensor, in the byte order of the machine, which is little endian on all we run on. */
  prepare({ steps, type, tensorPath }: PrepareRequest): Prepared {
    this.#source();
    const fd = openSync(tensorPath, 'w');
    try {
      this.#preparation = prepareTensor(this.#volumes, steps, (values, place) => {
        const out = type === 'float16' ? float16Of(values) : values;
        writeFully(fd, new Uint8Array(out.buffer, out.byteOffset, out.byteLength), place * out.BYTES_PER_ELEMENT);
      });
    } finally {
      closeSync(fd);
    }
    const { channels, shape } = this.#preparation;
    return { shape: [1, channels, ...shape], slabAxis: slabAxisOf(this.#preparation) };
  }

  /** @throws VoxgateError bad-model; inference-failed where the scores are not of the shape that was prepared */
  beginRestore({ shape, ...request }: BeginRestore): undefined {
    const preparation = this.#prepared();
    const expected = [request.classes, ...preparation.shape];
    // The scores of a flat model have no third axis, and those of one that keeps the batch have one more.
    const got = shape.length === 5 && shape[0] === 1 ? shape.slice(1) : shape;
    if (got.length !== expected.length || got.some((count, axis) => count !== expected[axis])) {
      const [a, b] = [got, expected].map((counts) => counts.join(' x '));
      throw new VoxgateError('inference-failed', `The scores have the shape ${a}, and ${b} is expected.`);
    }
    this.#restorer = new Restorer(this.#source(), preparation, request);
  }

  /** Reads the next planes of scores, and deletes their file: there may be gigabytes of them. */
  slab({ path, firstPlane, planes }: ScoreSlab): undefined {
    const restorer = this.#restoring();
    const fd = openSync(path, 'r');
    try {
      const { size } = fstatSync(fd);
      restorer.readSlab(firstPlane, planes, (plane, scores) => {
        const { byteLength } = scores;
        if (size !== planes * byteLength)
          throw new VoxgateError(
            'inference-failed',
            `A slab of ${planes} planes of scores has ${size} bytes where ${planes * byteLength} are expected.`,
          );
        readFully(fd, new Uint8Array(scores.buffer, scores.byteOffset, byteLength), (plane - firstPlane) * byteLength);
      });
    } finally {
      closeSync(fd);
    }
    rmSync(path, { force: true });
  }

  finish(): Restored {
    const restored = this.#restoring().finish();
    this.#restorer = undefined;
    return restored;
  }

  placeBoxes(boxes: readonly (readonly number[])[]): PlacedBox[] {
    return placeBoxes(this.#source(), this.#prepared(), boxes);
  }

  /** The volume of the first slot: results lie on its slices. */
  #source(): Volume {
    const [source] = this.#volumes;
    if (source === undefined) throw new Error('no volume is open');
    return source;
  }

  #prepared(): Preparation {
    if (this.#preparation === undefined) throw new Error('nothing is prepared');
    return this.#preparation;
  }

  #restoring(): Restorer {
    if (this.#restorer === undefined) throw new Error('no restoring was begun');
    return this.#restorer;
  }
}

function writeFully(fd: number, bytes: Uint8Array, offset: number): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
}
