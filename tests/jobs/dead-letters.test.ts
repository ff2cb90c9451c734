import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { analysisJobKey, openAnalysis, readAnalysis } from '../../src/catalog/analyses.ts';
import { migrate, openDatabase } from '../../src/catalog/database.ts';
import { listDeadLetters, readFailureCounts } from '../../src/catalog/dead-letters.ts';
import { ageAnalyses, countJobs } from '../../src/catalog/job-overview.ts';
import { openRevision, readPredecessors } from '../../src/catalog/revisions.ts';
import { VoxgateError } from '../../src/errors.ts';
import { enqueue, type JobHandlers, type JobRun, migrateQueue, startQueue } from '../../src/jobs/queue.ts';
import { createLog } from '../../src/log.ts';
import { cancelAnalysis } from '../../src/pipeline/cancel-analysis.ts';
import { keepFailures } from '../../src/pipeline/job-failures.ts';
import { leaveAnalysis } from '../../src/pipeline/leave-analysis.ts';
import { replayDeadLetter, replayModel } from '../../src/pipeline/replay.ts';
import { aDatabase } from '../support/test-node.ts';
import { NO_JOBS } from './no-jobs.ts';

async function aBench(timeLimitsMs = {}) {
  const connectionString = await aDatabase();
  const database = openDatabase(connectionString);
  onTestFinished(() => database.destroy());
  await migrate(database);
  await migrateQueue(connectionString);
  return {
    database,
    async start(handlers: Partial<JobHandlers>) {
      const queue = await startQueue({
        connectionString,
        handlers: { ...NO_JOBS, 'settle-series': () => Promise.resolve(), ...handlers },
        log: createLog('silent', false),
        concurrency: 2,
        timeLimitsMs,
        onFailure: keepFailures(database),
      });
      onTestFinished(() => queue.stop(0));
      return queue;
    },
    /** An analysis that waits, with its job. */
    analysis: (inputDigest: string, priority = 0) =>
      database.transaction(async (tx) => {
        const id = await openAnalysis(tx, { ...ANALYSIS, inputDigest, priority });
        await leaveAnalysis(tx, id!, priority);
        return id!;
      }),
  };
}

const ANALYSIS = {
  studyInstanceUid: '1.2',
  seriesInstanceUid: '1.2.1',
  inputDigest: 'one',
  modelId: 'm',
  modelVersion: '1.0.0',
  modelDigest: 'x',
  route: null,
  deliverTo: [],
  state: 'waiting' as const,
  reason: 'Waiting for its turn.',
  receivedAt: null,
};

/** Resolves when the run is stopped, as a handler that heeds its signal does. */
const untilStopped = ({ signal }: JobRun): Promise<never> =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

describe('a job that fails', () => {
  it('is tried again where the class of its error lets it hope, and else becomes a dead letter at once', async () => {
    const { database, start, analysis } = await aBench();
    const tries: number[] = [];
    const [data, model] = [await analysis('data'), await analysis('model')];
    await start({
      'analyze-series': ({ analysisId }, { attempt }) => {
        tries.push(analysisId);
        if (analysisId === model) throw new VoxgateError('bad-model', 'model.json: no such file.');
        if (attempt === 1) throw new VoxgateError('inference-failed', 'the lane ended');
        return Promise.resolve();
      },
    });
    await vi.waitFor(() => expect(tries.filter((id) => id === data)).toHaveLength(2), 15_000);
    expect(tries.filter((id) => id === model)).toHaveLength(1);
    const letters = await listDeadLetters(database, { limit: 10 });
    expect(letters).toMatchObject([
      { job: 'analyze-series', class: 'model', code: 'bad-model', attempts: 1, analysisId: model, modelId: 'm' },
    ]);
    expect(await readAnalysis(database, model)).toMatchObject({
      state: 'failed',
      reason: 'Failed: model.json: no such file.',
    });
    expect((await readFailureCounts(database)).map(({ class: kind, failures }) => [kind, failures])).toEqual(
      expect.arrayContaining([
        ['model', 1],
        ['resource', 1],
      ]),
    );
    await vi.waitFor(async () =>
      expect((await countJobs(database)).filter(({ job }) => job === 'analyze-series')).toEqual([]),
    );
  });

  it('is tried again by hand, alone or with all others of its model, once', async () => {
    const { database, start, analysis } = await aBench();
    const ids = [await analysis('one'), await analysis('two'), await analysis('three')];
    let isBroken = true;
    const ran: number[] = [];
    await start({
      'analyze-series': ({ analysisId }) => {
        if (isBroken) throw new VoxgateError('bad-model', 'broken');
        ran.push(analysisId);
        return Promise.resolve();
      },
    });
    await vi.waitFor(async () => expect(await listDeadLetters(database, { limit: 10 })).toHaveLength(3), 5000);
    isBroken = false;
    const [newest] = await listDeadLetters(database, { limit: 1 });
    expect(await replayDeadLetter(database, newest!.id, 'a person')).toBe(true);
    expect(await replayDeadLetter(database, newest!.id, 'a person')).toBe(false);
    expect(await replayModel(database, 'another', 'a person')).toBe(0);
    expect(await replayModel(database, 'm', 'a person')).toBe(2);
    await vi.waitFor(() => expect([...ran].sort()).toEqual([...ids].sort()), 5000);
    expect(await listDeadLetters(database, { limit: 10 })).toEqual([]);
  });
});

