import { describe, expect, it, onTestFinished } from 'vitest';
import { type Database, migrate, openDatabase } from '../../src/catalog/database.ts';
import { countAnswers, search, searchPages } from '../../src/catalog/search.ts';
import { countStatementOf, statementOf } from '../../src/catalog/search-statement.ts';
import { runStatement } from '../../src/catalog/statement.ts';
import { queryFromParameters } from '../../src/dicom/query-parameters.ts';
import { aDatabase } from '../support/test-node.ts';

/** 20,000 studies of 5,000 patients, two series and four instances in each of the first 10,000. */
async function aFilledCatalog(): Promise<Database> {
  const database = openDatabase(await aDatabase());
  onTestFinished(() => database.destroy());
  await migrate(database);
  // a lock for each row is more than one transaction may hold
  await database.raw('ALTER TABLE studies DISABLE TRIGGER USER');
  await database.raw(
    `INSERT INTO studies (study_instance_uid, patient_id, patient_name_folded, accession_number, study_date, study_description,
       attributes)
     SELECT '1.2.' || n, 'P' || n % 5000, md5((n % 5000)::text) || '^' || md5((n % 77)::text), 'A' || n,
       to_char(date '1990-01-01' + n, 'YYYYMMDD'), md5(n::text), '{}' FROM generate_series(1, 20000) n`,
  );
  await database.raw(
    `INSERT INTO series (study_id, series_instance_uid, modality, attributes)
     SELECT id, study_instance_uid || '.' || n, 'CT', '{}' FROM studies, generate_series(1, 2) n WHERE id <= 10000`,
  );
  const { rows: columns }: { rows: { column_name: string }[] } = await database.raw(
    "SELECT column_name FROM information_schema.columns WHERE table_name = 'instances' AND column_name = 'metadata'",
  );
  const metadata = columns.length === 0 ? ['', ''] : [', metadata', ", ''"];
  await database.raw(
    `INSERT INTO instances (series_id, sop_instance_uid, sop_class_uid, transfer_syntax_uid, storage_key, size, digest,
       data_set_offset, origin${metadata[0]})
     SELECT id, series_instance_uid || '.' || n, '1.2', '1.2', '', 1, '', 0, 'received'${metadata[1]}
     FROM series, generate_series(1, 2) n`,
  );
  await database.raw('VACUUM ANALYZE studies, series, instances');
  return database;
}

const STUDY = 'StudyInstanceUID=1.2.77';

