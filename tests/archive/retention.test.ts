import { describe, expect, it, onTestFinished } from 'vitest';
import { applyRetention, type Disk, type RetentionParts } from '../../src/archive/retention.ts';
import { openDatabase } from '../../src/catalog/database.ts';
import { createLog } from '../../src/log.ts';
import type { RetentionRules } from '../../src/retention-settings.ts';
import { stored } from '../dicomweb/client.ts';
import { openNode, type SharedNode } from '../dicomweb/shared-node.ts';
import { asFile } from '../support/instances.ts';
import { api, deleted, expectTrueCounts } from './kept.ts';

const GB = 1e9;

/** A node with studies 1.2.7.1 to 1.2.7.n, the first of them the oldest, each a day older than the next. */
async function aNodeWith(studies: number): Promise<SharedNode> {
  const node = await openNode();
  onTestFinished(() => node.stop());
  for (let n = 1; n <= studies; n++) {
    const study = `1.2.7.${n}`;
    const uids = { StudyInstanceUID: study, SeriesInstanceUID: `${study}.1`, SOPInstanceUID: `${study}.1.1` };
    await stored(node.http, [asFile({ ...uids, PatientID: `P${n}`, Modality: n % 2 === 0 ? 'MG' : 'CT' })]);
    await node.sql(
      `WITH older AS (UPDATE studies SET created_at = now() - make_interval(days => $2) WHERE study_instance_uid = $1 RETURNING id)
       UPDATE series SET last_received_at = now() - make_interval(days => $2) WHERE study_id = (SELECT id FROM older)`,
      [study, 100 + studies - n],
    );
  }
  return node;
}

function partsOf(
  node: SharedNode,
  rules: Partial<RetentionRules>,
  disk: () => Promise<Disk> = () => Promise.resolve({ freeBytes: GB, totalBytes: 2 * GB }),
): RetentionParts {
  const database = openDatabase(node.node.settings.databaseUrl ?? '');
  onTestFinished(() => database.destroy());
  const store = { remove: () => Promise.resolve(), metadata: { erase: () => Promise.resolve() } };
  return { database, store, undoDays: 7, rules: { protect: [], ...rules }, disk, log: createLog('silent', false) };
}

const held = async (node: SharedNode): Promise<string[]> =>
  (await node.sql('SELECT study_instance_uid AS uid FROM studies ORDER BY id')).map(({ uid }) => String(uid).slice(6));

