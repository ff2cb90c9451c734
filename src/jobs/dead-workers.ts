import pg from 'pg';
import { sentenceOf } from '../errors.ts';
import type { Log } from '../log.ts';

/** How often a living process looks for jobs of dead ones. Seen twice and with a poll each second: 11 s at most. */
const LOOK_EVERY_MS = 5000;

/** Where our own lock may be gone: it has to be back before another process has looked twice. */
const LOOK_SOON_MS = 500;

/** Longer than another process holds a lock to see whether it can be had. */
const LOCK_TIMEOUT_MS = 2000;

const QUERY_TIMEOUT_MS = 15_000;

/** First half of the advisory lock's key: "VOXW". The second is a hash of the worker pool's id. */
const LOCK_SPACE = 0x564f5857;

/** A machine that vanished (power, network) says no goodbye: PostgreSQL asks after it, and drops it within 15 s. */
const KEEP_ALIVE = 'SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; SET tcp_keepalives_count = 5';

/**
 * Frees the jobs of processes that died.
 *
 * graphile-worker itself gives a lost job back after four hours. Here each process holds a PostgreSQL session lock in
 * the name of each of its worker pools: the lock goes with the connection, and so with the process, which is the earliest moment at
 * which the job is known to be ownerless. A slow job of a living process is never taken away: a connection that was
 * lost for a moment is back, and its lock, before a pool has been seen without one twice.
 */
export class DeadWorkerWatch {
  readonly #connectionString: string;
  readonly #log: Log;
  #client: pg.Client | undefined;
  /** The worker pool of each lane of this process; none before it is started. */
  readonly #own = new Map<string, string>();
  /** Our own pools whose locks are held by the connection of now. */
  readonly #locked = new Set<string>();
  /** Pools that nobody held at the last look. */
  #suspects: ReadonlySet<string> = new Set();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(connectionString: string, log: Log) {
    this.#connectionString = connectionString;
    this.#log = log;
  }

  /**
   * Holds the lock of a lane's worker pool from now on, in place of the one the lane had before, and begins to look.
   * @throws when the lock cannot be taken: without it our own jobs would look ownerless
   */
  hold(lane: string, poolId: string): Promise<void> {
    const held = this.#looking.then(async () => {
      const before = this.#own.get(lane);
      this.#own.set(lane, poolId);
      const client = await this.#connected();
      if (before !== undefined && this.#locked.delete(before)) await unlock(client, before);
      this.#lookIn(0);
    });
    this.#looking = held.catch(() => undefined);
    return held;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#looking;
    await this.#client?.end().catch(() => undefined);
  }

  #lookIn(milliseconds: number): void {
    clearTimeout(this.#timer);
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#looking = this.#looking.then(() => this.#look());
    }, milliseconds);
  }

  async #look(): Promise<void> {
    if (this.#stopped) return;
    try {
      const client = await this.#connected();
      const { rows } = await client.query<{ locked_by: string }>(
        'SELECT DISTINCT locked_by FROM graphile_worker.jobs WHERE locked_by <> ALL($1)',
        [[...this.#own.values()]],
      );
      const ownerless = new Set<string>();
      for (const { locked_by: pool } of rows) if (await this.#isOwnerless(client, pool)) ownerless.add(pool);
      for (const pool of ownerless) if (this.#suspects.has(pool)) await this.#free(client, pool);
      this.#suspects = ownerless;
      this.#lookIn(this.#locked.size === this.#own.size ? LOOK_EVERY_MS : LOOK_SOON_MS);
    } catch (error) {
      this.#log.warn({ reason: sentenceOf(error) }, 'could not look for jobs of dead processes');
      this.#disconnect();
    }
  }

  async #isOwnerless(client: pg.Client, pool: string): Promise<boolean> {
    const { rows } = await client.query<{ had: boolean }>('SELECT pg_try_advisory_lock($1, hashtext($2)) AS had', [
      LOCK_SPACE,
      pool,
    ]);
    if (rows[0]?.had !== true) return false;
    await unlock(client, pool);
    return true;
  }

  async #free(client: pg.Client, pool: string): Promise<void> {
    await client.query('SELECT graphile_worker.force_unlock_workers(ARRAY[$1])', [pool]);
    this.#log.info({ pool }, 'jobs of a process that died are run again');
  }

  /** The connection that carries our own locks; made anew, locks and all, when it was lost. */
  async #connected(): Promise<pg.Client> {
    this.#client ??= await this.#connect();
    const client = this.#client;
    for (const pool of this.#own.values())
      if (!this.#locked.has(pool) && (await lock(client, pool)) && client === this.#client) this.#locked.add(pool);
    return client;
  }

  async #connect(): Promise<pg.Client> {
    const client = new pg.Client({
      connectionString: this.#connectionString,
      application_name: 'voxgate worker lock',
      keepAlive: true,
      query_timeout: QUERY_TIMEOUT_MS,
    });
    client.on('error', () => {
      if (client === this.#client) this.#disconnect();
    });
    await client.connect();
    // Not every server knows all of them.
    await client.query(KEEP_ALIVE).catch(() => undefined);
    await client.query(`SET lock_timeout = ${LOCK_TIMEOUT_MS}`);
    return client;
  }

  /** The old connection is ended: as long as it stood, the new one could not have our lock. */
  #disconnect(): void {
    this.#client?.end().catch(() => undefined);
    this.#client = undefined;
    this.#locked.clear();
    this.#lookIn(LOOK_SOON_MS);
  }
}

const LOCK_NOT_AVAILABLE = '55P03';

/** False when a connection of ours that PostgreSQL has not yet found dead still holds it: nobody else can, then. */
async function lock(client: pg.Client, pool: string): Promise<boolean> {
  try {
    await client.query('SELECT pg_advisory_lock($1, hashtext($2))', [LOCK_SPACE, pool]);
    return true;
  } catch (error) {
    if (error instanceof pg.DatabaseError && error.code === LOCK_NOT_AVAILABLE) return false;
    throw error;
  }
}

async function unlock(client: pg.Client, pool: string): Promise<void> {
  await client.query('SELECT pg_advisory_unlock($1, hashtext($2))', [LOCK_SPACE, pool]);
}
