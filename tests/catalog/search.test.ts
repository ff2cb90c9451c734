import { describe, expect, it, onTestFinished } from 'vitest';
import { describeInstance } from '../../src/archive/describe-instance.ts';
import { type Database, migrate, openDatabase } from '../../src/catalog/database.ts';
import { recordInstances } from '../../src/catalog/record-instances.ts';
import { search } from '../../src/catalog/search.ts';
import { dataset, type Fields } from '../../src/dicom/build.ts';
import { type Query, type QueryLevel, queryFromIdentifier, queryFromParameters } from '../../src/dicom/query.ts';
import { text } from '../../src/dicom/read-values.ts';
import { anInstance } from '../support/instances.ts';
import { aDatabase } from '../support/test-node.ts';

async function aCatalog(...instances: readonly Fields[]): Promise<Database> {
  const database = openDatabase(await aDatabase());
  onTestFinished(() => database.destroy());
  await migrate(database);
  const records = instances.map((fields, i) => {
    const own = dataset(anInstance({ SOPInstanceUID: `1.2.3.4.1.1.${i + 1}`, ...fields }));
    const uid = (keyword: string): string => text(own, keyword)!;
    return describeInstance(
      own,
      {
        sopClassUid: uid('SOPClassUID'),
        sopInstanceUid: uid('SOPInstanceUID'),
        studyInstanceUid: uid('StudyInstanceUID'),
        seriesInstanceUid: uid('SeriesInstanceUID'),
      },
      {
        transferSyntaxUid: '1.2.840.10008.1.2.1',
        storageKey: `key-${i}`,
        size: 1,
        digest: '00',
        dataSetOffset: 132,
        frames: null,
        warnings: null,
        origin: 'received',
      },
    );
  });
  await database.transaction((tx) => recordInstances(tx, records));
  return database;
}

const asked = (level: QueryLevel, parameters: string): Query =>
  queryFromParameters(level, new URLSearchParams(parameters));

const REQUESTED = 'RequestAttributesSequence.RequestedProcedureID';

/** A series that answers these requests. */
const aSeries = (n: number, ...requests: readonly Fields[]): Fields => ({
  SeriesInstanceUID: `1.2.3.4.1.${n}`,
  RequestAttributesSequence: [...requests],
});

describe('a query of the catalog', () => {
  it('finds a series by any of the requests it answers, in any of their values (PS3.4 C.2.2.2.6)', async () => {
    const database = await aCatalog(
      aSeries(1, { RequestedProcedureID: 'A' }, { RequestedProcedureID: 'B' }),
      aSeries(2, { ScheduledProcedureStepID: 'A' }, {}),
      aSeries(3),
    );
    const series = async (query: Query) => (await search(database, query)).map((one) => one.seriesInstanceUid);
    expect(await series(asked('series', `${REQUESTED}=B`))).toEqual(['1.2.3.4.1.1']);
    expect(await series(asked('series', `${REQUESTED}=?`))).toEqual(['1.2.3.4.1.1']);
    expect(await series(asked('series', `${REQUESTED}=C`))).toEqual([]);
    expect(await series(asked('series', `${REQUESTED}=*`))).toHaveLength(3);
    const identifier = dataset({
      QueryRetrieveLevel: 'SERIES',
      RequestAttributesSequence: [{ ScheduledProcedureStepID: 'A' }],
    });
    expect(await series(queryFromIdentifier(identifier))).toEqual(['1.2.3.4.1.2']);
  });

  it('finds requests beside texts that PostgreSQL cannot hold as JSON', async () => {
    const description = (RequestedProcedureDescription: string): Fields => ({
      RequestedProcedureID: 'P',
      RequestedProcedureDescription,
    });
    const database = await aCatalog(
      aSeries(1, description('a NUL \0 in it')),
      aSeries(2, description('half a pair \ud83d')),
      aSeries(3, description('a backslash and what looks like an escape \\u0000 \\\\ud83d \\')),
      aSeries(4, description('quotes " and a line\nend')),
    );
    expect(await search(database, asked('series', `${REQUESTED}=P`))).toHaveLength(4);
  });

  it('reads the attributes of an instance only when they are asked for', async () => {
    const database = await aCatalog({ Rows: 7 });
    const [found] = await search(database, asked('instance', ''));
    expect(found?.sopInstanceUid).toBe('1.2.3.4.1.1.1');
    expect(found?.readInstance?.()['00280010']).toEqual({ vr: 'US', Value: [7] });
    const [study] = await search(database, asked('study', ''));
    expect(study?.readInstance).toBeUndefined();
  });

  it('matches a time that was recorded to the hour or minute as its beginning', async () => {
    const at = (n: number, StudyTime: string): Fields => ({ StudyInstanceUID: `1.2.3.${n}`, StudyTime });
    const database = await aCatalog(at(1, '10'), at(2, '1015'), at(3, '101500.000001'), at(4, '101459.999999'));
    const times = async (range: string) =>
      (await search(database, asked('study', `StudyTime=${range}`))).map((one) => one.studyInstanceUid).sort();
    expect(await times('1015-')).toEqual(['1.2.3.2', '1.2.3.3']);
    expect(await times('-1014')).toEqual(['1.2.3.1', '1.2.3.4']);
    expect(await times('10')).toHaveLength(4);
    expect(await times('101500')).toEqual(['1.2.3.2', '1.2.3.3']);
  });

  it.each([
    ['PatientID=P77', 'studies_patient_id'],
    ['PatientID=P77*', 'studies_patient_id'],
    ['AccessionNumber=A77', 'studies_accession_number'],
    ['StudyInstanceUID=1.2.77', 'studies_study_instance_uid_key'],
    ['StudyDate=20200101-20200102', 'studies_study_date'],
  ])('for %s goes by the index %s, whatever is held besides', async (parameters, index) => {
    const database = await aCatalog();
    await database.raw(
      `INSERT INTO studies (study_instance_uid, patient_id, accession_number, study_date, attributes)
       SELECT '1.2.' || n, 'P' || n, 'A' || n, to_char(date '1990-01-01' + n, 'YYYYMMDD'), '{}' FROM generate_series(1, 20000) n`,
    );
    await database.raw('ANALYZE studies');
    let plan = '';
    database.on('query', ({ sql, bindings }: { sql: string; bindings: unknown[] }) => {
      if (sql.startsWith('SELECT s.attributes')) plan = JSON.stringify([sql, bindings]);
    });
    await search(database, asked('study', parameters));
    const [sql, bindings]: [string, string[]] = JSON.parse(plan);
    const inlined = sql.replace(/\$(\d+)/g, (_, n) => literal(bindings[Number(n) - 1]));
    const { rows } = await database.raw(`EXPLAIN ${inlined.replaceAll('?', '\\?')}`);
    expect(rows.map((row: Record<string, string>) => row['QUERY PLAN']).join('\n')).toContain(index);
  });
});

function literal(value: unknown): string {
  if (typeof value === 'number') return String(value);
  if (Array.isArray(value)) return `'{${value.map((one) => JSON.stringify(one)).join(',')}}'`;
  return `'${String(value).replaceAll("'", "''")}'`;
}
