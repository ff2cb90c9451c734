import { describe, expect, it, onTestFinished } from 'vitest';
import { analysisJobKey, openAnalysis, readAnalysis } from '../../src/catalog/analyses.ts';
import { migrate, openDatabase } from '../../src/catalog/database.ts';
import { failLostAnalyses } from '../../src/catalog/job-overview.ts';
import { enqueue, migrateQueue } from '../../src/jobs/queue.ts';
import { aDatabase } from '../support/test-node.ts';

describe('an analysis whose process died in the last attempt', () => {
  it('is called failed after a minute, and one that still has a job is left alone', async () => {
    const connectionString = await aDatabase();
    const database = openDatabase(connectionString);
    onTestFinished(() => database.destroy());
    await migrate(database);
    await migrateQueue(connectionString);
    const open = (seriesInstanceUid: string): Promise<number> =>
      database.transaction(async (tx) => {
        const id = await openAnalysis(tx, {
          studyInstanceUid: '1.2',
          seriesInstanceUid,
          inputDigest: 'd',
          modelId: 'm',
          modelVersion: '1.0.0',
          modelDigest: 'x',
          route: null,
          deliverTo: [],
          state: 'waiting',
          reason: 'Waiting for its turn.',
          receivedAt: null,
        });
        return id!;
      });
    const [lost, queued, young] = [await open('1.2.1'), await open('1.2.2'), await open('1.2.3')];
    await enqueue(database, 'analyze-series', { analysisId: queued }, { key: analysisJobKey(queued), maxAttempts: 5 });
    await database.raw("UPDATE analyses SET settled_at = now() - interval '2 minutes' WHERE id <> ?", [young]);
    expect(await failLostAnalyses(database)).toEqual([{ id: lost, attempts: 0 }]);
    expect(await readAnalysis(database, lost)).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(/^Failed: the node was ended/),
    });
    expect((await readAnalysis(database, queued))?.state).toBe('waiting');
    await database.raw('UPDATE graphile_worker._private_jobs SET attempts = max_attempts');
    expect(await failLostAnalyses(database)).toEqual([{ id: queued, attempts: 5 }]);
    expect((await readAnalysis(database, young))?.state).toBe('waiting');
  });
});
