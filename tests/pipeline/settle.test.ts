import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Archive } from '../../src/archive/archive.ts';
import type { Transfer } from '../../src/archive/transfer.ts';
import { recordExpected } from '../../src/catalog/availability.ts';
import { migrate, openDatabase } from '../../src/catalog/database.ts';
import { readSettlement, type Settlement } from '../../src/catalog/settlements.ts';
import type { Fields } from '../../src/dicom/build.ts';
import { migrateQueue, startQueue } from '../../src/jobs/queue.ts';
import { createLog } from '../../src/log.ts';
import { settleSeries } from '../../src/pipeline/settle-series.ts';
import { FileStore } from '../../src/storage/file-store.ts';
import { NO_JOBS } from '../jobs/no-jobs.ts';
import { asFile } from '../support/instances.ts';
import { aDatabase, aFolder } from '../support/test-node.ts';

const STUDY = '1.2.3.4';
const SERIES = '1.2.3.4.1';
const CT = '1.2.840.10008.5.1.4.1.1.2';

/** An archive and the queue that settles its series. The times of a real node, a fifth as long. */
async function aPipeline() {
  const connectionString = await aDatabase();
  const database = openDatabase(connectionString);
  onTestFinished(() => database.destroy());
  await migrate(database);
  await migrateQueue(connectionString);
  const times = { settleSeconds: 0.4, idleSettleSeconds: 8, leastQuietSeconds: 0.1 };
  const archive = new Archive({ store: await FileStore.open(aFolder()), database, ...times });
  const limits = { leastQuiet: 0.1, settle: 0.4, mostQuiet: 2, idle: 8, announced: 60 };
  const routing = { library: { models: [], broken: [] }, routes: [], peers: [] };
  const queue = await startQueue({
    connectionString,
    concurrency: 2,
    log: createLog('silent', false),
    handlers: { ...NO_JOBS, 'settle-series': (job) => settleSeries({ database, archive, routing, limits }, job) },
  });
  onTestFinished(() => queue.stop(0));
  const store = async (transfer: Transfer, number: number, fields: Fields = {}): Promise<void> => {
    const incoming = await transfer.receiveFile();
    await incoming.write(
      asFile({
        SOPClassUID: CT,
        StudyInstanceUID: STUDY,
        SeriesInstanceUID: SERIES,
        SOPInstanceUID: `${SERIES}.${number}`,
        Modality: 'CT',
        ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
        ImagePositionPatient: [0, 0, 2 * number],
        ...fields,
      }),
    );
    expect(await transfer.finish(incoming)).toMatchObject({ outcome: 'stored' });
  };
  return { database, archive, store, settlement: () => readSettlement(database, SERIES) };
}

/** When the series is settled: the decision, and how long it took. */
async function settled(settlement: () => Promise<Settlement | undefined>, instances: number) {
  const asked = performance.now();
  return vi.waitFor(
    async () => {
      const decision = await settlement();
      expect(decision, JSON.stringify(decision)).toMatchObject({ state: 'settled', instances });
      return { ...decision!, ms: performance.now() - asked };
    },
    { timeout: 10_000, interval: 10 },
  );
}

describe('a series that comes in', () => {
  it('is settled at once when its sender is done and its places are even, and says why', async () => {
    const { archive, store, settlement } = await aPipeline();
    const transfer = archive.ingest.begin('received', { source: 'CT@1' });
    for (let number = 1; number <= 8; number++) await store(transfer, number);
    await transfer.end();
    const { ms, confidence, reason } = await settled(settlement, 8);
    expect(confidence).toBe('high');
    expect(reason).toMatch(
      /^Settled after .* of quiet: its sender is done, and 8 places 2.00 mm apart without a hole\.$/,
    );
    // A second more than the quiet time: tests run beside others.
    expect(ms).toBeLessThan(1500);
  });

  it('is never settled early while its sender pauses with its association open, nor when more was announced', async () => {
    const { archive, store, settlement } = await aPipeline();
    const open = archive.ingest.begin('received', { source: 'CT@1' });
    for (let number = 1; number <= 6; number++) await store(open, number);
    // 20 s of a real node.
    await sleep(4000);
    expect((await settlement())?.state).toBe('waiting');
    for (let number = 7; number <= 8; number++) await store(open, number, { ImagesInAcquisition: 10 });
    await open.end();
    await sleep(2500);
    expect(await settlement()).toMatchObject({
      state: 'waiting',
      instances: 8,
      reason: expect.stringContaining('8 of 10 instances are here that Images in Acquisition (0020,1002) announces'),
    });
    const again = archive.ingest.begin('received', { source: 'CT@1' });
    for (let number = 9; number <= 10; number++) await store(again, number, { ImagesInAcquisition: 10 });
    await again.end();
    expect((await settled(settlement, 10)).ms).toBeLessThan(1500);
  });

  it('is settled as soon as all is here that a procedure step lists, though its sender stays', async () => {
    const { archive, database, store, settlement } = await aPipeline();
    const listed = [1, 2, 3].map((number) => ({
      studyInstanceUid: STUDY,
      seriesInstanceUid: SERIES,
      sopClassUid: CT,
      sopInstanceUid: `${SERIES}.${number}`,
      retrieveAeTitle: null,
      availability: null,
    }));
    await database.transaction((tx) => recordExpected(tx, { source: 'mpps', sourceUid: '1.9' }, listed));
    const open = archive.ingest.begin('received', { source: 'CT@1' });
    for (let number = 1; number <= 3; number++) await store(open, number);
    const { ms, confidence } = await settled(settlement, 3);
    expect(confidence).toBe('high');
    expect(ms).toBeLessThan(2500);
  });

  it('that goes on after it was settled is settled again, with all of it', async () => {
    const { archive, store, settlement } = await aPipeline();
    const first = archive.ingest.begin('received', { source: 'CT@1' });
    for (let number = 1; number <= 8; number++) await store(first, number);
    await first.end();
    await settled(settlement, 8);
    const second = archive.ingest.begin('received', { source: 'CT@1' });
    await store(second, 9);
    await second.end();
    await settled(settlement, 9);
  });
});
