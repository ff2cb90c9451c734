import { describe, expect, it, vi } from 'vitest';
import {
  forgetChanges,
  noteGone,
  noteRestored,
  numberChanges,
  readChangeRange,
  readChanges,
} from '../../src/catalog/changes.ts';
import { type Database, migrate, migrateDown } from '../../src/catalog/database.ts';
import { recordInstances } from '../../src/catalog/record-instances.ts';
import { aCatalog, aRecord } from './records.ts';

const store = (database: Database, study: string, count: number, from = 1) =>
  database.transaction((tx) =>
    recordInstances(
      tx,
      Array.from({ length: count }, (_, i) => aRecord({ study, instance: `${study}.1.${from + i}` })),
    ),
  );

/** Writing transactions of other databases of the server hold the numbering up, and other tests have such. */
const settled = (database: Database) =>
  vi.waitFor(async () => {
    while (await numberChanges(database));
    expect((await database.raw('SELECT count(*) AS waiting FROM changes_noted')).rows).toEqual([{ waiting: 0 }]);
  }, 20_000);

/** All after a number, when all are numbered. */
async function everything(database: Database, since = 0) {
  await settled(database);
  return readChanges(database, since, 1000);
}

/** Of those that are numbered by now. */
async function numbered(database: Database, since = 0, limit = 1000) {
  while (await numberChanges(database));
  return readChanges(database, since, limit);
}

