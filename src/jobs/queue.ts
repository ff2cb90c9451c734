import { EventEmitter } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
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
  readonly 'verify-commitment': { readonly commitmentId: number };
  readonly 'report-commitment': { readonly commitmentId: number };
  readonly 'request-commitment': { readonly analysisId: number; readonly peer: string };
  readonly 'notify-availability': { readonly analysisId: number; readonly peer: string };
  readonly 'match-order': { readonly studyInstanceUid: string };
  readonly 'purge-deletion': { readonly deletionId: number; readonly doneBy: string; readonly reason: string };
}
export type JobName = keyof JobPayloads;

export interface JobRun {
  /** 1 for the first try. */
  readonly attempt: number;
  readonly lastAttempt: boolean;
}
export type JobHandlers = { readonly [Name in JobName]: (payload: JobPayloads[Name], run: JobRun) => Promise<void> };

/** What the statement is sent by: knex, one of its transactions, or what looks like one. */
interface Statements {
  raw(sql: string, values: readonly (string | number | null)[]): PromiseLike<unknown>;
}

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
  tx: Statements,
  name: Name,
  payload: JobPayloads[Name],
  options: EnqueueOptions = {},
): Promise<void> {
  await tx.raw(
    `SELECT graphile_worker.add_job(?, payload => ?::json, run_at => now() + make_interval(secs => ?), job_key => ?, max_attempts => ?)`,
    [name, JSON.stringify(payload), options.delaySeconds ?? 0, options.key ?? null, options.maxAttempts ?? 25],
  );
}

/** Takes a job back, in the transaction that makes it needless; one that has begun goes to its end. */
export async function dropJob(tx: Knex | Knex.Transaction, key: string): Promise<void> {
  await tx.raw('SELECT graphile_worker.remove_job(?)', [key]);
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
  /**
   * Lets running jobs end, at most this long; what has not ended then is given back and run again, here after the next
   * start or by another node.
   */
  stop(patienceMs?: number): Promise<void>;
}

export interface QueueOptions {
  readonly connectionString: string;
  readonly handlers: JobHandlers;
  readonly log: Log;
  /** Jobs at once in this process. */
  readonly concurrency: number;
}

/** Between two tries to start the queue anew while the database is away. */
const RESTART_MS = 2000;

/** An analysis takes seconds, and one that takes minutes is not worth that an operator has to kill the node. */
const PATIENCE_MS = 60_000;

/**
 * Runs jobs until stopped. A job whose process died is taken up by any living one within seconds: see DeadWorkerWatch.
 * graphile-worker ends by itself when it cannot write down that a job is done (a database that restarts): it is
 * started anew then, or the node would take series in and never look at them again.
 */
export async function startQueue(options: QueueOptions): Promise<Queue> {
  const { connectionString, log } = options;
  const watch = new DeadWorkerWatch(connectionString, log);
  let stopping = false;
  let current = await startRunner(options, watch);
  const kept = (async () => {
    for (let reason = await current.ended; !stopping; reason = await current.ended) {
      log.error({ reason }, 'the queue ended by itself and is started anew');
      for (let started = false; !started && !stopping; ) {
        await sleep(RESTART_MS);
        try {
          current = await startRunner(options, watch);
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
    async stop(patienceMs = PATIENCE_MS) {
      stopping = true;
      await current.stop(patienceMs);
      await kept;
      await watch.stop();
    },
  };
}

interface Running {
  /** Resolves when it has ended, asked or not, to the reason. */
  readonly ended: Promise<string>;
  stop(patienceMs: number): Promise<void>;
}

async function startRunner(
  { connectionString, handlers, log, concurrency }: QueueOptions,
  watch: DeadWorkerWatch,
): Promise<Running> {
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
          (payload: unknown, helpers: JobHelpers) => runJob(name, handler, payload, helpers, log),
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
    await watch.hold(pools[0]?.id ?? '').catch(async (error: unknown) => {
      await running.stop(0);
      throw error;
    });
    return running;
  } catch (error) {
    if (!pgPool.ending) await pgPool.end();
    throw error;
  }
}

async function runJob(
  name: string,
  handler: (payload: never, run: JobRun) => Promise<void>,
  payload: unknown,
  helpers: JobHelpers,
  log: Log,
): Promise<void> {
  const { attempts, max_attempts: maxAttempts } = helpers.job;
  const lastAttempt = attempts >= maxAttempts;
  try {
    // The payload was typed when it was enqueued; the table holds what enqueue() wrote.
    await handler(payload as never, { attempt: attempts, lastAttempt });
  } catch (error) {
    const told = { job: name, attempt: attempts, of: maxAttempts, reason: sentenceOf(error) };
    if (lastAttempt) log.error(told, 'a job failed for the last time and is given up');
    else log.warn(told, 'a job failed and will be tried again');
    throw error;
  }
}

/** The queue's own log lines repeat what our handlers say, with payloads: not wanted. */
const QUIET = new Logger(() => () => {});