describe('analyses', () => {
  it('do not stand before what settles and delivers, and an urgent one has a place of its own', async () => {
    const { database, start, analysis } = await aBench();
    await Promise.all(['a', 'b', 'c'].map((digest) => analysis(digest)));
    const began: string[] = [];
    const queue = await start({
      'analyze-series': (_, run) => {
        began.push('routine');
        return untilStopped(run);
      },
      'analyze-urgent': () => Promise.resolve(void began.push('urgent')),
      'settle-series': () => Promise.resolve(void began.push('settle')),
    });
    await vi.waitFor(() => expect(began).toEqual(['routine']));
    await analysis('d', 100);
    await enqueue(database, 'settle-series', { studyInstanceUid: '1.2', seriesInstanceUid: '1.2.1' });
    await vi.waitFor(() => expect(began.sort()).toEqual(['routine', 'settle', 'urgent']));
    expect(queue.running).toHaveLength(1);
  });

  it('are cancelled while they wait and while they run, and say by whom', async () => {
    const { database, start, analysis } = await aBench();
    const [running, waiting] = [await analysis('one'), await analysis('two')];
    const began: number[] = [];
    const queue = await start({
      'analyze-series': ({ analysisId }, run) => {
        began.push(analysisId);
        return untilStopped(run);
      },
    });
    await vi.waitFor(() => expect(began).toEqual([running]));
    const told = { by: 'a person', reason: 'wrong patient' };
    for (const id of [waiting, running])
      expect(await cancelAnalysis(database, id, told, (key, reason) => queue.cancel(key, reason))).toBe('cancelled');
    expect(await cancelAnalysis(database, running, told)).toBe('over');
    expect(await cancelAnalysis(database, 999, told)).toBe('unknown');
    await vi.waitFor(() => expect(queue.running).toEqual([]));
    await vi.waitFor(async () => expect(await countJobs(database)).toEqual([]));
    for (const id of [waiting, running])
      expect(await readAnalysis(database, id)).toMatchObject({
        state: 'cancelled',
        reason: 'Cancelled by a person: wrong patient.',
        cancelledBy: 'a person',
      });
    expect(began).toEqual([running]);
    expect(await listDeadLetters(database, { limit: 10 })).toEqual([]);
  });

  it('that take too long are ended, tried once more and given up', async () => {
    const { database, start, analysis } = await aBench({ 'analyze-series': 200 });
    const id = await analysis('one');
    const tries: number[] = [];
    await start({
      'analyze-series': (_, run) => {
        tries.push(run.attempt);
        return untilStopped(run);
      },
    });
    await vi.waitFor(async () => expect(await listDeadLetters(database, { limit: 10 })).toHaveLength(1), 15_000);
    expect(tries).toEqual([1, 2]);
    expect(await readAnalysis(database, id)).toMatchObject({ state: 'failed', reason: 'Failed: no end within 0.2 s' });
  });

  it('that wait grow older: a routine one stands beside a new urgent one after twenty minutes', async () => {
    const { database, analysis } = await aBench();
    const [old, young] = [await analysis('one'), await analysis('two')];
    await database.raw("UPDATE analyses SET settled_at = now() - interval '21 minutes' WHERE id = ?", [old]);
    await ageAnalyses(database, 20 * 60, 100);
    const jobs = await database.table('graphile_worker.jobs').select('key', 'priority').orderBy('id');
    expect(jobs).toEqual([
      { key: analysisJobKey(old), priority: -100 },
      { key: analysisJobKey(young), priority: 0 },
    ]);
  });

  it('of another content of the series are the next revision, and cancel what waits for the earlier', async () => {
    const { database, analysis } = await aBench();
    const open = (inputDigest: string) => database.transaction((tx) => openRevision(tx, { ...ANALYSIS, inputDigest }));
    const first = await analysis('one');
    expect(await open('one')).toBeUndefined();
    const second = await open('two');
    expect(second?.cancelled).toEqual([first]);
    expect(await readAnalysis(database, second!.id)).toMatchObject({ revision: 2, supersedesId: first });
    // Results of the first are rejected by the third, however little came of the second.
    await database.raw(`INSERT INTO results VALUES (?, '1.9.1', '1.9', '1.2.840.10008.5.1.4.1.1.66.4')`, [first]);
    const third = await open('three');
    expect(await readAnalysis(database, third!.id)).toMatchObject({ revision: 3, supersedesId: second!.id });
    expect(await readPredecessors(database, third!.id)).toMatchObject([
      { analysisId: first, revision: 1, results: [{ sopInstanceUid: '1.9.1' }] },
    ]);
    expect(await open('two')).toBeUndefined();
  });
});
