import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { VoxgateError } from '../errors.ts';
import { spawnable } from '../spawnable.ts';
import { isDecodable } from './decode.ts';
import type { TranscodeReply, TranscodeRequest } from './transcode-messages.ts';

/** An object as it is stored. */
export interface TranscodableObject {
  readonly path: string;
  readonly size: number;
  readonly dataSetOffset: number;
  readonly transferSyntaxUid: string;
}

export interface TranscoderOptions {
  /** Where the results lie while they are sent. */
  readonly folder: string;
  /** How many objects at once. */
  readonly processes: number;
  readonly deadlineMs?: number;
}

/** A whole slide of some 10,000 frames decodes within it. */
const DEADLINE_MS = 10 * 60_000;
/** A process that nobody has needed for so long ends: it holds 100 MB. */
const IDLE_MS = 60_000;

interface Worker {
  readonly child: ChildProcess;
  idle: NodeJS.Timeout | undefined;
}

/**
 * Brings stored objects into a transfer syntax without compression, or into a lossless one, in processes of its own that
 * start when needed.
 */
export class TranscodeClient {
  readonly #options: TranscoderOptions;
  readonly #free: Worker[] = [];
  readonly #waiting: ((worker: Worker) => void)[] = [];
  readonly #all = new Set<Worker>();
  #closed = false;

  constructor(options: TranscoderOptions) {
    this.#options = options;
  }

  /** Whether objects in that transfer syntax can be read at all. */
  canRead(transferSyntaxUid: string): boolean {
    return isDecodable(transferSyntaxUid);
  }

  /**
   * @param signal gives it up, and ends the process that is at it
   * @returns a file that holds the data set alone, gone when it is disposed of
   * @throws VoxgateError undecodable, not-dicom, too-large, not-acceptable: why it cannot be done; the signal's reason
   */
  async transcode(
    object: TranscodableObject,
    targetSyntaxUid: string,
    signal?: AbortSignal,
  ): Promise<{ path: string; size: number; dispose(): Promise<void> }> {
    const { path, size, dataSetOffset, transferSyntaxUid } = object;
    await mkdir(this.#options.folder, { recursive: true });
    const output = join(this.#options.folder, randomUUID());
    const dispose = (): Promise<void> => rm(output, { force: true });
    try {
      const request = { path, size, dataSetOffset, transferSyntaxUid, targetSyntaxUid, output };
      return { path: output, size: await this.#perform(request, signal), dispose };
    } catch (error) {
      await dispose();
      throw error;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#all].map((worker) => this.#end(worker)));
  }

  async #perform(request: TranscodeRequest, signal: AbortSignal | undefined): Promise<number> {
    const worker = await this.#takeWorker();
    if (signal?.aborted) {
      this.#giveBack(worker);
      throw signal.reason;
    }
    try {
      const size = await this.#ask(worker, request, signal);
      this.#giveBack(worker);
      return size;
    } catch (error) {
      // What the process says itself leaves it in order; one that hangs or died is replaced.
      if (error instanceof Refused) this.#giveBack(worker);
      else await this.#end(worker);
      throw error instanceof Refused ? error.reason : error;
    }
  }

  async #takeWorker(): Promise<Worker> {
    if (this.#closed) throw new VoxgateError('undecodable', 'the node is closing');
    const free = this.#free.pop();
    if (free) {
      clearTimeout(free.idle);
      return free;
    }
    if (this.#all.size < this.#options.processes) return this.#start();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #start(): Worker {
    const child = fork(spawnable(import.meta.url, './transcode-process.ts'), [], {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const worker: Worker = { child, idle: undefined };
    child.on('error', () => undefined);
    this.#all.add(worker);
    return worker;
  }

  #giveBack(worker: Worker): void {
    const next = this.#waiting.shift();
    if (next) {
      next(worker);
      return;
    }
    this.#free.push(worker);
    worker.idle = setTimeout(() => void this.#end(worker), IDLE_MS);
    worker.idle.unref();
  }

  async #end(worker: Worker): Promise<void> {
    const { child } = worker;
    clearTimeout(worker.idle);
    this.#all.delete(worker);
    const at = this.#free.indexOf(worker);
    if (at !== -1) this.#free.splice(at, 1);
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const gone = once(child, 'exit');
      child.kill('SIGKILL');
      await gone;
    }
    const next = this.#waiting.shift();
    if (next) next(this.#start());
  }

  #ask({ child }: Worker, request: TranscodeRequest, signal: AbortSignal | undefined): Promise<number> {
    const { deadlineMs = DEADLINE_MS } = this.#options;
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        clearTimeout(timer);
        child.off('message', onMessage).off('exit', onExit);
        signal?.removeEventListener('abort', onAbort);
      };
      const onAbort = (): void => {
        settle();
        reject(signal?.reason);
      };
      const fail = (why: string): void => {
        settle();
        reject(new VoxgateError('undecodable', `the object could not be decoded: ${why}`));
      };
      const onMessage = (reply: TranscodeReply): void => {
        settle();
        if (reply.ok) resolve(reply.size);
        else reject(new Refused(new VoxgateError(reply.code ?? 'undecodable', reply.message)));
      };
      const onExit = (code: number | null, signal: string | null): void =>
        fail(`the process that decodes ended (${signal ?? `exit code ${code}`})`);
      const timer = setTimeout(() => fail(`it took over ${deadlineMs / 1000} s`), deadlineMs);
      child.on('message', onMessage).on('exit', onExit);
      signal?.addEventListener('abort', onAbort, { once: true });
      child.send(request, (error) => {
        if (error) fail('the process that decodes cannot be reached');
      });
    });
  }
}

/** The process is fine; the object is not. */
class Refused extends Error {
  readonly reason: VoxgateError;
  constructor(reason: VoxgateError) {
    super(reason.message);
    this.reason = reason;
  }
}
