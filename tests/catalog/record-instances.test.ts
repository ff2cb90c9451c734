import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Database } from '../../src/catalog/database.ts';
import { locateByRow, locateInstances, placeMetadata } from '../../src/catalog/locate.ts';
import { readConflicts, readTotals } from '../../src/catalog/overview.ts';
import { type InstanceRecord, type Recorded, recordInstances } from '../../src/catalog/record-instances.ts';
import { aCatalog, aRecord } from './records.ts';

const record = (database: Database, group: readonly InstanceRecord[]): Promise<Recorded[]> =>
  database.transaction((tx) => recordInstances(tx, group));

/** Counts as they stand in the rows, and as they are when counted. */
async function counts(database: Database) {
  const { rows }: { rows: { study: string; series: number; instances: number; modalities: string[] }[] } =
    await database.raw(
      `SELECT study_instance_uid AS study, number_of_series AS series, number_of_instances AS instances, modalities
       FROM studies ORDER BY study_instance_uid`,
    );
  const counted = await database.raw(
    `SELECT study_instance_uid AS study, count(DISTINCT e.id)::integer AS series, count(i.id)::integer AS instances,
       array_agg(DISTINCT modality ORDER BY modality) AS modalities
     FROM studies s LEFT JOIN series e ON e.study_id = s.id LEFT JOIN instances i ON i.series_id = e.id
     GROUP BY s.id ORDER BY study_instance_uid`,
  );
  const perSeries = await database.raw(
    `SELECT e.series_instance_uid FROM series e LEFT JOIN instances i ON i.series_id = e.id
     GROUP BY e.id HAVING e.number_of_instances <> count(i.id)`,
  );
  expect(rows).toEqual(counted.rows);
  expect(perSeries.rows).toEqual([]);
  return rows;
}

