import { randomBytes } from 'node:crypto';
import type pg from 'pg';
import { VoxgateError } from '../errors.ts';
import type { Database } from './database.ts';
import { groupText } from './group-text.ts';
import { type InstanceRecord, insertedOf, judgeGroup, type Recorded, type Statements } from './record-instances.ts';

/** No answer for so long means that there will be none. */
const DEADLINE_MS = 60_000;

/**
 * The transaction of one group, open beside the syncing of its files: `recorded` tells what its commit would make true,
 * and nothing is true before `commit` has resolved.
 *
 * Every object waits for these statements, so they go past knex: the beginning and the recording are one message to the
 * server, and the group is one literal in it (a statement with parameters needs a message of its own).
 */
export class GroupTransaction {
  readonly #database: Database;
  readonly #client: pg.Client;
  #open = true;
  /** Rejects when the group cannot be recorded. */
  readonly recorded: Promise<Recorded[]>;

  private constructor(database: Database, client: pg.Client, group: readonly InstanceRecord[]) {
    this.#database = database;
    this.#client = client;
    this.recorded = this.#record(group);
    // Seen by whoever waits for it, and there may be a failure to report before.
    this.recorded.catch(() => undefined);
  }

  static async begin(database: Database, group: readonly InstanceRecord[]): Promise<GroupTransaction> {
    const client: pg.Client = await database.client.acquireConnection();
    return new GroupTransaction(database, client, group);
  }

  /** For further statements of the same transaction; they use `?` for values, as knex does. */
  get statements(): Statements {
    const { client } = this.#database;
    return {
      raw: (sql, values) => this.#answered(this.#client.query(client.positionBindings(sql), [...values])),
    };
  }

  async commit(): Promise<void> {
    const { command } = await this.#answered(this.#client.query('COMMIT'));
    // After an error the server answers COMMIT by undoing everything, and calls that ROLLBACK.
    if (command !== 'COMMIT') throw new Error(`the database answered COMMIT with ${command}`);
    await this.#release();
  }

  /** Gives up what is not committed. Never fails: a connection that cannot be used any more is dropped. */
  async rollback(): Promise<void> {
    if (!this.#open) return;
    await this.#answered(this.#client.query('ROLLBACK')).catch(() => this.#drop());
    await this.#release();
  }

  async #record(group: readonly InstanceRecord[]): Promise<Recorded[]> {
    const sql = `BEGIN; SELECT record_instances(${literal(groupText(group))}::jsonb) AS inserted`;
    // Two statements, two results; the declarations know of one.
    const results: unknown = await this.#answered(this.#client.query(sql));
    const last: unknown = Array.isArray(results) ? results.at(-1) : undefined;
    const rows =
      typeof last === 'object' && last !== null && 'rows' in last && Array.isArray(last.rows) ? last.rows : [];
    return judgeGroup(this.statements, group, insertedOf(rows));
  }

  async #answered<T>(answer: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        this.#drop();
        reject(new VoxgateError('out-of-resources', `the database has not answered for ${DEADLINE_MS / 1000} seconds`));
      }, DEADLINE_MS);
    });
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** What it was doing is rolled back by the server. */
  #drop(): void {
    this.#client.connection.stream.destroy(new Error('the connection was given up'));
  }

  async #release(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#database.client.releaseConnection(this.#client);
  }
}

let mark = newMark();

/** In dollar quotes (PostgreSQL 4.1.2.4), which need no escapes whatever the server's settings are. */
function literal(text: string): string {
  while (text.includes(mark)) mark = newMark();
  return `${mark}${text}${mark}`;
}

function newMark(): string {
  return `$v${randomBytes(8).toString('hex')}$`;
}
