import { Worker } from 'node:worker_threads';
import { sentenceOf, VoxgateError } from '../errors.ts';
import { spawnable } from '../spawnable.ts';
import type { Answer, Content, Order } from './disk-messages.ts';
import type { Folders } from './object-writer.ts';
import { Slabs } from './slabs.ts';

/** It has buffers of others in hand and little of its own. */
const MEMORY = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 8 };

/** A worker thread, or what does its work elsewhere. */
export interface Thread {
  postMessage(order: Order): void;
  on(event: 'message', listener: (answer: Answer) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  once(event: 'exit', listener: () => void): unknown;
  ref(): void;
  unref(): void;
  terminate(): Promise<unknown>;
}

export function startThread(folders: Folders): Thread {
  return new Worker(spawnable(import.meta.url, './disk-worker.ts'), { workerData: folders, resourceLimits: MEMORY });
}

/** Who is told what becomes of an object. */
export interface Follower {
  taken(): void;
  sealed(content: Content | undefined): void;
  published(): void;
  dropped(failed: string | undefined): void;
  failed(error: Error): void;
}

/** A thread that writes objects, as it is seen from the main thread. Should it die, all its objects have failed. */
export class DiskThread {
  readonly slabs = new Slabs({
    grown: (memory) => this.order({ kind: 'arena', memory }),
    shrunk: (slabs) => this.order({ kind: 'shrink', slabs }),
  });
  readonly #followers = new Map<number, Follower>();
  readonly #thread: Thread;
  readonly #whenIdle: (() => void)[] = [];
  #lastId = 0;
  #reason = '';
  #alive = true;
  #useful = false;

  constructor(thread: Thread, died: () => void) {
    this.#thread = thread;
    thread.unref();
    thread.on('message', (answer) => this.#take(answer));
    thread.on('error', (error) => {
      this.#reason = `: ${sentenceOf(error)}`;
    });
    thread.once('exit', () => {
      this.#died();
      died();
    });
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Whether an object became durable by it. */
  get useful(): boolean {
    return this.#useful;
  }

  /** @returns the number by which orders name the object */
  follow(follower: Follower): number {
    this.#lastId += 1;
    this.#followers.set(this.#lastId, follower);
    // A program is not over while an object is on its way.
    if (this.#followers.size === 1) this.#thread.ref();
    return this.#lastId;
  }

  forget(id: number): void {
    if (!this.#followers.delete(id) || this.#followers.size > 0) return;
    this.#thread.unref();
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  order(order: Order): void {
    this.#thread.postMessage(order);
  }

  /** Ends it when no object is on its way any more, or after so many milliseconds: what is left then has failed. */
  async close(patienceMs: number): Promise<void> {
    if (this.#followers.size > 0) {
      await new Promise<void>((resolve) => {
        const patience = setTimeout(resolve, patienceMs);
        this.#whenIdle.push(() => {
          clearTimeout(patience);
          resolve();
        });
      });
    }
    await this.#thread.terminate();
  }

  #take(answer: Answer): void {
    if (answer.kind === 'published') {
      this.#useful = true;
      for (const id of answer.ids) this.#followers.get(id)?.published();
      return;
    }
    const follower = this.#followers.get(answer.id);
    if (answer.kind === 'taken') follower?.taken();
    else if (answer.kind === 'sealed') follower?.sealed(answer.content);
    else if (answer.kind === 'dropped') follower?.dropped(answer.failed);
    else follower?.failed(answer.code ? new VoxgateError(answer.code, answer.reason) : new Error(answer.reason));
  }

  #died(): void {
    this.#alive = false;
    const error = new VoxgateError('out-of-resources', `the thread that writes objects has ended${this.#reason}`);
    for (const follower of [...this.#followers.values()]) follower.failed(error);
  }
}
