import pg from 'pg';
import { sentenceOf } from '../errors.ts';
import type { Log } from '../log.ts';

/** How often a living process looks for jobs of dead ones. With the poll interval of 1 s a job runs again within 11 s. */
const LOOK_EVERY_MS = 5000;

/** A job locked this short a while ago may belong to a process that is only now taking its session lock. */
const GRACE = '5 seconds';

/** First half of the advisory lock's key: "VOXW". The second is a hash of the worker pool's id. */
const LOCK_SPACE = 0x564f5857;

/**
 * Frees the jobs of processes that died.
 *
 * graphile-worker itself gives a lost job back after four hours. Here each process holds a PostgreSQL session lock in
 * its worker pool's name: the lock goes with the connection, and so with the process (kill -9, power, network), which
 * is the earliest moment at which the job is known to be ownerless. A slow job of a living process is never taken away.
 */
export class DeadWorkerWatch {
  readonly #connectionString: string;
  readonly #log: Log;
  #client: pg.Client | undefined;
  #own: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(connectionString: string, log: Log) {
    this.#connectionString = connectionString;
    this.#log = log;
  }

  async start(poolIds: readonly string[]): Promise<void> {
    this.#own = poolIds;
    await this.#look();
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.#look());
    }, LOOK_EVERY_MS);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#timer);
    await this.#looking;
    await this.#client?.end().catch(() => undefined);
  }

  async #look(): Promise<void> {
    if (this.#stopped) return;
    try {
      const client = await this.#connected();
      const { rows } = await client.query<{ locked_by: string }>(
        `SELECT DISTINCT locked_by FROM graphile_worker._private_jobs WHERE locked_by <> ALL($1) AND locked_at < now() - $2::interval`,
        [this.#own, GRACE],
      );
      for (const { locked_by: pool } of rows) await this.#freeIfDead(client, pool);
    } catch (error) {
      this.#client = undefined;
      this.#log.warn({ reason: sentenceOf(error) }, 'could not look for jobs of dead processes');
    }
  }

  async #freeIfDead(client: pg.Client, pool: string): Promise<void> {
    const { rows } = await client.query<{ dead: boolean }>('SELECT pg_try_advisory_lock($1, hashtext($2)) AS dead', [
      LOCK_SPACE,
      pool,
    ]);
    if (rows[0]?.dead !== true) return;
    try {
      await client.query('SELECT graphile_worker.force_unlock_workers(ARRAY[$1])', [pool]);
      this.#log.info({ pool }, 'jobs of a process that died are run again');
    } finally {
      await client.query('SELECT pg_advisory_unlock($1, hashtext($2))', [LOCK_SPACE, pool]);
    }
  }

  /** The connection that carries our own locks; made anew, locks and all, when it was lost. */
  async #connected(): Promise<pg.Client> {
    if (this.#client) return this.#client;
    const client = new pg.Client({ connectionString: this.#connectionString, application_name: 'voxgate worker lock' });
    client.on('error', () => {
      this.#client = undefined;
    });
    await client.connect();
    for (const pool of this.#own) await client.query('SELECT pg_advisory_lock($1, hashtext($2))', [LOCK_SPACE, pool]);
    this.#client = client;
    return client;
  }
}
