import { createHash } from 'node:crypto';
import { VoxgateError } from '../errors.ts';
import type { Binding } from './conditions.ts';
import type { Database } from './database.ts';

export interface Statement {
  readonly text: string;
  readonly values: readonly Binding[];
  /** Asked often with the same text: PostgreSQL parses it once a connection. */
  readonly hot: boolean;
}

/** What is used here of knex's client, which its declarations leave open, and of the pg client it gives out. */
interface Pool {
  acquireConnection(): Promise<Connection>;
  releaseConnection(connection: Connection): Promise<void>;
}

interface Connection {
  readonly processID: number;
  query<Row>(config: { name?: string; text: string; values: readonly Binding[] }): Promise<{ rows: Row[] }>;
}

/** A page of answers takes milliseconds; what takes so long has no index to go by. */
const LONGEST_MS = 60_000;

export interface RunOptions {
  readonly signal?: AbortSignal | undefined;
  readonly longestMs?: number | undefined;
}

/**
 * Runs one statement of our own on a connection of the pool, without knex's builder in between (it took a third of the
 * time of a query by Patient ID). It is cancelled in PostgreSQL when the signal says so, or after a time.
 *
 * @throws VoxgateError out-of-resources after that time, a minute unless given; the signal's reason when it was aborted
 */
export async function runStatement<Row>(
  database: Database,
  { text, values, hot }: Statement,
  { signal, longestMs = LONGEST_MS }: RunOptions = {},
): Promise<Row[]> {
  signal?.throwIfAborted();
  const pool: Pool = database.client;
  const connection = await pool.acquireConnection();
  let cancelling: Promise<unknown> | undefined;
  let isLate = false;
  const cancel = (): void => {
    cancelling ??= database.raw('SELECT pg_cancel_backend(?)', [connection.processID]).then(
      () => undefined,
      () => undefined,
    );
  };
  const deadline = setTimeout(() => {
    isLate = true;
    cancel();
  }, longestMs);
  signal?.addEventListener('abort', cancel, { once: true });
  try {
    signal?.throwIfAborted();
    const name = hot ? nameOf(text) : undefined;
    const { rows } = await connection.query<Row>(name === undefined ? { text, values } : { name, text, values });
    return rows;
  } catch (cause) {
    signal?.throwIfAborted();
    if (isLate) {
      const seconds = Math.round(longestMs / 1000);
      throw new VoxgateError('out-of-resources', `the query took over ${seconds} s and was given up; narrow it`, {
        cause,
      });
    }
    throw cause;
  } finally {
    clearTimeout(deadline);
    signal?.removeEventListener('abort', cancel);
    // the cancellation must not hit the next statement of this connection
    await cancelling;
    await pool.releaseConnection(connection);
  }
}

const names = new Map<string, string>();
/** Callers choose their keys, and every name stays in every connection: what exceeds this is parsed each time. */
const MOST_NAMES = 200;

function nameOf(text: string): string | undefined {
  const known = names.get(text);
  if (known !== undefined || names.size >= MOST_NAMES) return known;
  const name = `find_${createHash('sha256').update(text).digest('hex').slice(0, 24)}`;
  names.set(text, name);
  return name;
}