describe('recording instances', () => {
  it('makes the rows above them, counts them, and gathers Modalities in Study (0008,0061)', async () => {
    const database = await aCatalog();
    const outcomes = await record(database, [
      aRecord({ instance: '1.2.3.1.2' }),
      aRecord({ instance: '1.2.3.1.1' }),
      aRecord({ series: '1.2.3.2', instance: '1.2.3.2.1', modality: 'SEG' }),
      aRecord({ study: '1.2.4', instance: '1.2.4.1.1', modality: 'MR' }),
    ]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['stored', 'stored', 'stored', 'stored']);
    await record(database, [aRecord({ series: '1.2.3.3', instance: '1.2.3.3.1', modality: 'SR' })]);
    expect(await counts(database)).toEqual([
      { study: '1.2.3', series: 3, instances: 4, modalities: ['CT', 'SEG', 'SR'] },
      { study: '1.2.4', series: 1, instances: 1, modalities: ['MR'] },
    ]);
    expect(await readTotals(database)).toEqual({ studies: 2, series: 4, instances: 5, bytes: 5000 });
    const [located] = await locateInstances(database, { sopInstanceUid: '1.2.3.2.1' });
    expect(located).toMatchObject({
      studyInstanceUid: '1.2.3',
      seriesInstanceUid: '1.2.3.2',
      size: 1000,
      storageKey: 'key-of-1.2.3.2.1',
      frameCount: 0,
      frames: null,
      metadata: { segment: 1, offset: 2, length: 3 },
    });
    const inSeries = await locateInstances(database, { studyInstanceUid: '1.2.3', seriesInstanceUid: '1.2.3.1' });
    expect(inSeries.map(({ sopInstanceUid }) => sopInstanceUid).sort()).toEqual(['1.2.3.1.1', '1.2.3.1.2']);
    expect(await locateInstances(database, { studyInstanceUid: '1.2.4', sopInstanceUid: '1.2.3.1.1' })).toEqual([]);
  });

  it('gives a study the attributes of the first of its instances', async () => {
    const database = await aCatalog();
    await record(database, [
      aRecord({ instance: '1.2.3.1.9', columns: { studyDescription: 'first' } }),
      aRecord({ instance: '1.2.3.1.1', columns: { studyDescription: 'second' } }),
    ]);
    await record(database, [aRecord({ instance: '1.2.3.1.2', columns: { studyDescription: 'third' } })]);
    expect(await database.table('studies').pluck('study_description')).toEqual(['first']);
  });

  it('knows a duplicate by its content, counts it once and goes on naming the first copy', async () => {
    const database = await aCatalog();
    const first = aRecord({ instance: '1.2.3.1.1' });
    await record(database, [first]);
    const again = aRecord({ instance: '1.2.3.1.1', key: 'another file' });
    expect(await record(database, [again, aRecord({ instance: '1.2.3.1.2' })])).toEqual([
      { outcome: 'duplicate', fileNamed: false },
      { outcome: 'stored', fileNamed: true },
    ]);
    expect(await locateInstances(database, { sopInstanceUid: '1.2.3.1.1' })).toMatchObject([
      { storageKey: first.instance.storageKey },
    ]);
    expect(await counts(database)).toMatchObject([{ instances: 2 }]);
    expect(await readConflicts(database, 10)).toEqual([]);
  });

  it('keeps other content, another series or another study under a taken UID apart, and makes no study of it', async () => {
    const database = await aCatalog();
    await record(database, [aRecord({ instance: '1.2.3.1.1' })]);
    const before = await counts(database);
    const others = [
      aRecord({ instance: '1.2.3.1.1', content: 'other bytes' }),
      aRecord({ instance: '1.2.3.1.1', content: 'of a series', series: '1.2.3.9', modality: 'MR' }),
      aRecord({ instance: '1.2.3.1.1', content: 'of a study', study: '1.2.9' }),
    ];
    for (const other of others) {
      expect(await record(database, [other])).toEqual([{ outcome: 'conflict', fileNamed: true }]);
      // Once more, in a file of its own: the first is kept, and this one is named by no row.
      const again = { ...other, instance: { ...other.instance, storageKey: `${other.instance.storageKey} again` } };
      expect(await record(database, [again])).toEqual([{ outcome: 'conflict', fileNamed: false }]);
    }
    expect((await readConflicts(database, 10)).map(({ reason }) => reason)).toEqual([
      'the SOP Instance UID is held in another study',
      'the SOP Instance UID is held in another series',
      'the SOP Instance UID is held with other content',
    ]);
    expect(await counts(database)).toEqual(before);
    expect(await readTotals(database)).toMatchObject({ studies: 1, series: 1 });
    const held = await locateInstances(database, { sopInstanceUid: '1.2.3.1.1' });
    expect(held.map(({ storageKey }) => storageKey)).toEqual(['key-of-1.2.3.1.1']);
  });

  it('takes text that PostgreSQL does not hold: NUL and lone surrogates', async () => {
    const database = await aCatalog();
    const columns = { patientName: 'NU\0L^\ud800X', patientNameFolded: 'nu\0l^\ud800x', studyDescription: 'a\\u0000b' };
    const attributes = JSON.stringify({ '00100020': { vr: 'LO', Value: ['\0\udc00'] } });
    await record(database, [aRecord({ instance: '1.2.3.1.1', columns: { ...columns, attributes } })]);
    expect(await database.table('studies').select('patient_name', 'study_description', 'attributes')).toEqual([
      { patient_name: 'NUL^\ufffdX', study_description: 'a\\u0000b', attributes },
    ]);
  });

  it('takes values longer than an index entry may be, and keeps their beginning', async () => {
    const database = await aCatalog();
    // Signs of three bytes in no order: nothing that compression makes small.
    const long = Array.from(randomBytes(5000), (byte) => String.fromCharCode(0x4e00 + byte * 7)).join('');
    const columns = { patientId: long, patientNameFolded: long, accessionNumber: long, studyDate: long };
    await record(database, [aRecord({ instance: '1.2.3.1.1', columns: { ...columns, studyDescription: long } })]);
    const [row] = await database.table('studies').select('patient_id', 'study_date', 'study_description');
    expect(row).toEqual({ patient_id: long.slice(0, 850), study_date: long.slice(0, 850), study_description: long });
  });

  it('takes back counts, series and studies of what was held already, and leaves the others of the group', async () => {
    const database = await aCatalog();
    await record(database, [aRecord({ instance: '1.2.3.1.1' }), aRecord({ study: '1.2.4', instance: '1.2.4.1.1' })]);
    const outcomes = await record(database, [
      aRecord({ instance: '1.2.3.1.1' }),
      aRecord({ series: '1.2.3.2', instance: '1.2.3.2.1', modality: 'PT' }),
      aRecord({ series: '1.2.3.3', instance: '1.2.4.1.1', modality: 'MR' }),
      aRecord({ study: '1.2.9', instance: '1.2.4.1.1x', modality: 'OT' }),
      aRecord({ study: '1.2.8', instance: '1.2.3.1.1y', modality: 'OT' }),
    ]);
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['duplicate', 'stored', 'conflict', 'stored', 'stored']);
    expect(await counts(database)).toEqual([
      { study: '1.2.3', series: 2, instances: 2, modalities: ['CT', 'PT'] },
      { study: '1.2.4', series: 1, instances: 1, modalities: ['CT'] },
      { study: '1.2.8', series: 1, instances: 1, modalities: ['OT'] },
      { study: '1.2.9', series: 1, instances: 1, modalities: ['OT'] },
    ]);
  });

  it('remembers instances whose Patient ID or issuer (0010,0020), (0010,0021) is not that of their study', async () => {
    const database = await aCatalog();
    const of = (instance: string, patientId: string | null, issuerOfPatientId: string | null = null) =>
      aRecord({ instance, columns: { patientId, issuerOfPatientId } });
    await record(database, [of('1.2.3.1.1', 'P1', 'A')]);
    await record(database, [of('1.2.3.1.2', 'P1'), of('1.2.3.1.3', 'P2', 'A'), of('1.2.3.1.4', 'P2', 'A')]);
    await record(database, [of('1.2.3.1.5', 'P2', 'A')]);
    await record(database, [of('1.2.3.1.6', 'P1', 'B'), of('1.2.3.1.7', null), of('1.2.3.1.1', 'P1', 'A')]);
    const mismatches = await database
      .table('patient_mismatches')
      .select('patient_id', 'issuer_of_patient_id', 'sop_instance_uid', 'number_of_instances')
      .orderBy('sop_instance_uid');
    expect(mismatches).toEqual([
      { patient_id: 'P2', issuer_of_patient_id: 'A', sop_instance_uid: '1.2.3.1.3', number_of_instances: 3 },
      { patient_id: 'P1', issuer_of_patient_id: 'B', sop_instance_uid: '1.2.3.1.6', number_of_instances: 1 },
      { patient_id: '', issuer_of_patient_id: '', sop_instance_uid: '1.2.3.1.7', number_of_instances: 1 },
    ]);
    expect(await counts(database)).toMatchObject([{ instances: 7 }]);
  });

  it('notes where metadata lie that were written down later, if the row still names that file', async () => {
    const database = await aCatalog();
    const first = aRecord({ instance: '1.2.3.1.1' });
    await record(database, [{ ...first, instance: { ...first.instance, metadata: null } }]);
    const [{ id }] = await database.table('instances').select('id');
    const located = async () => (await locateByRow(database, [id])).get(id);
    expect((await located())?.metadata).toBeNull();
    const written = { metadata: { segment: 7, offset: 8, length: 9 }, frameCount: 2, frames: '{}' };
    await placeMetadata(database, { sopInstanceUid: '1.2.3.1.1', storageKey: 'another', ...written });
    expect((await located())?.metadata).toBeNull();
    await placeMetadata(database, { sopInstanceUid: '1.2.3.1.1', storageKey: 'key-of-1.2.3.1.1', ...written });
    expect(await located()).toMatchObject({ storageKey: 'key-of-1.2.3.1.1', ...written });
  });

  it('needs at most 1.5 kB for an instance, all indexes included', async () => {
    const database = await aCatalog();
    const uid = (n: number): string => `1.3.6.1.4.1.14519.5.2.1.7009.2403.3342197168956409211482516${10000 + n}`;
    const attributes = JSON.stringify({ '00100020': { vr: 'LO', Value: ['x'.repeat(1000)] } });
    for (let study = 0; study < 10; study++)
      for (let part = 0; part < 10; part++)
        await record(
          database,
          Array.from({ length: 10 }, (_, n) =>
            aRecord({ study: uid(study), instance: uid(1000 * study + 10 * part + n), columns: { attributes } }),
          ),
        );
    const { rows } = await database.raw(
      `SELECT sum(pg_total_relation_size(c.oid))::integer AS bytes FROM pg_class c
       WHERE relname IN ('studies', 'series', 'instances')`,
    );
    expect(rows[0].bytes / 1000).toBeLessThan(1500);
  });

  it('keeps counts exact when eight transactions at a time add to the same studies, and none fails', async () => {
    const database = await aCatalog();
    const studies = ['1.2.1', '1.2.2', '1.2.3', '1.2.4', '1.2.5'];
    const writers = [0, 1, 2, 3, 4, 5, 6, 7];
    // Each group adds to series of its own and to one of all, in most of the studies, in an order of its own. In every
    // second round all of them bring one and the same instance too, so that they wait for each other before they count.
    const group = (round: number, n: number): InstanceRecord[] => {
      const turned = [...studies.slice(n % 5), ...studies.slice(0, n % 5)].slice(0, 4);
      const records = turned.flatMap((study) => [
        aRecord({ study, series: `${study}.1`, instance: `${study}.1.${round}.${n}` }),
        aRecord({ study, series: `${study}.${2 + n}`, instance: `${study}.${2 + n}.${round}`, modality: `M${n}` }),
        ...(round % 2 === 0 ? [aRecord({ study, series: `${study}.1`, instance: `${study}.1.${round}` })] : []),
      ]);
      return n % 2 === 0 ? records : records.reverse();
    };
    let stored = 0;
    for (let round = 1; round <= 10; round++) {
      const all = await Promise.all(writers.map((n) => record(database, group(round, n))));
      const outcomes = all.flat().map(({ outcome }) => outcome);
      expect(outcomes.filter((outcome) => outcome === 'conflict')).toEqual([]);
      stored += outcomes.filter((outcome) => outcome === 'stored').length;
    }
    const counted = await counts(database);
    expect(counted.map(({ instances }) => instances).reduce((sum, one) => sum + one)).toBe(stored);
    expect(stored).toBe(10 * 8 * 4 * 2 + 5 * 5);
  });

  it('leaves nothing when its transaction fails', async () => {
    const database = await aCatalog();
    await expect(
      database.transaction(async (tx) => {
        await recordInstances(tx, [aRecord({ instance: '1.2.3.1.1' })]);
        throw new Error('the job could not be left');
      }),
    ).rejects.toThrow('the job could not be left');
    const wrong = aRecord({ instance: '1.2.3.1.3' });
    const bad = { ...wrong, instance: { ...wrong.instance, digest: 'no hexadecimal' } };
    await expect(record(database, [aRecord({ instance: '1.2.3.1.2' }), bad])).rejects.toThrow();
    expect(await readTotals(database)).toEqual({ studies: 0, series: 0, instances: 0, bytes: 0 });
  });
});
