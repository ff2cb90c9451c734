import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { openDatabase } from '../../src/catalog/database.ts';
import { enqueue, type JobRun, migrateQueue, startQueue } from '../../src/jobs/queue.ts';
import { createLog } from '../../src/log.ts';
import { aDatabase } from '../support/test-node.ts';
import { NO_JOBS } from './no-jobs.ts';

/** Another process whose one job never ends; resolves when it has taken it. */
async function aHangingProcess(connectionString: string): Promise<ChildProcess> {
  const module = (name: string) => pathToFileURL(resolve(`dist/src/${name}.js`)).href;
  const script = `
    const { startQueue } = await import('${module('jobs/queue')}');
    const { createLog } = await import('${module('log')}');
    const hang = () => new Promise(() => { console.log('taken'); });
    await startQueue({
      connectionString: ${JSON.stringify(connectionString)}, log: createLog('silent', false), concurrency: 1,
      handlers: { 'settle-series': hang, 'analyze-series': hang, 'deliver-results': hang },
    });`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout!, 'data');
  return child;
}

describe('a job of another process', () => {
  it('is left to it as long as it lives, however slow, and is run again within 30 s of its kill -9', async () => {
    const connectionString = await aDatabase();
    await migrateQueue(connectionString);
    const database = openDatabase(connectionString);
    onTestFinished(() => database.destroy());
    await enqueue(database, 'analyze-series', { analysisId: 1 });
    const other = await aHangingProcess(connectionString);

    const runs: JobRun[] = [];
    const queue = await startQueue({
      connectionString,
      concurrency: 1,
      log: createLog('silent', false),
      handlers: {
        ...NO_JOBS,
        'analyze-series': async (_, run) => void runs.push(run),
      },
    });
    onTestFinished(() => queue.stop(0));
    await sleep(11_500);
    expect(runs).toEqual([]);

    // It loses its connection, and with it its lock, for a moment: it is as alive as before.
    const { rows } = await database.raw(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE application_name = 'voxgate worker lock' AND datname = current_database()`,
    );
    expect(rows).toHaveLength(2);
    await sleep(11_500);
    expect(runs).toEqual([]);

    const gone = once(other, 'exit');
    other.kill('SIGKILL');
    await gone;
    const killed = performance.now();
    await vi.waitFor(() => expect(runs).toMatchObject([{ attempt: 2, lastAttempt: false }]), {
      timeout: 30_000,
      interval: 50,
    });
    process.stdout.write(
      `a job of a killed process ran again after ${((performance.now() - killed) / 1000).toFixed(1)} s\n`,
    );
  });
});
