import { VoxgateError } from '../errors.ts';
import { DiskThread, type Thread } from './disk-thread.ts';

/** A thread that dies before it has stored anything is followed by the next after this time, which then doubles. */
const FIRST_REST_MS = 100;
const LONGEST_REST_MS = 10_000;
/** For objects that are being given up when the store is closed. */
const CLOSE_PATIENCE_MS = 5000;

/** The one thread that writes objects: started for the first of them, and anew when it has died. */
export class DiskThreads {
  readonly #start: () => Thread;
  #current: DiskThread | undefined;
  /** Deaths without anything stored between them. */
  #deaths = 0;
  #restsUntil = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(start: () => Thread) {
    this.#start = start;
  }

  /** @throws VoxgateError out-of-resources while a thread that has died is not replaced yet */
  get(): DiskThread {
    if (this.#current?.alive) return this.#current;
    if (this.#closed) throw new VoxgateError('out-of-resources', 'the store of objects is closed');
    if (performance.now() < this.#restsUntil)
      throw new VoxgateError('out-of-resources', 'the thread that writes objects has ended and is started again soon');
    const thread: DiskThread = new DiskThread(this.#start(), () => this.#died(thread));
    this.#current = thread;
    return thread;
  }

  /** Waits for the objects that are on their way; takes no more. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#current?.alive) await this.#current.close(CLOSE_PATIENCE_MS);
  }

  #died(thread: DiskThread): void {
    this.#deaths = thread.useful ? 0 : this.#deaths + 1;
    if (this.#deaths === 0) return;
    this.#restsUntil = performance.now() + Math.min(FIRST_REST_MS * 2 ** (this.#deaths - 1), LONGEST_REST_MS);
  }
}