describe('the plan of a query on a filled catalog', () => {
  it('goes by an index and reads no table from end to end', async () => {
    const database = await aFilledCatalog();
    const plans: [level: 'patient' | 'study' | 'series' | 'instance', parameters: string, index: string][] = [
      ['patient', '', 'studies_patient'],
      ['patient', 'PatientID=P77', 'studies_patient_id'],
      ['patient', 'PatientName=*c4ca4238*', 'studies_search'],
      ['study', '', 'studies_study_date'],
      ['study', 'PatientID=P77', 'studies_patient_id'],
      ['study', 'PatientID=P77&StudyDate=20200101-', 'studies_patient_id'],
      ['study', 'PatientID=P77&includefield=NumberOfPatientRelatedStudies', 'studies_patient'],
      ['study', 'PatientID=P4977*', 'studies_patient_id'],
      ['study', 'PatientID=*4977', 'studies_search'],
      ['study', 'AccessionNumber=A77', 'studies_accession_number'],
      ['study', 'AccessionNumber=*9077*', 'studies_search'],
      ['study', STUDY, 'studies_study_instance_uid_key'],
      ['study', 'StudyInstanceUID=1.2.77,1.2.78', 'studies_study_instance_uid_key'],
      ['study', 'StudyDate=20200101', 'studies_study_date'],
      ['study', 'StudyDate=20200101-20200102', 'studies_study_date'],
      ['study', 'PatientName=c4ca4238a0b923820dcc509a6f75849b*', 'studies_search'],
      ['study', 'PatientName=*c4ca4238*', 'studies_search'],
      ['study', 'PatientName=c4ca4238&fuzzymatching=true', 'studies_search'],
      ['study', 'PatientName=Smith&fuzzymatching=true', 'studies_search'],
      ['study', 'StudyDescription=*c4ca4238*', 'studies_search'],
      ['series', STUDY, 'series_study_id_series_instance_uid_key'],
      ['series', 'SeriesInstanceUID=1.2.77.1', 'series_series_instance_uid'],
      ['series', 'PatientID=P77', 'studies_patient_id'],
      ['instance', `${STUDY}&SeriesInstanceUID=1.2.77.1`, 'instances_series_id'],
      ['instance', 'SOPInstanceUID=1.2.77.1.1', 'instances_sop_instance_uid_key'],
      ['instance', 'PatientID=P77', 'studies_patient_id'],
    ];
    for (const [level, parameters, index] of plans) {
      const query = queryFromParameters(level, new URLSearchParams(parameters));
      const { text, values } = statementOf(query, { size: 250, offset: 0, after: undefined });
      const lines = await explain(database, text, values);
      expect(`${level} ${parameters}\n${lines}`).toMatch(new RegExp(`\\b${index}\\b`));
      expect(`${level} ${parameters}\n${lines}`).not.toContain('Seq Scan');
    }
  });

  it('goes on by the index where a page begins behind another', async () => {
    const database = await aFilledCatalog();
    const pages: ['patient' | 'study' | 'series' | 'instance', (string | number)[], string][] = [
      ['patient', ['P77\x1f'], 'studies_patient'],
      ['study', ['20000101', 7], 'studies_study_date'],
      ['series', ['20000101', 7, 9], 'studies_study_date'],
      ['instance', ['20000101', 7, 9, 1, 9], 'studies_study_date'],
    ];
    for (const [level, after, index] of pages) {
      const query = queryFromParameters(level, new URLSearchParams());
      const { text, values } = statementOf(query, { size: 250, offset: 0, after });
      const lines = await explain(database, text, values);
      expect(`${level}\n${lines}`).toMatch(new RegExp(`Index.*${index}[\\s\\S]*Index Cond`));
      expect(`${level}\n${lines}`).not.toContain('Seq Scan');
    }
  });

  it('counts what is left by an index, up to a number and no further', async () => {
    const database = await aFilledCatalog();
    const counts: ['patient' | 'study' | 'series' | 'instance', string, (string | number)[]][] = [
      ['study', 'PatientID=P77', ['20000101', 7]],
      ['study', 'StudyDate=20200101-20200110', ['20200107', 7]],
      ['study', 'PatientName=c4ca4238a0b923820dcc509a6f75849b*', ['20000101', 7]],
      ['series', STUDY, ['20000101', 77, 1]],
      ['instance', `${STUDY}&SeriesInstanceUID=1.2.77.1`, ['20000101', 77, 1, 1, 1]],
    ];
    for (const [level, parameters, after] of counts) {
      const query = queryFromParameters(level, new URLSearchParams(parameters));
      const { text, values } = countStatementOf(query, { size: 1001, offset: 0, after });
      expect(`${level} ${parameters}\n${await explain(database, text, values)}`).not.toContain('Seq Scan');
    }
    const all = queryFromParameters('study', new URLSearchParams());
    expect(await countAnswers(database, all, { after: undefined, offset: 0, most: 1001 })).toBe(1001);
    expect(await countAnswers(database, all, { after: undefined, offset: 19_990, most: 1001 })).toBe(10);
  });

  it('gives up in time, says so, and leaves the connection to others', async () => {
    const database = await aFilledCatalog();
    const locked = await database.transaction();
    await locked.raw('LOCK TABLE studies IN ACCESS EXCLUSIVE MODE');
    const pages = searchPages(database, queryFromParameters('study', new URLSearchParams()), { longestMs: 300 });
    await expect(pages.next()).rejects.toMatchObject({
      code: 'out-of-resources',
      message: expect.stringContaining('given up; narrow it'),
    });
    const leaving = new AbortController();
    const left = searchPages(database, queryFromParameters('study', new URLSearchParams()), { signal: leaving.signal });
    setTimeout(() => leaving.abort(new Error('left')), 100);
    await expect(left.next()).rejects.toThrow('left');
    await locked.rollback();
    expect(await search(database, queryFromParameters('study', new URLSearchParams('limit=3')))).toHaveLength(3);
  });

  it('does without trigrams where the extension is refused, and is still right', async () => {
    const url = await aDatabase();
    const admin = openDatabase(url);
    onTestFinished(() => admin.destroy());
    const { rows: of } = await admin.raw('SELECT current_database() AS name');
    const role = `limited_${of[0].name}`;
    await admin.raw(`CREATE ROLE ${role} LOGIN PASSWORD 'x'`);
    onTestFinished(async () => {
      await admin.raw(`DROP OWNED BY ${role} CASCADE`);
      await admin.raw(`DROP ROLE ${role}`);
    });
    await admin.raw(`GRANT ALL ON SCHEMA public TO ${role}`);
    const limited = new URL(url);
    limited.username = role;
    limited.password = 'x';
    const database = openDatabase(limited.href);
    onTestFinished(() => database.destroy());
    await migrate(database);
    const { rows } = await database.raw("SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm'");
    expect(rows).toEqual([]);
    await database.raw(
      "INSERT INTO studies (study_instance_uid, patient_name_folded, attributes) VALUES ('1.2', 'smith^john', '{}')",
    );
    const find = (parameters: string) =>
      search(database, queryFromParameters('study', new URLSearchParams(parameters)));
    expect(await find('PatientName=*MITH*')).toHaveLength(1);
    expect(await find('PatientName=Smyth&fuzzymatching=true')).toHaveLength(1);
    expect(await find('PatientName=*MITT*')).toHaveLength(0);
  });

  it('of a question asked often is prepared once a connection, of patterns made anew', () => {
    const page = { size: 250, offset: 0, after: undefined };
    const hot = (parameters: string) =>
      statementOf(queryFromParameters('study', new URLSearchParams(parameters)), page);
    expect(hot('PatientID=a')).toMatchObject({ hot: true, text: hot('PatientID=b').text });
    expect(hot('PatientID=a*').hot).toBe(false);
    expect(hot('StudyDate=20200101-').hot).toBe(true);
    expect(hot('StudyTime=10-').hot).toBe(false);
  });
});

async function explain(database: Database, text: string, values: readonly unknown[]): Promise<string> {
  const statement = { text: `EXPLAIN ${text}`, values: values as never, hot: false };
  const rows = await runStatement<Record<string, string>>(database, statement);
  return rows.map((row) => row['QUERY PLAN']).join('\n');
}
