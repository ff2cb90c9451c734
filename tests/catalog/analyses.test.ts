import { describe, expect, it } from 'vitest';
import {
  completeDelivery,
  failDelivery,
  moveAnalysis,
  type NewAnalysis,
  openAnalysis,
  raisePriority,
  readAnalysis,
  recordResults,
  reportNewest,
  reportSeries,
} from '../../src/catalog/analyses.ts';
import { aCatalog } from './records.ts';

function anAnalysis(changes: Partial<NewAnalysis> = {}): NewAnalysis {
  return {
    studyInstanceUid: '1.2.3',
    seriesInstanceUid: '1.2.3.1',
    inputDigest: 'content',
    modelId: 'ct-lung-segmentation',
    modelVersion: '1.0.0',
    modelDigest: 'bytes',
    route: null,
    deliverTo: ['pacs', 'web'],
    state: 'waiting',
    reason: 'Waiting for its turn.',
    receivedAt: new Date('2026-01-02T03:04:05.678Z'),
    ...changes,
  };
}

const OUTCOME = {
  conclusion: 'Both lungs were found.',
  findings: '[]',
  reason: 'Waiting to be delivered.',
  results: [
    { sopInstanceUid: '1.9.2', seriesInstanceUid: '1.9', sopClassUid: '1.2.840.10008.5.1.4.1.1.88.34' },
    { sopInstanceUid: '1.8.1', seriesInstanceUid: '1.8', sopClassUid: '1.2.840.10008.5.1.4.1.1.66.4' },
  ],
  peers: ['pacs', 'web'],
};

describe('the ledger of analyses', () => {
  it('opens one for each content of a series and each model, and no second one', async () => {
    const database = await aCatalog();
    const open = (changes?: Partial<NewAnalysis>) =>
      database.transaction((tx) => openAnalysis(tx, anAnalysis(changes)));
    const first = await open();
    expect(first).toBeTypeOf('number');
    expect(await open()).toBeUndefined();
    expect(await open({ inputDigest: 'one slice more' })).toBeTypeOf('number');
    expect(await open({ modelVersion: '1.1.0' })).toBeTypeOf('number');
    expect(await open({ modelDigest: 'other bytes' })).toBeTypeOf('number');
    expect(await readAnalysis(database, first!)).toEqual({
      ...anAnalysis(),
      id: first,
      conclusion: null,
      findings: null,
      settledAt: expect.any(Date),
      startedAt: null,
      inferredAt: null,
      deliveredAt: null,
      revision: 1,
      supersedesId: null,
      evidence: null,
      inputs: null,
      priority: 0,
      cancelledAt: null,
      cancelledBy: null,
      explanation: null,
      mode: 'primary',
      parentId: null,
      waitUntil: null,
    });
    const ids = (await reportSeries(database, '1.2.3.1')).map(({ id }) => id);
    expect(ids).toHaveLength(4);
    expect(ids).toEqual([...ids].sort((a, b) => b - a));
  });

  it('takes what waits for its turn ahead when an order says STAT, and nothing else', async () => {
    const database = await aCatalog();
    const ids = await database.transaction(async (tx) => {
      const opened = [
        await openAnalysis(tx, anAnalysis()),
        await openAnalysis(tx, { ...anAnalysis(), modelId: 'waits', waitUntil: new Date() }),
        await openAnalysis(tx, { ...anAnalysis(), modelId: 'shadow', mode: 'shadow' }),
        await openAnalysis(tx, { ...anAnalysis(), modelId: 'skipped', state: 'skipped' }),
        await openAnalysis(tx, { ...anAnalysis(), modelId: 'urgent', priority: 100 }),
      ];
      expect(await raisePriority(tx, '1.2.3', 100)).toEqual([opened[0]]);
      return opened;
    });
    expect(await readAnalysis(database, ids[0]!)).toMatchObject({ priority: 100 });
  });

  it('follows one from its start to the last delivery; each time is that of the first try', async () => {
    const database = await aCatalog();
    const id = (await database.transaction((tx) => openAnalysis(tx, anAnalysis())))!;
    await moveAnalysis(database, id, 'running', 'Running.', 'started');
    const { startedAt } = (await readAnalysis(database, id))!;
    await moveAnalysis(database, id, 'running', 'Running, attempt 2.', 'started');
    expect((await readAnalysis(database, id))!.startedAt).toEqual(startedAt);

    // A second attempt that made the same results changes nothing.
    for (let attempt = 1; attempt <= 2; attempt++) await database.transaction((tx) => recordResults(tx, id, OUTCOME));
    await failDelivery(database, id, 'pacs', 'PACS: did not answer');
    expect(await database.transaction((tx) => completeDelivery(tx, id, 'web'))).toBe(1);
    expect(await reportNewest(database, 1)).toMatchObject([
      {
        state: 'running',
        conclusion: 'Both lungs were found.',
        inferredAt: expect.any(Date),
        deliveredAt: null,
        results: [{ sopInstanceUid: '1.8.1' }, { sopInstanceUid: '1.9.2' }],
        deliveries: [
          { peer: 'pacs', attempts: 1, lastError: 'PACS: did not answer', deliveredAt: null },
          { peer: 'web', attempts: 1, lastError: null, deliveredAt: expect.any(Date) },
        ],
      },
    ]);
    expect(await database.transaction((tx) => completeDelivery(tx, id, 'pacs'))).toBe(0);
    await moveAnalysis(database, id, 'delivered', 'Delivered.', 'delivered');
    const [done] = await reportSeries(database, '1.2.3.1');
    expect(done).toMatchObject({ state: 'delivered', deliveredAt: expect.any(Date) });
    expect(done!.deliveries.map(({ attempts, lastError }) => [attempts, lastError])).toEqual([
      [2, null],
      [1, null],
    ]);
  });

  it('counts two deliveries that end at the same moment: exactly one is the last', async () => {
    const database = await aCatalog();
    for (let i = 0; i < 10; i++) {
      const id = (await database.transaction((tx) => openAnalysis(tx, anAnalysis({ inputDigest: `${i}` }))))!;
      await database.transaction((tx) => recordResults(tx, id, OUTCOME));
      const open = await Promise.all(
        OUTCOME.peers.map((peer) => database.transaction((tx) => completeDelivery(tx, id, peer))),
      );
      expect(open.sort()).toEqual([0, 1]);
    }
  });

  it('is done with the results where no peer is to receive them', async () => {
    const database = await aCatalog();
    const id = (await database.transaction((tx) => openAnalysis(tx, anAnalysis({ deliverTo: [] }))))!;
    await database.transaction((tx) => recordResults(tx, id, { ...OUTCOME, peers: [] }));
    expect(await readAnalysis(database, id)).toMatchObject({ state: 'delivered', deliveredAt: expect.any(Date) });
  });
});
