import { Batch, isSooner } from './batch.ts';
import type { Job, Window } from './job.ts';
import type { Runner } from './network.ts';

/** How long a batch that is not full waits for the windows of a job of the same model that is being opened. */
const FILL_MS = 10;

/** Windows that will go together with others that are expected. */
interface Filling {
  readonly windows: Window[];
  readonly timer: NodeJS.Timeout;
}

/**
 * Which run is next whenever a runner is free: that of the most urgent job, and among equals of the first. A job of
 * greater priority comes between two runs of another's batch. Batches are filled with windows of other jobs of the same
 * model and shape.
 */
export class Schedule {
  readonly #free: Runner[];
  readonly #jobs = new Set<Job>();
  readonly #running = new Set<Batch>();
  /** Begun, with runs left. */
  readonly #waiting = new Set<Batch>();
  readonly #filling = new Map<string, Filling>();
  readonly #isExpected: (model: string) => boolean;
  #planned = false;

  /** @param isExpected whether a job of this model is being opened */
  constructor(runners: readonly Runner[], isExpected: (model: string) => boolean) {
    this.#free = [...runners];
    this.#isExpected = isExpected;
  }

  /** @param job opened */
  add(job: Job): void {
    this.#jobs.add(job);
    this.stir();
  }

  /** Something may have become possible; looked at after the messages that are there. */
  stir(): void {
    if (this.#planned) return;
    this.#planned = true;
    setImmediate(() => {
      this.#planned = false;
      this.#start();
    });
  }

  #start(): void {
    for (const job of this.#jobs) if (job.ended) this.#jobs.delete(job);
    for (const batch of this.#waiting) if (!batch.isWanted) this.#waiting.delete(batch);
    while (this.#free.length > 0) {
      const batch = this.#next();
      if (!batch) return;
      void this.#run(batch, this.#free.shift()!);
    }
  }

  async #run(batch: Batch, runner: Runner): Promise<void> {
    const jobs = [...new Set(batch.windows.map(({ job }) => job))];
    this.#waiting.delete(batch);
    this.#running.add(batch);
    for (const { clock } of jobs) clock.start();
    try {
      if (!(await batch.step(runner))) this.#waiting.add(batch);
    } catch (error) {
      for (const job of jobs) job.fail(error);
    } finally {
      for (const { clock } of jobs) clock.stop();
      this.#running.delete(batch);
      this.#free.push(runner);
      this.stir();
    }
  }

  #next(): Batch | undefined {
    for (;;) {
      const begun = soonest([...this.#waiting], ({ first }) => first);
      const job = soonest(
        [...this.#jobs].filter((one) => this.#mayBegin(one)),
        (one) => one,
      );
      if (!job || (begun && !isSooner(job, begun.first))) return begun;
      const batch = this.#form(job);
      if (batch) return batch;
    }
  }

  /** A job whose runs take all cores has one at a time. */
  #mayBegin(job: Job): boolean {
    if (!job.hasWindow) return false;
    if (!job.network?.wide) return true;
    return ![...this.#running, ...this.#waiting].some(({ windows }) => windows.some((window) => window.job === job));
  }

  /** Takes windows of the job, then of others like it. Nothing when they are answered already, or wait for more. */
  #form(job: Job): Batch | undefined {
    const { batch } = job.network!;
    const kin = kinOf(job);
    const before = this.#filling.get(kin);
    clearTimeout(before?.timer);
    this.#filling.delete(kin);
    const windows = (before?.windows ?? []).filter((window) => !window.job.ended);
    const others = [...this.#jobs].filter((one) => one !== job && kinOf(one) === kin);
    for (const one of [job, ...others.sort((a, b) => (isSooner(a, b) ? -1 : 1))]) {
      while (windows.length < batch) {
        const window = take(one);
        if (!window) break;
        windows.push(window);
      }
    }
    if (windows.length === 0) return undefined;
    if (windows.length < batch && !before && this.#isExpected(job.request.model.key)) {
      const timer = setTimeout(() => {
        this.#filling.delete(kin);
        this.#waiting.add(new Batch(windows, job.network!));
        this.stir();
      }, FILL_MS);
      this.#filling.set(kin, { windows, timer });
      return undefined;
    }
    return new Batch(windows, job.network!);
  }
}

/** A job whose tensor cannot be read fails alone. */
function take(job: Job): Window | undefined {
  try {
    return job.nextWindow();
  } catch (error) {
    job.fail(error);
    return undefined;
  }
}

/** Jobs of one kin can share a batch. */
function kinOf({ request, network, mirrorings }: Job): string {
  return JSON.stringify([request.model.key, network?.provider, network?.dims, request.outputs, mirrorings]);
}

function soonest<T>(all: readonly T[], jobOf: (one: T) => Job): T | undefined {
  return all.reduce<T | undefined>((best, one) => (best && !isSooner(jobOf(one), jobOf(best)) ? best : one), undefined);
}