describe('retention', () => {
  it('deletes studies to which nothing was added for so many days, tells why, and can be undone', async () => {
    const node = await aNodeWith(4);
    expect(await applyRetention(partsOf(node, { maxAgeDays: 101.5 }))).toEqual({ studies: 2, purged: 0, failed: 0 });
    expect(await held(node)).toEqual(['3', '4']);
    const { said } = await api(node, 'GET', '/deletions');
    expect(said['deletions']).toMatchObject([
      { cause: 'retention', deletedBy: 'retention', reason: expect.stringContaining('101.5 days'), waiting: 1 },
      { studyInstanceUid: '1.2.7.1' },
    ]);
    expect((await api(node, 'POST', '/deletions/1/undo')).said).toEqual({ restored: 1, left: [] });
    expect(await held(node)).toEqual(['1', '3', '4']);
    await expectTrueCounts(node);
  });

  it('does nothing without a rule', async () => {
    const node = await aNodeWith(1);
    expect(await applyRetention(partsOf(node, {}))).toEqual({ studies: 0, purged: 0, failed: 0 });
  });

  it('never takes a study on hold, protected, under analysis, or with a result that a peer has not got', async () => {
    const node = await aNodeWith(6);
    await api(node, 'POST', '/studies/1.2.7.1/hold', { reason: 'a court asks' });
    const analysis = (n: number, state: string) =>
      node.sql(
        `INSERT INTO analyses (study_instance_uid, series_instance_uid, input_digest, model_id, model_version, model_digest,
           state, reason) VALUES ($1, $2, '', 'm', '1', '', $3, '') RETURNING id`,
        [`1.2.7.${n}`, `1.2.7.${n}.1`, state],
      );
    await analysis(3, 'waiting');
    const [done] = await analysis(5, 'failed');
    await node.sql("INSERT INTO deliveries (analysis_id, peer) VALUES ($1, 'pacs')", [done!['id']]);
    const rules = { maxAgeDays: 10, protect: [{ ModalitiesInStudy: 'MG', PatientID: 'P2' }, { PatientID: 'P4' }] };
    expect(await applyRetention(partsOf(node, rules))).toMatchObject({ studies: 1, failed: 0 });
    expect(await held(node)).toEqual(['1', '2', '3', '4', '5']);
    await node.sql('UPDATE deliveries SET delivered_at = now()');
    expect(await applyRetention(partsOf(node, rules))).toMatchObject({ studies: 1 });
    expect(await held(node)).toEqual(['1', '2', '3', '4']);
  });

  it('empties the trash first when the disk is nearly full, then deletes the oldest until enough is free', async () => {
    const node = await aNodeWith(5);
    const trashed = await deleted(node, '/studies/1.2.7.5');
    // Each object that is purged frees 30 MB.
    const parts = partsOf(node, { keepFree: { unit: 'percent', startBelow: 10, stopAbove: 15 } });
    const free = async (): Promise<Disk> => {
      const [row] = await node.sql(
        "SELECT coalesce(sum(instances), 0) AS n FROM archive_events WHERE event = 'purged'",
      );
      return { freeBytes: 0.09 * GB + Number(row!['n']) * 0.03 * GB, totalBytes: GB };
    };
    expect(await applyRetention({ ...parts, disk: free })).toEqual({ studies: 1, purged: 1, failed: 0 });
    expect(await held(node)).toEqual(['2', '3', '4']);
    expect((await api(node, 'POST', `/deletions/${trashed}/undo`)).said).toEqual({ restored: 0, left: [] });
    expect(await applyRetention({ ...parts, disk: free })).toEqual({ studies: 0, purged: 0, failed: 0 });
  });

  it('deletes nothing that came within a day, however full the disk is', async () => {
    const node = await aNodeWith(2);
    await node.sql('UPDATE series SET last_received_at = now()');
    const parts = partsOf(node, { keepFree: { unit: 'bytes', startBelow: 5 * GB, stopAbove: 6 * GB } });
    expect(await applyRetention(parts)).toEqual({ studies: 0, purged: 0, failed: 0 });
    expect(await held(node)).toEqual(['1', '2']);
  });

  it('notes a study that cannot be deleted, goes on with the others, and gives it up after three days', async () => {
    const node = await aNodeWith(3);
    await node.sql(
      `CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'a broken row'; END $$`,
    );
    await node.sql(
      `CREATE TRIGGER broken BEFORE DELETE ON instances FOR EACH ROW WHEN (OLD.sop_instance_uid = '1.2.7.1.1.1')
       EXECUTE FUNCTION broken()`,
    );
    const parts = partsOf(node, { maxAgeDays: 10 });
    expect(await applyRetention(parts)).toEqual({ studies: 2, purged: 0, failed: 1 });
    for (let day = 2; day <= 5; day++) {
      expect((await applyRetention(parts)).failed).toBe(0);
      await node.sql("UPDATE retention_failures SET failed_at = failed_at - interval '25 hours'");
      expect((await applyRetention(parts)).failed).toBe(day <= 3 ? 1 : 0);
    }
    const { said } = await api(node, 'GET', '/retention');
    expect(said['failed']).toMatchObject([
      { studyInstanceUid: '1.2.7.1', attempts: 3, reason: expect.stringContaining('a broken row') },
    ]);
    expect(await held(node)).toEqual(['1']);
    await expectTrueCounts(node);
  });
});
