import { availableParallelism } from 'node:os';
import { type Transferable, Worker } from 'node:worker_threads';
import { VoxgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import { spawnable } from '../spawnable.ts';
import type { PixelReply, PixelRequest } from './pixel-messages.ts';
import type { PixelTasks } from './pixel-tasks.ts';

export interface PixelPoolOptions {
  /** Threads that decode at once; one core is left to the main process, and at most four are used, unless given. */
  readonly threads?: number;
  /** Tasks that may wait for a thread. */
  readonly queued?: number;
  readonly log?: Log;
  /** Another file than that of the tasks. */
  readonly workerFile?: string;
}

export interface PixelRun {
  /** Takes a waiting task back, and ends the thread of one that runs. */
  readonly signal?: AbortSignal;
  /** Buffers of the input that the task may have for itself: they are moved, not copied. */
  readonly transfer?: readonly Transferable[];
  /** Of the run alone, waiting not included; 30 s unless given. */
  readonly deadlineMs?: number;
}

const QUEUED = 256;
/** JPEG 2000 of 100 million pixels takes some ten seconds; nothing honest takes this long. */
const DEADLINE_MS = 30_000;
/** Of JavaScript objects: the header of the largest object. Pixels lie outside the heap, and codecs bound them. */
const HEAP_MB = 768;
/** A thread that nobody has needed for so long ends: the codecs hold up to 100 MB. */
const IDLE_MS = 60_000;

interface Waiting {
  readonly request: PixelRequest;
  readonly run: PixelRun;
  readonly resolve: (output: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly takeBack: () => void;
}

interface Idle {
  readonly worker: Worker;
  readonly timer: NodeJS.Timeout;
}

/**
 * Threads that touch pixels, one task at a time each, begun when they are needed. A task that takes too long, runs out
 * of memory or brings down its codec fails alone: its thread is ended, and the next task begins another.
 */
export class PixelPool {
  readonly #threads: number;
  readonly #queued: number;
  readonly #file: string;
  readonly #log: Log | undefined;
  readonly #waiting: Waiting[] = [];
  readonly #idle: Idle[] = [];
  readonly #all = new Set<Worker>();
  #closed = false;

  constructor(options: PixelPoolOptions = {}) {
    this.#threads = options.threads ?? Math.max(2, Math.min(4, availableParallelism() - 1));
    this.#queued = options.queued ?? QUEUED;
    this.#file = options.workerFile ?? spawnable(import.meta.url, './pixel-worker.ts');
    this.#log = options.log;
  }

  /**
   * @throws VoxgateError what the task throws; out-of-resources where too many wait; undecodable where the task took too
   *   long, too much memory, or its codec crashed; the reason of the signal where that came first
   */
  run<Name extends keyof PixelTasks>(
    task: Name,
    input: PixelTasks[Name]['input'],
    run: PixelRun = {},
  ): Promise<PixelTasks[Name]['output']> {
    return new Promise((resolve, reject) => {
      run.signal?.throwIfAborted();
      if (this.#closed) throw closing();
      if (this.#waiting.length >= this.#queued)
        throw new VoxgateError('out-of-resources', `${this.#queued} images are waiting to be decoded already`);
      const waiting: Waiting = {
        request: { task, input },
        run,
        // The task of that name answers with that type.
        resolve: resolve as (output: unknown) => void,
        reject,
        takeBack: () => this.#takeBack(waiting),
      };
      this.#waiting.push(waiting);
      run.signal?.addEventListener('abort', waiting.takeBack, { once: true });
      this.#next();
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const { reject } of this.#waiting.splice(0)) reject(closing());
    await Promise.all([...this.#all].map((worker) => worker.terminate()));
  }

  #takeBack(waiting: Waiting): void {
    const at = this.#waiting.indexOf(waiting);
    if (at === -1) return;
    this.#waiting.splice(at, 1);
    waiting.reject(waiting.run.signal?.reason);
  }

  #next(): void {
    while (this.#waiting.length > 0) {
      const idle = this.#idle.pop();
      clearTimeout(idle?.timer);
      const worker = idle?.worker ?? (this.#all.size < this.#threads ? this.#start() : undefined);
      if (!worker) return;
      this.#give(worker, this.#waiting.shift()!);
    }
  }

  #start(): Worker {
    const worker = new Worker(this.#file, { resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } });
    this.#all.add(worker);
    worker.on('error', () => undefined);
    worker.once('exit', () => {
      this.#all.delete(worker);
      const at = this.#idle.findIndex((idle) => idle.worker === worker);
      if (at !== -1) this.#idle.splice(at, 1);
      if (!this.#closed) this.#next();
    });
    return worker;
  }

  #give(worker: Worker, { request, run, resolve, reject, takeBack }: Waiting): void {
    const { signal, transfer = [], deadlineMs = DEADLINE_MS } = run;
    let reason = 'it ended';
    const settle = (): void => {
      clearTimeout(deadline);
      worker.off('message', replied).off('exit', died).off('error', failed);
      signal?.removeEventListener('abort', aborted);
    };
    const end = (error: unknown): void => {
      settle();
      void worker.terminate();
      reject(error);
    };
    const replied = (reply: PixelReply): void => {
      settle();
      if (reply.ok) resolve(reply.output);
      else reject(reply.code === undefined ? new Error(reply.message) : new VoxgateError(reply.code, reply.message));
      this.#rest(worker);
    };
    const failed = (error: Error): void => {
      reason = error.message;
    };
    const died = (): void => {
      settle();
      if (!this.#closed)
        this.#log?.warn({ task: request.task, reason }, 'a thread that works on pixels died of its task');
      const why = `the image cannot be worked on, its thread died of it: ${reason}`;
      reject(this.#closed ? closing() : new VoxgateError('undecodable', why));
    };
    const aborted = (): void => end(signal?.reason);
    const overdue = (): void =>
      end(new VoxgateError('undecodable', `working on the image takes over ${deadlineMs / 1000} s`));
    const deadline = setTimeout(overdue, deadlineMs);
    worker.ref();
    worker.once('message', replied).once('exit', died).once('error', failed);
    signal?.removeEventListener('abort', takeBack);
    signal?.addEventListener('abort', aborted, { once: true });
    try {
      worker.postMessage(request, transfer);
    } catch (error) {
      settle();
      reject(error);
      this.#rest(worker);
    }
  }

  #rest(worker: Worker): void {
    worker.unref();
    const timer = setTimeout(() => void worker.terminate(), IDLE_MS);
    timer.unref();
    this.#idle.push({ worker, timer });
    this.#next();
  }
}

function closing(): VoxgateError {
  return new VoxgateError('out-of-resources', 'the node is closing');
}
