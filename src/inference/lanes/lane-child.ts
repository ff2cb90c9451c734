import { type ChildProcess, fork } from 'node:child_process';
import { setPriority } from 'node:os';
import { VoxgateError } from '../../errors.ts';
import { spawnable } from '../../spawnable.ts';
import type { InferenceRequest, InferenceResult, Slab } from '../engine.ts';
import type { FromLane, LaneShape, ToLane } from './messages.ts';

/** What a lane does with a job of its caller. */
export interface LaneJob {
  readonly id: number;
  readonly request: InferenceRequest;
  slab(slab: Slab): void;
  done(result: InferenceResult): void;
  failed(error: VoxgateError): void;
  /** Its process ended through no fault of the job, before any of its results was handed over: it may run elsewhere. */
  orphaned(): void;
}

export interface LaneChildOptions {
  readonly shape: LaneShape;
  /** Of the process, as nice(2) counts: greater is later. */
  readonly niceness: number;
}

/** A lane that has said nothing for so long is stuck; its loop is never in a run. */
const SILENT_MS = 60_000;

/** One lane process. It is used until it ends, by itself, tired or killed; never again. */
export class LaneChild {
  readonly #child: ChildProcess;
  readonly #jobs = new Map<number, { readonly job: LaneJob; begun: boolean }>();
  readonly #ready: Promise<boolean>;
  #silence: NodeJS.Timeout;
  #overdue: { readonly id: number; readonly reason: string } | undefined;
  isReady = false;
  /** It takes no further jobs, and ends when it has none. */
  isTired = false;
  hasEnded = false;

  constructor({ shape, niceness }: LaneChildOptions, ended: (child: LaneChild) => void) {
    this.#child = fork(spawnable(import.meta.url, './lane-process.ts'), [], {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#silence = this.#watch();
    // The doors come first: what computes for minutes gets what they leave.
    if (this.#child.pid !== undefined && niceness > 0) setPriority(this.#child.pid, niceness);
    const end = (reason: string) => {
      if (this.hasEnded) return;
      this.hasEnded = true;
      clearTimeout(this.#silence);
      ended(this);
      this.#abandon(reason);
    };
    this.#child.once('exit', (code, signal) => end(`the lane's process ended (${signal ?? `exit code ${code}`})`));
    this.#child.on('error', (error) => end(`the lane cannot be reached: ${error.message}`));
    this.#ready = new Promise((resolve) => {
      this.#child.once('exit', () => resolve(false)).once('error', () => resolve(false));
      this.#child.on('message', (message: FromLane) => {
        if (message.kind === 'ready') {
          this.isReady = true;
          resolve(true);
        }
        this.#hear(message);
      });
    });
    this.#tell({ kind: 'shape', shape });
  }

  get load(): number {
    return this.#jobs.size;
  }

  ready(): Promise<boolean> {
    return this.#ready;
  }

  run(job: LaneJob): void {
    this.#jobs.set(job.id, { job, begun: false });
    this.#tell({ kind: 'run', job: job.id, request: job.request });
  }

  taken(id: number): void {
    this.#tell({ kind: 'taken', job: id });
  }

  cancel(id: number): void {
    if (this.#jobs.delete(id)) this.#tell({ kind: 'cancel', job: id });
    this.#rest();
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  #hear(message: FromLane): void {
    this.#silence = this.#watch();
    if (message.kind === 'tired') this.isTired = true;
    if ('job' in message) this.#hearOf(message);
    this.#rest();
  }

  #hearOf(message: Extract<FromLane, { job: number }>): void {
    const held = this.#jobs.get(message.job);
    if (!held) return;
    if (message.kind === 'slab') {
      held.begun = true;
      held.job.slab(message.slab);
    } else if (message.kind === 'overdue') {
      this.#overdue = { id: message.job, reason: `${message.reason}; the lane was ended` };
      this.kill();
    } else {
      this.#jobs.delete(message.job);
      if (message.kind === 'done') held.job.done(message.result);
      else held.job.failed(new VoxgateError(message.code, message.reason));
    }
  }

  #abandon(reason: string): void {
    for (const [id, { job, begun }] of this.#jobs) {
      if (id === this.#overdue?.id) job.failed(new VoxgateError('inference-failed', this.#overdue.reason));
      else if (begun || !this.#overdue) job.failed(new VoxgateError('inference-failed', reason));
      else job.orphaned();
    }
    this.#jobs.clear();
  }

  /** A tired lane that has nothing left to do ends. */
  #rest(): void {
    if (this.isTired && this.#jobs.size === 0) this.kill();
  }

  #watch(): NodeJS.Timeout {
    clearTimeout(this.#silence);
    const timer = setTimeout(() => this.kill(), SILENT_MS);
    return timer.unref();
  }

  #tell(message: ToLane): void {
    // One that has ended says so by its exit.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }
}
