import pg from 'pg';
import { describe, expect, inject, it } from 'vitest';
import { isUnavailable } from '../../src/catalog/unavailable.ts';

const failureOf = async (connectionString: string, sql = 'SELECT 1'): Promise<unknown> => {
  const client = new pg.Client({ connectionString });
  try {
    await client.connect();
    return await client.query(sql).catch((error: unknown) => error);
  } catch (error) {
    return error;
  } finally {
    await client.end().catch(() => undefined);
  }
};

describe('a database that is away', () => {
  it('is told from a statement that is wrong', async () => {
    expect(isUnavailable(await failureOf('postgresql://u:p@127.0.0.1:1/x'))).toBe(true);
    expect(isUnavailable(await failureOf(inject('postgres'), 'SELECT nonsense'))).toBe(false);
    expect(isUnavailable(await failureOf(inject('postgres'), 'SELECT pg_terminate_backend(pg_backend_pid())'))).toBe(
      true,
    );
  });
});
