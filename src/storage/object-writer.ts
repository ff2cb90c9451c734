import { sentenceOf, VoxgateError } from '../errors.ts';
import { rethrowFull } from './disk-errors.ts';
import { type Answer, type Order, type Port, SLAB_BYTES, type WriteOrder } from './disk-messages.ts';
import { ObjectMover } from './object-mover.ts';
import { OpenObject } from './open-object.ts';
import { slabsOf } from './slabs.ts';

export interface Folders {
  readonly staging: string;
  readonly objects: string;
}

/**
 * What a disk thread does with the orders it is given: it writes and digests, with calls that block, as nobody else is
 * in its way; `ObjectMover` does the rest.
 */
export class ObjectWriter {
  readonly #port: Port;
  readonly #folders: Folders;
  readonly #slabs: Buffer[] = [];
  readonly #objects = new Map<number, OpenObject>();
  readonly #mover: ObjectMover;
  #longSyncs: Promise<void> = Promise.resolve();

  constructor(port: Port, folders: Folders) {
    this.#port = port;
    this.#folders = folders;
    this.#mover = new ObjectMover(folders.objects, {
      published: (ids) => {
        for (const id of ids) this.#objects.delete(id);
        this.#answer({ kind: 'published', ids });
      },
      failed: (id, error) => this.#fail(id, error),
    });
  }

  take(order: Order): void {
    if (order.kind === 'arena') this.#slabs.push(...slabsOf(order.memory));
    else if (order.kind === 'shrink') this.#slabs.length = order.slabs;
    else if (order.kind === 'drop') void this.#drop(order.id);
    else this.#attempt(order);
  }

  #attempt(order: Extract<Order, { kind: 'write' | 'move' }>): void {
    try {
      if (order.kind === 'write') this.#write(order);
      else this.#move(order.id, order.key);
    } catch (error) {
      this.#fail(order.id, error);
    }
  }

  #write(order: WriteOrder): void {
    const { id, begin, bytes, tell, end } = order;
    if (begin) this.#objects.set(id, new OpenObject(id, begin, this.#folders.staging, this.#inTurn));
    const object = this.#objects.get(id);
    // After a failure there would be a hole.
    if (object === undefined || object.givenUp) return;
    object.write(this.#pieces(order), bytes, end?.key !== undefined);
    object.syncAlong((error) => this.#fail(id, error));
    if (tell) this.#tellTaken(object);
    if (end?.key !== undefined) this.#mover.add(object, end.key);
    else if (end) this.#seal(object);
  }

  #move(id: number, key: string): void {
    const object = this.#objects.get(id);
    if (object && !object.givenUp) this.#mover.add(object, key);
  }

  #pieces({ slabs, from, bytes }: WriteOrder): Buffer[] {
    let [start, left] = [from, bytes];
    return slabs.map((slab) => {
      const piece = this.#slabs[slab]!.subarray(start, Math.min(SLAB_BYTES, start + left));
      left -= piece.length;
      start = 0;
      return piece;
    });
  }

  #tellTaken(object: OpenObject): void {
    const tell = (): void => this.#answer({ kind: 'taken', id: object.id });
    const { behind } = object;
    if (behind === undefined) tell();
    else behind.then(tell, (error: unknown) => this.#fail(object.id, error));
  }

  #seal(object: OpenObject): void {
    const content = object.content();
    this.#answer({ kind: 'sealed', id: object.id, content });
    if (content) this.#mover.add(object, content.key);
  }

  async #drop(id: number): Promise<void> {
    const object = this.#objects.get(id);
    this.#objects.delete(id);
    let failed: string | undefined;
    if (object) {
      this.#mover.forget(object);
      await object.remove().catch((error: unknown) => {
        failed = sentenceOf(error);
      });
    }
    this.#answer({ kind: 'dropped', id, failed });
  }

  /** Its file is left to `drop`, which comes when the sender has been told. */
  #fail(id: number, cause: unknown): void {
    const object = this.#objects.get(id);
    if (object?.givenUp) return;
    if (object) object.givenUp = true;
    const error = fullOr(cause);
    const code = error instanceof VoxgateError ? error.code : undefined;
    this.#answer({ kind: 'failed', id, code, reason: sentenceOf(error) });
  }

  readonly #inTurn = (sync: () => Promise<void>): Promise<void> => {
    const done = this.#longSyncs.then(sync);
    this.#longSyncs = done.catch(() => undefined);
    return done;
  };

  #answer(answer: Answer): void {
    this.#port.postMessage(answer);
  }
}

function fullOr(cause: unknown): unknown {
  try {
    return rethrowFull(cause as NodeJS.ErrnoException);
  } catch (error) {
    return error;
  }
}
