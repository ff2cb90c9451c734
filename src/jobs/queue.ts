import { EventEmitter } from 'node:events';
import {
  type JobHelpers,
  Logger,
  makeWorkerUtils,
  type Runner,
  run,
  type WorkerEvents,
  type WorkerPool,
} from 'graphile-worker';
import type { Knex } from 'knex';
import pg from 'pg';
import { sentenceOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { DeadWorkerWatch } from './dead-workers.ts';

/** The jobs there are, and what each is told. Payloads are small and name things by UID or row id. */
export interface JobPayloads {
  readonly 'settle-series': { readonly studyInstanceUid: string; readonly seriesInstanceUid: string };
  readonly 'analyze-series': { readonly analysisId: number };
  readonly 'deliver-results': { readonly analysisId: number; readonly peer: string };
}
export type JobName = keyof JobPayloads;

export interface JobRun {
  /** 1 for the first try. */
  readonly attempt: number;
  readonly lastAttempt: boolean;
}
export type JobHandlers = { readonly [Name in JobName]: (payload: JobPayloads[Name], run: JobRun) => Promise<void> };

interface EnqueueOptions {
  /** Another job of this key that has not started yet is replaced: its time begins anew. */
  readonly key?: string;
  readonly delaySeconds?: number;
  readonly maxAttempts?: number;
}

/**
 * Leaves a job in the caller's transaction: it exists if and only if what caused it does.
 * Tried again with exponential back-off (e^attempt seconds, at most 6 hours apart), 25 times unless said otherwise.
 */
export async function enqueue<Name extends JobName>(
  tx: Knex | Knex.Transaction,
  name: Name,
  payload: JobPayloads[Name],
  options: EnqueueOptions = {},
): Promise<void> {
  await tx.raw(
    `SELECT graphile_worker.add_job(?, payload => ?::json, run_at => now() + make_interval(secs => ?), job_key => ?, max_attempts => ?)`,
    [name, JSON.stringify(payload), options.delaySeconds ?? 0, options.key ?? null, options.maxAttempts ?? 25],
  );
}

/** Creates or brings up to date the queue's own tables (schema graphile_worker). */
export async function migrateQueue(connectionString: string): Promise<void> {
  const utils = await makeWorkerUtils({ connectionString, logger: QUIET });
  try {
    await utils.migrate();
  } finally {
    await utils.release();
  }
}

export interface Queue {
  /** Lets running jobs end, at most this long; the rest is run again by the next process. */
  stop(): Promise<void>;
}

export interface QueueOptions {
  readonly connectionString: string;
  readonly handlers: JobHandlers;
  readonly log: Log;
  /** Jobs at once in this process. */
  readonly concurrency: number;
}

/** Runs jobs until stopped. A job whose process died is taken up by any living one within seconds: see DeadWorkerWatch. */
export async function startQueue({ connectionString, handlers, log, concurrency }: QueueOptions): Promise<Queue> {
  const pgPool = new pg.Pool({ connectionString, max: concurrency + 3 });
  const lost = (error: Error): void => log.warn({ reason: error.message }, 'the queue lost a database connection');
  pgPool.on('error', lost);
  pgPool.on('connect', (client) => client.on('error', lost));
  const watch = new DeadWorkerWatch(connectionString, log);
  const events: WorkerEvents = new EventEmitter();
  const pools: WorkerPool[] = [];
  events.on('pool:create', ({ workerPool }) => pools.push(workerPool));

  const runner: Runner = await run({
    pgPool,
    concurrency,
    noHandleSignals: true,
    pollInterval: 1000,
    logger: QUIET,
    events,
    taskList: Object.fromEntries(
      Object.entries(handlers).map(([name, handler]) => [
        name,
        (payload: unknown, helpers: JobHelpers) => runJob(name, handler, payload, helpers, log),
      ]),
    ),
  });
  await watch.start(pools.map((pool) => pool.id));

  return {
    async stop() {
      await runner.stop();
      await watch.stop();
      await pgPool.end();
    },
  };
}

async function runJob(
  name: string,
  handler: (payload: never, run: JobRun) => Promise<void>,
  payload: unknown,
  helpers: JobHelpers,
  log: Log,
): Promise<void> {
  const { attempts, max_attempts: maxAttempts } = helpers.job;
  try {
    // The payload was typed when it was enqueued; the table holds what enqueue() wrote.
    await handler(payload as never, { attempt: attempts, lastAttempt: attempts >= maxAttempts });
  } catch (error) {
    log.warn(
      { job: name, attempt: attempts, of: maxAttempts, reason: sentenceOf(error) },
      'a job failed and will be tried again',
    );
    throw error;
  }
}

/** The queue's own log lines repeat what our handlers say, with payloads: not wanted. */
const QUIET = new Logger(() => () => {});
