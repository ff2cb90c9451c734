import { describe, expect, it, onTestFinished } from 'vitest';
import { type Database, migrate, migrateDown, openDatabase } from '../../src/catalog/database.ts';
import { migrateQueue } from '../../src/jobs/queue.ts';
import { aDatabase } from '../support/test-node.ts';

function open(connectionString: string): Database {
  const database = openDatabase(connectionString);
  onTestFinished(() => database.destroy());
  return database;
}

/** Every column, index and constraint of ours, in words that two runs can be compared by. */
async function schema(database: Database): Promise<string[]> {
  const { rows } = await database.raw(
    `SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') AS line
       FROM information_schema.columns WHERE table_schema = 'public'
     UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
     UNION ALL SELECT conrelid::regclass || ' ' || pg_get_constraintdef(oid) FROM pg_constraint
       WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
     ORDER BY 1`,
  );
  return rows.map(({ line }: { line: string }) => line).filter((line: string) => !line.includes('voxgate_migrations'));
}

describe('the schema', () => {
  it('goes up on an empty database, down to nothing of ours, and up to the same again', async () => {
    const database = open(await aDatabase());
    const applied = await migrate(database);
    expect(applied[0]).toBe('0001-archive');
    const first = await schema(database);
    expect(first.filter((line) => line.startsWith('instances.'))).not.toEqual([]);
    expect(await migrate(database)).toEqual([]);
    for (const name of [...applied].reverse()) expect(await migrateDown(database)).toEqual([name]);
    expect(await schema(database)).toEqual([]);
    expect(await migrateDown(database)).toEqual([]);
    expect(await migrate(database)).toEqual(applied);
    expect(await schema(database)).toEqual(first);
  });

  it('is made once by two nodes that start on the same empty database, the queue’s own tables too', async () => {
    const connectionString = await aDatabase();
    const [one, two] = [open(connectionString), open(connectionString)];
    const applied = await Promise.all([migrate(one), migrate(two)]);
    expect(applied.flat()).toContain('0001-archive');
    expect(applied.filter((names) => names.length === 0)).toHaveLength(1);
    await Promise.all([migrateQueue(connectionString), migrateQueue(connectionString)]);
    await one.raw('SELECT count(*) FROM graphile_worker.jobs');
  });

  it('is not locked for ever by a process that was killed while it migrated', async () => {
    const database = open(await aDatabase());
    await migrate(database);
    const undone = await migrateDown(database);
    await database.raw('UPDATE voxgate_migrations_lock SET is_locked = 1');
    expect(await migrate(database)).toEqual(undone);
  });

  it('gives counts and sizes as numbers, not as text', async () => {
    const { rows } = await open(await aDatabase()).raw('SELECT 9007199254740991::bigint AS most, count(*) AS one');
    expect(rows).toEqual([{ most: Number.MAX_SAFE_INTEGER, one: 1 }]);
  });
});
