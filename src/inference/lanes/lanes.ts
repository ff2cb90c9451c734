import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { VoxgateError } from '../../errors.ts';
import type { Engine, InferenceRequest, InferenceResult, Slab } from '../engine.ts';
import { LaneChild, type LaneJob } from './lane-child.ts';
import type { LaneShape } from './messages.ts';

/** From this priority on a job goes to the lane that is kept for urgent ones. */
export const STAT_PRIORITY = 100;
/** Loading ONNX Runtime takes about 0.2 s; a probe does not wait for ever. */
const READY_MS = 3000;
/** A process that ends in each of so many attempts at a job ends because of it. */
const MOST_ATTEMPTS = 3;
/** nice(2) of the lanes: the doors come first, then what is urgent. */
const NICENESS = { general: 10, stat: 5 };

export interface LanesOptions {
  /** Cores to compute on; all of the machine by default. */
  readonly cores?: number;
}

type RunOptions = Parameters<Engine['run']>[1];

/**
 * The local engine: one lane process for all routine jobs, and a second, started when it is first needed, for those that
 * cannot wait for a run of another model to end.
 */
export class Lanes implements Engine {
  readonly #shape: LaneShape;
  readonly #children: { general?: LaneChild; stat?: LaneChild } = {};
  /** All that have not ended: tired ones finish what they have. */
  readonly #living = new Set<LaneChild>();
  #jobs = 0;
  #closed = false;

  constructor({ cores = availableParallelism() }: LanesOptions = {}) {
    this.#shape = laneShape(cores);
  }

  /** @throws VoxgateError inference-failed, bad-model, out-of-resources; the signal's reason when it is aborted */
  async run(request: InferenceRequest, { signal, onSlab }: RunOptions = {}): Promise<InferenceResult> {
    for (let attempt = 1; ; attempt++) {
      signal?.throwIfAborted();
      const result = await this.#attempt(request, signal, onSlab);
      if (result !== 'orphaned') return result;
      if (attempt === MOST_ATTEMPTS)
        throw new VoxgateError('inference-failed', `the lane's process ended in each of ${MOST_ATTEMPTS} attempts`);
    }
  }

  async ready(patienceMs = READY_MS): Promise<boolean> {
    if (this.#closed) return false;
    const child = this.#childFor(0);
    return child.isReady || Promise.race([child.ready(), sleep(patienceMs, false, { ref: false })]);
  }

  close(): void {
    this.#closed = true;
    for (const child of this.#living) child.kill();
  }

  async #attempt(
    request: InferenceRequest,
    signal: AbortSignal | undefined,
    onSlab: RunOptions['onSlab'],
  ): Promise<InferenceResult | 'orphaned'> {
    if (this.#closed) throw new VoxgateError('inference-failed', 'the lanes are closed');
    const id = ++this.#jobs;
    const child = this.#childFor(request.priority);
    const { slabAxis, ...whole } = request;
    let slabs = Promise.resolve();
    let abort: (() => void) | undefined;
    try {
      return await new Promise<InferenceResult | 'orphaned'>((resolve, reject) => {
        const job: LaneJob = {
          id,
          request: onSlab ? request : whole,
          slab: (slab: Slab) => {
            slabs = slabs.then(() => onSlab?.(slab)).then(() => child.taken(id));
            slabs.catch((error: unknown) => {
              child.cancel(id);
              reject(error);
            });
          },
          done: (result) => void slabs.then(() => resolve(result), reject),
          failed: reject,
          orphaned: () => resolve('orphaned'),
        };
        abort = () => {
          child.cancel(id);
          reject(signal?.reason);
        };
        signal?.addEventListener('abort', abort, { once: true });
        child.run(job);
      });
    } finally {
      if (abort) signal?.removeEventListener('abort', abort);
    }
  }

  #childFor(priority: number): LaneChild {
    const kind = priority >= STAT_PRIORITY ? 'stat' : 'general';
    const held = this.#children[kind];
    if (held && !held.hasEnded && !held.isTired) return held;
    const child = new LaneChild({ shape: this.#shape, niceness: NICENESS[kind] }, (ended) => {
      this.#living.delete(ended);
      if (this.#children[kind] === ended) delete this.#children[kind];
    });
    this.#living.add(child);
    this.#children[kind] = child;
    return child;
  }
}

/** Runs side by side scale better than threads in one run: up to four, and what is left as their threads. */
export function laneShape(cores: number): LaneShape {
  const runners = Math.max(1, Math.min(4, cores <= 4 ? cores : Math.floor(cores / 2)));
  return { runners, threads: Math.max(1, Math.floor(cores / runners)) };
}
