import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Database, openDatabase } from '../../src/catalog/database.ts';
import { enqueue, type JobHandlers, type JobRun, migrateQueue, type Queue, startQueue } from '../../src/jobs/queue.ts';
import { createLog, type Log } from '../../src/log.ts';
import { aDatabase } from '../support/test-node.ts';
import { NO_JOBS } from './no-jobs.ts';

const SERIES = { studyInstanceUid: '1.2.3', seriesInstanceUid: '1.2.3.1' };

interface Bench {
  readonly connectionString: string;
  readonly database: Database;
  jobs(): Promise<Record<string, unknown>[]>;
  start(handlers: Partial<JobHandlers>, log?: Log): Promise<Queue>;
}

async function aBench(): Promise<Bench> {
  const connectionString = await aDatabase();
  await migrateQueue(connectionString);
  const database = openDatabase(connectionString);
  onTestFinished(() => database.destroy());
  return {
    connectionString,
    database,
    jobs: () => database.table('graphile_worker.jobs').orderBy('id'),
    async start(handlers, log = createLog('silent', false)) {
      const all = { ...NO_JOBS, ...handlers };
      const queue = await startQueue({ connectionString, handlers: all, log, concurrency: 2 });
      onTestFinished(() => queue.stop(0));
      return queue;
    },
  };
}

function aGate(): { open: () => void; opened: Promise<void> } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { open, opened };
}

describe('the queue', () => {
  it('has a job if and only if what caused it is committed', async () => {
    const { database, jobs } = await aBench();
    await expect(
      database.transaction(async (tx) => {
        await enqueue(tx, 'settle-series', SERIES);
        throw new Error('the rows could not be written');
      }),
    ).rejects.toThrow('the rows could not be written');
    expect(await jobs()).toEqual([]);
    await database.transaction((tx) => enqueue(tx, 'settle-series', SERIES));
    expect(await jobs()).toMatchObject([{ task_identifier: 'settle-series', attempts: 0, max_attempts: 25 }]);
  });

  it('replaces a waiting job of the same key, whose time begins anew, and leaves a running one alone', async () => {
    const { database, jobs, start } = await aBench();
    const left = async (seriesInstanceUid: string, delaySeconds: number) =>
      enqueue(database, 'settle-series', { ...SERIES, seriesInstanceUid }, { key: 'settle 1', delaySeconds });
    await left('1.1', 1000);
    await left('1.2', 2000);
    const [waiting, ...others] = await jobs();
    expect(others).toEqual([]);
    expect((Number(new Date(String(waiting!['run_at']))) - Date.now()) / 1000).toBeCloseTo(2000, -2);
    await left('1.3', 0);

    const gate = aGate();
    const ran: string[] = [];
    await start({
      async 'settle-series'({ seriesInstanceUid }) {
        ran.push(seriesInstanceUid);
        if (seriesInstanceUid === '1.3') await gate.opened;
      },
    });
    await vi.waitFor(() => expect(ran).toEqual(['1.3']));
    await left('1.4', 0);
    await vi.waitFor(() => expect(ran).toEqual(['1.3', '1.4']), 5000);
    gate.open();
    await vi.waitFor(async () => expect(await jobs()).toEqual([]));
  });

  it('tries a failed job again, says which try is the last, then gives it up and says that', async () => {
    const { database, jobs, start } = await aBench();
    const told: unknown[][] = [];
    const log = createLog('silent', false);
    vi.spyOn(log, 'warn').mockImplementation((...line: unknown[]) => void told.push(['warn', ...line]));
    vi.spyOn(log, 'error').mockImplementation((...line: unknown[]) => void told.push(['error', ...line]));
    const runs: JobRun[] = [];
    await enqueue(database, 'analyze-series', { analysisId: 7 }, { maxAttempts: 2 });
    await start(
      {
        'analyze-series': ({ analysisId }, run) => {
          runs.push(run);
          return Promise.reject(new Error(`analysis ${analysisId} failed`));
        },
      },
      log,
    );
    await vi.waitFor(() => expect(runs).toHaveLength(2), 15_000);
    expect(runs).toEqual([
      { attempt: 1, lastAttempt: false, signal: expect.any(AbortSignal) },
      { attempt: 2, lastAttempt: true, signal: expect.any(AbortSignal) },
    ]);
    await vi.waitFor(async () => expect(await jobs()).toMatchObject([{ attempts: 2, locked_at: null }]));
    const job = { job: 'analyze-series', of: 2, class: 'transient', reason: 'analysis 7 failed' };
    expect(told).toEqual([
      ['warn', { ...job, attempt: 1 }, 'a job failed and will be tried again'],
      ['error', { ...job, attempt: 2 }, 'a job failed for the last time and is given up'],
    ]);
  });

  it('lets running jobs end when it stops', async () => {
    const { database, jobs, start } = await aBench();
    const gate = aGate();
    let started = false;
    await enqueue(database, 'settle-series', SERIES);
    const queue = await start({
      async 'settle-series'() {
        started = true;
        await gate.opened;
      },
    });
    await vi.waitFor(() => expect(started).toBe(true));
    const stopped = queue.stop();
    await enqueue(database, 'settle-series', SERIES);
    gate.open();
    await stopped;
    expect(await jobs()).toMatchObject([{ attempts: 0, locked_at: null }]);
  });

  it('gives a job back that does not end in time when it stops, and the next one runs it', async () => {
    const { database, jobs, start } = await aBench();
    const gate = aGate();
    let started = false;
    await enqueue(database, 'settle-series', SERIES);
    const queue = await start({
      async 'settle-series'() {
        started = true;
        await gate.opened;
      },
    });
    await vi.waitFor(() => expect(started).toBe(true));
    const asked = Date.now();
    await queue.stop(300);
    expect(Date.now() - asked).toBeLessThan(3000);
    expect(await jobs()).toMatchObject([{ attempts: 1, locked_at: null }]);
    const runs: JobRun[] = [];
    await start({ 'settle-series': async (_, run) => void runs.push(run) });
    await vi.waitFor(() => expect(runs).toMatchObject([{ attempt: 2, lastAttempt: false }]), 15_000);
    // What it was busy with ends after all: nobody waits for it, and nothing breaks.
    gate.open();
    await vi.waitFor(async () => expect(await jobs()).toEqual([]));
  });
});
