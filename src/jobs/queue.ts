import { makeWorkerUtils } from 'graphile-worker';
import type { Knex } from 'knex';
import pg from 'pg';
import type { Log } from '../log.ts';
import { DeadWorkerWatch } from './dead-workers.ts';
import type { JobHandlers, JobName, JobPayloads } from './job.ts';
import { RunningJobs, type RunParts } from './run-job.ts';
import { keepRunner, QUIET } from './runner.ts';

export type { ErrorClass } from './error-classes.ts';
export type { JobFailure, JobHandlers, JobName, JobPayloads, JobRun } from './job.ts';

/** What the statement is sent by: knex, one of its transactions, or what looks like one. */
interface Statements {
  raw(sql: string, values: readonly (string | number | null)[]): PromiseLike<unknown>;
}

interface EnqueueOptions {
  /** Another job of this key that has not started yet is replaced: its time begins anew. */
  readonly key?: string;
  readonly delaySeconds?: number;
  readonly maxAttempts?: number;
  /** Greater is sooner, among those that are due. */
  readonly priority?: number;
  /** Jobs of one queue run one after the other. */
  readonly queue?: string;
}

/**
 * Leaves a job in the caller's transaction: it exists if and only if what caused it does. One that is due begins within
 * milliseconds (the transaction's end tells the workers), one that is not within a second of its time.
 * Tried again with exponential back-off (e^attempt seconds, at most 6 hours apart), 25 times unless said otherwise.
 */
export async function enqueue<Name extends JobName>(
  tx: Statements,
  name: Name,
  payload: JobPayloads[Name],
  options: EnqueueOptions = {},
): Promise<void> {
  const { key = null, delaySeconds = 0, maxAttempts = 25, priority = 0, queue = null } = options;
  await tx.raw(
    `SELECT graphile_worker.add_job(?, payload => ?::json, run_at => now() + make_interval(secs => ?), job_key => ?,
       max_attempts => ?, priority => ?, queue_name => ?)`,
    [name, JSON.stringify(payload), delaySeconds, key, maxAttempts, -priority, queue],
  );
}

/** Takes a job back, in the transaction that makes it needless; one that has begun goes to its end. */
export async function dropJob(tx: Knex | Knex.Transaction, key: string): Promise<void> {
  await tx.raw('SELECT graphile_worker.remove_job(?)', [key]);
}

/** Has the workers look for jobs in so many milliseconds: sooner than they would by themselves. */
export function wakeQueue(database: Knex, afterMs: number): void {
  setTimeout(() => {
    database.raw(`SELECT pg_notify('jobs:insert', '{"count":1}')`).catch(() => undefined);
  }, afterMs).unref();
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
  /** Keys of the jobs under way in this process. */
  readonly running: readonly string[];
  /** Ends a job under way in this process, without another try. @returns whether there was one */
  cancel(key: string, reason: string): boolean;
  /**
   * Lets running jobs end, at most this long; what has not ended then is given back and run again, here after the next
   * start or by another node.
   */
  stop(patienceMs?: number): Promise<void>;
}

export interface QueueOptions extends RunParts {
  readonly connectionString: string;
  readonly handlers: JobHandlers;
  readonly log: Log;
  /** Jobs at once in this process, analyses apart. */
  readonly concurrency: number;
  /** Analyses at once in this process; one that is urgent has a place beside them. */
  readonly analyses?: number;
  /** No other process works on this database: whatever is under way at the start was a dead one's, and is freed at once. */
  readonly alone?: boolean;
}

/** An analysis takes seconds, and one that takes minutes is not worth that an operator has to kill the node. */
const PATIENCE_MS = 60_000;

/**
 * Runs jobs until stopped, in three lanes: analyses never stand before what settles and delivers, and an urgent analysis
 * has a place that no other takes. A job whose process died is taken up by any living one within seconds: see
 * DeadWorkerWatch.
 */
export async function startQueue({
  handlers,
  concurrency,
  analyses = 1,
  alone,
  ...parts
}: QueueOptions): Promise<Queue> {
  if (alone) await freeAll(parts.connectionString);
  const running = new RunningJobs();
  const watch = new DeadWorkerWatch(parts.connectionString, parts.log);
  const { 'analyze-series': analyze, 'analyze-urgent': urgent, ...prompt } = handlers;
  const lanes = [
    { lane: 'prompt', handlers: prompt, concurrency },
    { lane: 'analyses', handlers: { 'analyze-series': analyze, 'analyze-urgent': urgent }, concurrency: analyses },
    { lane: 'urgent', handlers: { 'analyze-urgent': urgent }, concurrency: 1 },
  ];
  const kept = await Promise.allSettled(lanes.map((lane) => keepRunner({ ...parts, ...lane, running, watch })));
  const runners = kept.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const stop = async (patienceMs: number): Promise<void> => {
    await Promise.all(runners.map((runner) => runner.stop(patienceMs)));
    await watch.stop();
  };
  for (const one of kept)
    if (one.status === 'rejected') {
      await stop(0);
      throw one.reason;
    }
  return {
    get running() {
      return running.keys;
    },
    cancel: (key, reason) => running.cancel(key, reason),
    stop: (patienceMs = PATIENCE_MS) => stop(patienceMs),
  };
}

async function freeAll(connectionString: string): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await client.query(
      `SELECT graphile_worker.force_unlock_workers(array_agg(DISTINCT locked_by)) FROM graphile_worker.jobs
       WHERE locked_by IS NOT NULL HAVING count(*) > 0`,
    );
  } finally {
    await client.end();
  }
}