describe('the change feed', () => {
  it('numbers instances from 1 without gaps, whatever the size of the page', async () => {
    const database = await aCatalog();
    await store(database, '1.1', 3);
    await store(database, '1.2', 2);
    await store(database, '1.1', 2, 3);
    const all = await everything(database);
    expect(all.map(({ sequence, action, sopInstanceUid }) => [sequence, action, sopInstanceUid])).toEqual([
      [1, 'stored', '1.1.1.1'],
      [2, 'stored', '1.1.1.2'],
      [3, 'stored', '1.1.1.3'],
      [4, 'stored', '1.2.1.1'],
      [5, 'stored', '1.2.1.2'],
      // 1.1.1.3 came again, and nothing changed.
      [6, 'stored', '1.1.1.4'],
    ]);
    expect(all[3]).toMatchObject({ studyInstanceUid: '1.2', seriesInstanceUid: '1.2.1', at: expect.any(Date) });
    for (const limit of [1, 2, 4])
      for (let since = 0; since < 7; since++)
        expect(await readChanges(database, since, limit), `${since} ${limit}`).toEqual(all.slice(since, since + limit));
    expect(await readChangeRange(database)).toEqual({ oldest: 1, newest: 6 });
  });

  it('shows nothing behind a transaction that is still open, and afterwards both: nobody misses the late one', async () => {
    const database = await aCatalog();
    const slow = await database.transaction();
    await recordInstances(slow, [aRecord({ study: '1.3', instance: '1.3.1.1' })]);
    await store(database, '1.4', 2);
    expect(await numbered(database)).toEqual([]);
    await slow.commit();
    expect((await everything(database)).map(({ sopInstanceUid }) => sopInstanceUid)).toEqual([
      '1.3.1.1',
      '1.4.1.1',
      '1.4.1.2',
    ]);
  });

  it('says nothing of what was rolled back, and leaves no gap for it', async () => {
    const database = await aCatalog();
    const undone = await database.transaction();
    await recordInstances(undone, [aRecord({ study: '1.5', instance: '1.5.1.1' })]);
    await undone.rollback();
    await store(database, '1.5', 1, 9);
    expect((await everything(database)).map(({ sequence, sopInstanceUid }) => [sequence, sopInstanceUid])).toEqual([
      [1, '1.5.1.9'],
    ]);
  });

  it('gives a reader each change once and in order while four writers store, whoever numbers them', async () => {
    const database = await aCatalog();
    const groups = 40;
    let writing = 4;
    const writers = Array.from({ length: 4 }, async (_, writer) => {
      for (let group = 0; group < groups; group++) await store(database, `1.6.${writer}`, 3, 1 + 3 * group);
      writing--;
    });
    const readers = Array.from({ length: 2 }, async () => {
      const seen: string[] = [];
      let last = 0;
      for (;;) {
        const over = writing === 0;
        const page = over ? (await everything(database, last)).slice(0, 50) : await numbered(database, last, 50);
        expect(page.map(({ sequence }) => sequence)).toEqual(page.map((_, i) => last + 1 + i));
        seen.push(...page.map(({ sopInstanceUid }) => sopInstanceUid));
        last += page.length;
        if (over && page.length === 0) return seen;
      }
    });
    const [one, two] = await Promise.all(readers);
    await Promise.all(writers);
    expect(one).toEqual(two);
    expect(one).toHaveLength(4 * groups * 3);
    expect(new Set(one).size).toBe(4 * groups * 3);
  });

  it('takes up what came with a dump of a server that was further on', async () => {
    const database = await aCatalog();
    await database.raw(`INSERT INTO changes_noted (xid, instances) VALUES ('9999999999'::xid8, '{1}')`);
    await store(database, '1.7', 1);
    expect(await everything(database)).toHaveLength(2);
  });

  it('forgets what is older than the days it is given, goes on counting, and says where it begins', async () => {
    const database = await aCatalog();
    await store(database, '1.8', 3);
    await everything(database);
    await database.raw(`UPDATE changes SET at = at - interval '10 days'`);
    await store(database, '1.8', 2, 4);
    expect(await forgetChanges(database, 30)).toBe(0);
    expect(await forgetChanges(database, 5)).toBe(1);
    expect((await everything(database)).map(({ sequence }) => sequence)).toEqual([4, 5]);
    expect(await readChangeRange(database)).toEqual({ oldest: 4, newest: 5 });
  });

  it('names what is deleted by the UIDs it had, 201 instances as well as one, and no longer when it is forgotten', async () => {
    const database = await aCatalog();
    await store(database, '1.9', 201);
    const ids: number[] = (await database.raw('SELECT id FROM instances ORDER BY id')).rows.map(
      ({ id }: { id: number }) => id,
    );
    await database.transaction(async (tx) => {
      await tx.raw(`INSERT INTO deletions (cause, study_instance_uid, reason, deleted_by, instances, bytes, purge_after)
        VALUES ('request', '1.9', 'test', 'test', 201, 1, now())`);
      await tx.raw(`INSERT INTO trash (deletion_id, kind, study_instance_uid, series_instance_uid, sop_instance_uid,
          storage_key, size, digest, content)
        SELECT 1, 'instance', '1.9', '1.9.1', sop_instance_uid, storage_key, size, digest, to_jsonb(i) FROM instances i ORDER BY id`);
      await tx.raw('DELETE FROM instances');
      await noteGone(tx, 1);
    });
    const all = await everything(database);
    const uids = ids.map((_, i) => all[i]!.sopInstanceUid);
    expect(new Set(uids).size).toBe(201);
    expect(all.slice(201).map(({ action, sopInstanceUid }) => [action, sopInstanceUid])).toEqual(
      uids.map((uid) => ['deleted', uid]),
    );
    await database.transaction((tx) => noteRestored(tx, ids.slice(0, 200)));
    expect(await everything(database, 402)).toHaveLength(200);
    const { rows } = await database.raw('SELECT count(*) AS left FROM changes_gone');
    expect(rows).toEqual([{ left: 1 }]);
    await database.raw(`UPDATE changes SET at = at - interval '10 days'`);
    await database.raw(`UPDATE changes_gone SET at = at - interval '10 days'`);
    await forgetChanges(database, 5);
    expect((await database.raw('SELECT count(*) AS left FROM changes_gone')).rows).toEqual([{ left: 0 }]);
  });

  it('can be taken away again: what is stored is recorded as before', async () => {
    const database = await aCatalog();
    let undone: string[] = [];
    do undone = await migrateDown(database);
    while (undone[0] !== '0008-change-feed');
    expect((await store(database, '1.10', 2)).map(({ outcome }) => outcome)).toEqual(['stored', 'stored']);
    await migrate(database);
    await store(database, '1.10', 1, 3);
    expect((await everything(database)).map(({ sopInstanceUid }) => sopInstanceUid)).toEqual(['1.10.1.3']);
  });
});
