import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { openDatabase } from '../../src/catalog/database.ts';
import { enqueue, migrateQueue, startQueue } from '../../src/jobs/queue.ts';
import { createLog } from '../../src/log.ts';
import { aDatabase } from '../support/test-node.ts';
import { NO_JOBS } from './no-jobs.ts';

async function admin(sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject('postgres') });
  await client.connect();
  await client.query(sql);
  await client.end();
}

describe('a database that goes away while a job runs', () => {
  it('ends neither the process nor the queue: the job runs again when it is back', async () => {
    const connectionString = await aDatabase();
    const name = new URL(connectionString).pathname.slice(1);
    await migrateQueue(connectionString);
    const database = openDatabase(connectionString);
    onTestFinished(() => database.destroy());
    const attempts: number[] = [];
    const queue = await startQueue({
      connectionString,
      concurrency: 1,
      log: createLog('silent', false),
      handlers: {
        ...NO_JOBS,
        'settle-series': async (_, { attempt }) => {
          attempts.push(attempt);
          if (attempts.length > 1) return;
          await admin(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
          await admin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`);
        },
      },
    });
    onTestFinished(() => queue.stop());
    await enqueue(database, 'settle-series', { studyInstanceUid: '1', seriesInstanceUid: '2' });
    while (attempts.length === 0) await sleep(50);
    await sleep(3000);
    await admin(`ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    const until = Date.now() + 30_000;
    while (attempts.length < 2 && Date.now() < until) await sleep(100);
    expect(attempts).toEqual([1, 2]);
  });
});
