import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type JobHelpers, Logger, type Runner, run, type WorkerEvents, type WorkerPool } from 'graphile-worker';
import pg from 'pg';
import { sentenceOf } from '../errors.ts';
import type { DeadWorkerWatch } from './dead-workers.ts';
import type { JobHandlers, JobName } from './job.ts';
import { type RunningJobs, type RunParts, runJob } from './run-job.ts';

export interface RunnerOptions extends RunParts {
  /** Its name among those of this process. */
  readonly lane: string;
  readonly watch: DeadWorkerWatch;
  readonly connectionString: string;
  /** Of the jobs that it runs; others are none of its business. */
  readonly handlers: Partial<JobHandlers>;
  readonly concurrency: number;
  readonly running: RunningJobs;
}

export interface KeptRunner {
  stop(patienceMs: number): Promise<void>;
}

/** Between two tries to start a runner anew while the database is away. */
const RESTART_MS = 2000;

/**
 * Runs some kinds of jobs until stopped. graphile-worker ends by itself when it cannot write down that a job is done (a
 * database that restarts): it is started anew then, or the node would take series in and never look at them again.
 */
export async function keepRunner(options: RunnerOptions): Promise<KeptRunner> {
  const { log } = options;
  let stopping = false;
  let current = await startRunner(options);
  const kept = (async () => {
    for (let reason = await current.ended; !stopping; reason = await current.ended) {
      log.error({ reason }, 'the queue ended by itself and is started anew');
      for (let started = false; !started && !stopping; ) {
        await sleep(RESTART_MS);
        try {
          current = await startRunner(options);
          started = true;
        } catch (error) {
          log.warn({ reason: sentenceOf(error) }, 'the queue cannot be started yet');
        }
      }
    }
    // It may have been started while stop() was already under way.
    await current.stop(0);
  })();
  return {
    async stop(patienceMs) {
      stopping = true;
      await current.stop(patienceMs);
      await kept;
    },
  };
}

interface Running {
  /** Resolves when it has ended, asked or not, to the reason. */
  readonly ended: Promise<string>;
  stop(patienceMs: number): Promise<void>;
}

async function startRunner(options: RunnerOptions): Promise<Running> {
  const { connectionString, handlers, log, concurrency, lane, watch } = options;
  const pgPool = new pg.Pool({ connectionString, max: concurrency + 3 });
  const lost = (error: Error): void => log.warn({ reason: error.message }, 'the queue lost a database connection');
  pgPool.on('error', lost);
  pgPool.on('connect', (client) => client.on('error', lost));
  const events: WorkerEvents = new EventEmitter();
  const pools: WorkerPool[] = [];
  events.on('pool:create', ({ workerPool }) => pools.push(workerPool));
  try {
    const runner: Runner = await run({
      pgPool,
      concurrency,
      noHandleSignals: true,
      pollInterval: 1000,
      logger: QUIET,
      events,
      // Without a batch the library lets go of the promise that writes down a job's end: a database that is away at that
      // moment ends the whole process by an unhandled rejection. With one, the runner ends, and is started anew here.
      preset: { worker: { completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
      taskList: Object.fromEntries(
        Object.entries(handlers).map(([name, handler]) => [
          name,
          (payload: unknown, helpers: JobHelpers) =>
            runJob(name as JobName, handler, payload, helpers, options.running, options),
        ]),
      ),
    });
    const ended = runner.promise.then(() => 'without a reason', sentenceOf).finally(() => pgPool.end());
    const running: Running = {
      ended,
      async stop(patienceMs) {
        const patience = setTimeout(() => {
          for (const pool of pools)
            Promise.resolve(pool.forcefulShutdown('the node was stopped')).catch(() => undefined);
        }, patienceMs);
        await runner.stop().catch(() => undefined);
        await ended;
        clearTimeout(patience);
      },
    };
    await watch.hold(lane, pools[0]?.id ?? '').catch(async (error: unknown) => {
      await running.stop(0);
      throw error;
    });
    return running;
  } catch (error) {
    if (!pgPool.ending) await pgPool.end();
    throw error;
  }
}

/** The queue's own log lines repeat what our handlers say, with payloads: not wanted. */
export const QUIET = new Logger(() => () => {});
