import { setTimeout as sleep } from 'node:timers/promises';
import type { JobHelpers } from 'graphile-worker';
import { sentenceOf, VoxgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import { classify } from './error-classes.ts';
import { type JobFailure, type JobName, type JobRun, JobStopped } from './job.ts';

export interface RunParts {
  readonly log: Log;
  /** Longest a try of a job may take; those that are not named, as long as they like. */
  readonly timeLimitsMs?: Partial<Readonly<Record<JobName, number>>> | undefined;
  /**
   * Told of every try that failed. A final one is over when this resolves: whoever is told keeps what is to be known of
   * it. Without it the queue's table keeps the job, which nobody takes up again.
   */
  readonly onFailure?: ((failure: JobFailure) => Promise<void>) | undefined;
}

/** A handler that does not heed its signal is not waited for longer than this. */
const GRACE_MS = 10_000;
/** One that has run out of time twice would again. */
const TIMED_OUT_AT_MOST = 2;

/** Jobs under way in this process, by key. */
export class RunningJobs {
  readonly #controllers = new Map<string, AbortController>();

  get keys(): string[] {
    return [...this.#controllers.keys()];
  }

  /** Ends a job under way. @returns whether there was one of that key here */
  cancel(key: string, reason: string): boolean {
    const controller = this.#controllers.get(key);
    controller?.abort(new JobStopped('cancelled', reason));
    return controller !== undefined;
  }

  async during<T>(key: string | null, work: (controller: AbortController) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    if (key !== null) this.#controllers.set(key, controller);
    try {
      return await work(controller);
    } finally {
      if (key !== null && this.#controllers.get(key) === controller) this.#controllers.delete(key);
    }
  }
}

/**
 * One try of one job. Resolves when the job is over, done or given up; throws so that the queue tries it again.
 */
export async function runJob(
  name: JobName,
  handler: (payload: never, run: JobRun) => Promise<void>,
  payload: unknown,
  helpers: JobHelpers,
  running: RunningJobs,
  parts: RunParts,
): Promise<void> {
  const { attempts: attempt, max_attempts: of, key } = helpers.job;
  try {
    await running.during(key, (controller) => {
      const run: JobRun = { attempt, lastAttempt: attempt >= of, signal: controller.signal };
      // The payload was typed when it was enqueued; the table holds what enqueue() wrote.
      return untilStopped(handler(payload as never, run), controller, parts.timeLimitsMs?.[name]);
    });
  } catch (error) {
    if (error instanceof JobStopped && error.kind === 'cancelled') {
      parts.log.info({ job: name, reason: error.message }, 'a job was cancelled');
      return;
    }
    const { tryAgain, ...known } = classify(stoppedIsFailed(error));
    const timedOutAgain = error instanceof JobStopped && attempt >= TIMED_OUT_AT_MOST;
    const final = !tryAgain || timedOutAgain || attempt >= of;
    const reason = sentenceOf(error);
    const told = { job: name, attempt, of, class: known.class, reason };
    if (!final) parts.log.warn(told, 'a job failed and will be tried again');
    else if (attempt >= of) parts.log.error(told, 'a job failed for the last time and is given up');
    else parts.log.error(told, 'a job failed and is given up: another try would not help');
    if (parts.onFailure) {
      await parts.onFailure({ job: name, key, payload, attempt, ...known, reason, final });
      if (final) return;
    }
    if (!final) await delay(helpers, attempt).catch(() => undefined);
    throw error;
  }
}

/** What the job did not come back from by itself in time is stopped; what does not stop is left behind. */
async function untilStopped(
  ended: Promise<void>,
  controller: AbortController,
  limitMs: number | undefined,
): Promise<void> {
  const { signal } = controller;
  const timer =
    limitMs === undefined
      ? undefined
      : setTimeout(() => controller.abort(new JobStopped('timed-out', `no end within ${limitMs / 1000} s`)), limitMs);
  ended.catch(() => undefined);
  const givenUp = new Promise<never>((_resolve, reject) => {
    signal.addEventListener(
      'abort',
      () => void sleep(GRACE_MS, undefined, { ref: false }).then(() => reject(signal.reason)),
    );
  });
  try {
    await Promise.race([ended, givenUp]);
  } catch (error) {
    // Whatever a stopped job says of its end: why it was stopped is the reason.
    throw signal.aborted ? signal.reason : error;
  } finally {
    clearTimeout(timer);
    givenUp.catch(() => undefined);
  }
}

function stoppedIsFailed(error: unknown): unknown {
  return error instanceof JobStopped ? new VoxgateError('out-of-resources', error.message) : error;
}

/** The library waits e^attempt seconds from `run_at` on: what failed together is not tried again together. */
async function delay(helpers: JobHelpers, attempt: number): Promise<void> {
  const jitter = Math.random() * 0.5 * Math.exp(Math.min(attempt, 10));
  await helpers.query(
    'UPDATE graphile_worker._private_jobs SET run_at = now() + make_interval(secs => $2) WHERE id = $1',
    [helpers.job.id, jitter],
  );
}
