import { Worker } from 'node:worker_threads';
import type { LocatedValue } from '../dicom/located-value.ts';
import { VoxgateError } from '../errors.ts';
import { spawnable } from '../spawnable.ts';
import type { DescribedObject, Told } from './describe-object.ts';
import type { DescribeReply, DescribeTask } from './describe-worker.ts';

/** A header of two million elements takes some seconds; nothing honest takes a minute, or this much memory. */
const DEADLINE_MS = 60_000;
const MEMORY_MB = 768;
const WORKERS = 2;
/** A thread that nobody has needed for so long goes, and its memory with it. */
const IDLE_MS = 30_000;

type Done = Exclude<DescribeReply, { failed: string }>;

interface Waiting {
  readonly task: DescribeTask;
  readonly resolve: (done: Done) => void;
  readonly reject: (error: Error) => void;
}

/** Threads that read objects one at a time each; an object that one dies of is refused, and the others go on. */
export class DescribePool {
  readonly #waiting: Waiting[] = [];
  readonly #idle: Worker[] = [];
  #count = 0;

  /** @throws VoxgateError as describeObject, and unidentifiable where reading it takes too much time or memory */
  async describe(path: string, size: number, told: Told): Promise<DescribedObject> {
    const done = await this.#ask({ path, size, told });
    if (!('described' in done)) throw new Error('a thread has answered something else');
    return done.described;
  }

  /** @throws VoxgateError as locateValue, and unidentifiable where reading takes too much time or memory */
  async locateValue(path: string, size: number, value: string): Promise<LocatedValue> {
    const done = await this.#ask({ path, size, value });
    if (!('located' in done)) throw new Error('a thread has answered something else');
    return done.located;
  }

  #ask(task: DescribeTask): Promise<Done> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ task, resolve, reject });
      this.#next();
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((worker) => worker.terminate()));
  }

  #next(): void {
    if (this.#waiting.length === 0) return;
    const worker = this.#idle.pop() ?? (this.#count < WORKERS ? this.#start() : undefined);
    if (worker) this.#give(worker, this.#waiting.shift()!);
  }

  #start(): Worker {
    this.#count += 1;
    const worker = new Worker(spawnable(import.meta.url, './describe-worker.ts'), {
      resourceLimits: { maxOldGenerationSizeMb: MEMORY_MB },
    });
    worker.on('error', () => undefined);
    worker.once('exit', () => {
      this.#count -= 1;
      const at = this.#idle.indexOf(worker);
      if (at !== -1) this.#idle.splice(at, 1);
      this.#next();
    });
    return worker;
  }

  #give(worker: Worker, { task, resolve, reject }: Waiting): void {
    const died = (): void => {
      clearTimeout(deadline);
      worker.off('message', replied);
      reject(
        new VoxgateError('unidentifiable', `reading the object takes over ${DEADLINE_MS / 1000} s or ${MEMORY_MB} MB`),
      );
    };
    const replied = (reply: DescribeReply): void => {
      clearTimeout(deadline);
      worker.off('exit', died);
      if ('failed' in reply) reject(failureOf(reply));
      else resolve(reply);
      this.#rest(worker);
    };
    const deadline = setTimeout(() => void worker.terminate(), DEADLINE_MS);
    worker.ref();
    worker.once('message', replied);
    worker.once('exit', died);
    worker.postMessage(task);
  }

  #rest(worker: Worker): void {
    worker.unref();
    this.#idle.push(worker);
    this.#next();
    const idleFor = setTimeout(() => {
      if (this.#idle.includes(worker)) void worker.terminate();
    }, IDLE_MS);
    idleFor.unref();
    worker.once('exit', () => clearTimeout(idleFor));
  }
}

function failureOf({ failed, code, subject }: Extract<DescribeReply, { failed: string }>): Error {
  return code === undefined
    ? new Error(failed)
    : new VoxgateError(code, failed, subject === undefined ? {} : { subject });
}
