import { describe, expect, it, onTestFinished } from 'vitest';
import { describeInstance } from '../../src/archive/describe-instance.ts';
import { type Database, migrate, openDatabase } from '../../src/catalog/database.ts';
import { fold } from '../../src/catalog/fold.ts';
import type { Found } from '../../src/catalog/found.ts';
import { locateByRow } from '../../src/catalog/locate.ts';
import { soundsOf } from '../../src/catalog/names.ts';
import { recordInstances } from '../../src/catalog/record-instances.ts';
import { search, searchPages } from '../../src/catalog/search.ts';
import { dataset, type Fields } from '../../src/dicom/build.ts';
import { type FindOptions, queryFromIdentifier } from '../../src/dicom/find-identifier.ts';
import type { Query, QueryLevel } from '../../src/dicom/query.ts';
import { queryFromParameters } from '../../src/dicom/query-parameters.ts';
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
        warnings: null,
        origin: 'received',
      },
    );
  });
  if (records.length > 0) await database.transaction((tx) => recordInstances(tx, records));
  return database;
}

const asked = (level: QueryLevel, parameters: string): Query =>
  queryFromParameters(level, new URLSearchParams(parameters));

const identified = (fields: Fields, options: FindOptions = {}): Query =>
  queryFromIdentifier(dataset({ QueryRetrieveLevel: 'STUDY', ...fields }), options);

const REQUESTED = 'RequestAttributesSequence.RequestedProcedureID';

/** A study of its own for each, named by its number: 1.2.3.1, 1.2.3.2, … */
const studies = (...fields: readonly Fields[]): Fields[] =>
  fields.map((one, i) => ({ StudyInstanceUID: `1.2.3.${i + 1}`, SeriesInstanceUID: `1.2.3.${i + 1}.1`, ...one }));

/** The last number of each study's UID, in order. */
const numbers = (found: readonly Found[]): number[] =>
  found.map((one) => Number(one.row.studyInstanceUid!.split('.').at(-1))).sort((a, b) => a - b);

/** A series that answers these requests. */
const aSeries = (n: number, ...requests: readonly Fields[]): Fields => ({
  SeriesInstanceUID: `1.2.3.4.1.${n}`,
  RequestAttributesSequence: [...requests],
});

async function everyPage(database: Database, query: Query): Promise<Found[]> {
  const found: Found[] = [];
  for await (const page of searchPages(database, query)) found.push(...page);
  return found;
}

describe('person names (PS3.4 C.2.2.2.1 and C.2.2.2.4)', () => {
  const names = [
    'Müller^Jörg',
    'MULLER^Jorg^^Dr',
    'Yamada^Tarou=山田^太郎=やまだ^たろう',
    'SMITH',
    'Smith^John',
    'Sørensen^Æsa',
    'Groß^Ute',
    'ΟΔΥΣΣΕΥΣ^Π',
    "O'Hara^(Bo)|b.*",
  ];

  it('match in any component group, or each its own, without case and accents', async () => {
    const database = await aCatalog(...studies(...names.map((PatientName) => ({ PatientName }))));
    const expected: [string, number[]][] = [
      ['muller^jorg', [1]],
      ['MÜLLER^*', [1, 2]],
      ['müller^jörg^^dr', [2]],
      ['M?ller*', [1, 2]],
      ['山田*', [3]],
      ['*太郎', [3]],
      ['やまだ^たろう', [3]],
      ['Yamada*=山田*', [3]],
      ['=山田^太郎', [3]],
      ['==やまだ*', [3]],
      ['Yamada*=やまだ*', []],
      ['Yamada*太郎', []],
      ['SMITH^*', [4, 5]],
      ['SMITH^', [4]],
      ['smith^john^^^', [5]],
      ['*mith*', [4, 5]],
      ['Smi', []],
      ['soren*^aesa', [6]],
      ['SØRENSEN^ÆSA', [6]],
      ['GROSS^Ute', [7]],
      ['οδυσ*', [8]],
      ['Οδυσσεύς^*', [8]],
      ["o'hara^(bo)|b.~*", []],
      ["o'hara^(bo)|b.?", [9]],
      ['.*', []],
      ['(', []],
    ];
    for (const [pattern, found] of expected) {
      expect([pattern, numbers(await search(database, identified({ PatientName: pattern })))]).toEqual([
        pattern,
        found,
      ]);
    }
  });

  it('match fuzzily by the beginnings of their words in any order, or by their sound', async () => {
    const database = await aCatalog(...studies(...names.map((PatientName) => ({ PatientName }))));
    const expected: [string, number[]][] = [
      ['jorg muller', [1, 2]],
      ['jo sm', [5]],
      ['john^smith', [5]],
      ['Mueler', [1, 2]],
      ['Smyth', [4, 5]],
      ['Jon Schmit', [5]],
      ['太郎', [3]],
      ['smith karl', []],
      ['*', [1, 2, 3, 4, 5, 6, 7, 8, 9]],
    ];
    for (const [name, found] of expected) {
      const query = identified({ PatientName: name }, { fuzzy: true });
      expect([name, numbers(await search(database, query))]).toEqual([name, found]);
    }
  });

  it('sound in the database as they sound here', async () => {
    const database = await aCatalog();
    const all = [...names, 'Ashcraft^Tymczak Pfister', 'Lloyd^Jackson-Lee', 'Honeyman^hhw Aaaa B', 'Wheaton^Rrrr^Ww'];
    for (const name of all) {
      const { rows } = await database.raw('SELECT name_sounds(?) AS sounds', [fold(name)]);
      expect([name, ...[...rows[0].sounds].sort()]).toEqual([name, ...soundsOf(name).sort()]);
    }
    expect(soundsOf('Ashcraft Tymczak Pfister Honeyman')).toEqual(['A261', 'T522', 'P236', 'H555']);
  });
});

describe('the kinds of matching (PS3.4 C.2.2.2)', () => {
  it('of a single value heeds case, and wildcards are none of PostgreSQL', async () => {
    const database = await aCatalog(
      ...studies({ PatientID: 'A_1%' }, { PatientID: 'a_1%' }, { PatientID: 'AB1x' }, { PatientID: 'A\\1' }),
    );
    const ids = async (id: string) =>
      numbers(await search(database, asked('study', `PatientID=${encodeURIComponent(id)}`)));
    expect(await ids('A_1%')).toEqual([1]);
    expect(await ids('A?1?')).toEqual([1, 3]);
    expect(await ids('*_1*')).toEqual([1, 2]);
    expect(await ids('*%')).toEqual([1, 2]);
  });

  it('of lists: UIDs, and any of several values', async () => {
    const database = await aCatalog(
      ...studies(
        { AccessionNumber: 'A', Modality: 'CT' },
        { AccessionNumber: 'B', Modality: 'MR' },
        { Modality: 'US' },
      ),
    );
    expect(numbers(await search(database, identified({ StudyInstanceUID: ['1.2.3.1', '1.2.3.3', '9'] })))).toEqual([
      1, 3,
    ]);
    expect(numbers(await search(database, identified({ AccessionNumber: ['B', 'A'] })))).toEqual([1, 2]);
    expect(numbers(await search(database, identified({ AccessionNumber: ['B*', 'A'] })))).toEqual([1, 2]);
    expect(numbers(await search(database, identified({ ModalitiesInStudy: ['CT', 'US'] })))).toEqual([1, 3]);
    expect(numbers(await search(database, identified({ ModalitiesInStudy: '?R' })))).toEqual([2]);
  });

  it('of what is empty', async () => {
    const database = await aCatalog(
      ...studies({ PatientID: '', StudyDate: '' }, { PatientID: 'x', AccessionNumber: 'A' }, { PatientID: undefined }),
    );
    const empty = async (fields: Fields) => numbers(await search(database, identified(fields, { emptyValue: true })));
    expect(await empty({ PatientID: '""' })).toEqual([1, 3]);
    expect(await empty({ StudyDate: '""' })).toEqual([1]);
    expect(await empty({ AccessionNumber: ['""', 'A'] })).toEqual([1, 2, 3]);
    expect(await empty({ PatientComments: '""' })).toEqual([1, 2, 3]);
    expect(await empty({ ProcedureCodeSequence: [{ CodeValue: '""' }] })).toEqual([1, 2, 3]);
  });

  it('of dates: both ends, open ends, lists; what has no date is in no range', async () => {
    const database = await aCatalog(
      ...studies({ StudyDate: '20240101' }, { StudyDate: '20240630' }, { StudyDate: '20241231' }, { StudyDate: '' }),
    );
    const dates = async (range: string | string[]) => numbers(await search(database, identified({ StudyDate: range })));
    expect(await dates('20240101-20240630')).toEqual([1, 2]);
    expect(await dates('-20240630')).toEqual([1, 2]);
    expect(await dates('20240630-')).toEqual([2, 3]);
    expect(await dates(['20240101', '20241201-'])).toEqual([1, 3]);
    expect(await dates('2024.06.30')).toEqual([2]);
  });

  it('of a date and a time as one range of moments, where that was agreed on (PS3.4 C.2.2.2.5)', async () => {
    const at = (StudyDate: string, StudyTime: string | undefined): Fields => ({ StudyDate, StudyTime });
    const database = await aCatalog(
      ...studies(
        at('20060705', '0959'),
        at('20060705', '1000'),
        at('20060706', '030000'),
        at('20060706', undefined),
        at('20060707', '180059.5'),
        at('20060707', '1801'),
      ),
    );
    const range = { StudyDate: '20060705-20060707', StudyTime: '1000-1800' };
    const find = async (fields: Fields, combinedDateTime: boolean) =>
      numbers(await search(database, identified(fields, { combinedDateTime })));
    expect(await find(range, true)).toEqual([2, 3, 4, 5]);
    expect(await find(range, false)).toEqual([2, 5]);
    expect(await find({ StudyDate: '20060706-', StudyTime: '0300-' }, true)).toEqual([3, 5, 6]);
    expect(await find({ StudyDate: '-20060705', StudyTime: '-0959' }, true)).toEqual([1]);
    expect(await find({ StudyDate: '20060706-', StudyTime: '-0300' }, true)).toEqual([3]); // not of the same form
  });

  it('of a time that was recorded to the hour or minute as its beginning', async () => {
    const database = await aCatalog(
      ...studies(
        { StudyTime: '10' },
        { StudyTime: '1015' },
        { StudyTime: '101500.000001' },
        { StudyTime: '101459.999999' },
      ),
    );
    const times = async (range: string) => numbers(await search(database, asked('study', `StudyTime=${range}`)));
    expect(await times('1015-')).toEqual([2, 3]);
    expect(await times('-1014')).toEqual([1, 4]);
    expect(await times('10')).toHaveLength(4);
    expect(await times('101500')).toEqual([2, 3]);
  });

  it('of sequences: any item, in any of its values, all keys in one and the same (PS3.4 C.2.2.2.6)', async () => {
    const database = await aCatalog(
      aSeries(1, { RequestedProcedureID: 'A' }, { RequestedProcedureID: 'B', ScheduledProcedureStepID: '1' }),
      aSeries(2, { ScheduledProcedureStepID: 'A' }, {}),
      aSeries(3),
    );
    const series = async (query: Query) => (await search(database, query)).map((one) => one.row.seriesInstanceUid);
    const requests = (keys: Fields) =>
      identified({ QueryRetrieveLevel: 'SERIES', RequestAttributesSequence: [keys] }, { relational: true });
    expect(await series(asked('series', `${REQUESTED}=B`))).toEqual(['1.2.3.4.1.1']);
    expect(await series(asked('series', `${REQUESTED}=?`))).toEqual(['1.2.3.4.1.1']);
    expect(await series(asked('series', `${REQUESTED}=C`))).toEqual([]);
    expect(await series(asked('series', `${REQUESTED}=*`))).toHaveLength(3);
    expect(await series(requests({ ScheduledProcedureStepID: 'A' }))).toEqual(['1.2.3.4.1.2']);
    expect(await series(requests({ RequestedProcedureID: 'B', ScheduledProcedureStepID: '1' }))).toEqual([
      '1.2.3.4.1.1',
    ]);
    expect(await series(requests({ RequestedProcedureID: 'A', ScheduledProcedureStepID: '1' }))).toEqual([]);
  });

  it('of sequences in sequences, codes and issuers', async () => {
    const database = await aCatalog(
      ...studies(
        {
          ProcedureCodeSequence: [{ CodeValue: '24627-2', CodingSchemeDesignator: 'LN', CodeMeaning: 'CT' }],
          IssuerOfAccessionNumberSequence: [{ LocalNamespaceEntityID: 'HIS' }],
          RequestAttributesSequence: [{ RequestedProcedureCodeSequence: [{ CodeValue: 'X1' }] }],
        },
        { ProcedureCodeSequence: [{ CodeValue: '24627-2', CodingSchemeDesignator: '99X', CodeMeaning: 'LN' }] },
      ),
    );
    const code = { CodeValue: '24627-2', CodingSchemeDesignator: 'LN' };
    expect(numbers(await search(database, identified({ ProcedureCodeSequence: [code] })))).toEqual([1]);
    const issuer = { IssuerOfAccessionNumberSequence: [{ LocalNamespaceEntityID: 'HI*' }] };
    expect(numbers(await search(database, identified(issuer)))).toEqual([1]);
    const deep = asked('series', 'RequestAttributesSequence.RequestedProcedureCodeSequence.CodeValue=X1');
    expect(numbers(await search(database, deep))).toEqual([1]);
  });

  it('of kept attributes without a column: names, texts, ranges', async () => {
    const database = await aCatalog(
      ...studies(
        { OperatorsName: 'Grün^Eva', StationName: 'CT_01', ProtocolName: 'Thorax 2' },
        { OperatorsName: ['Blau^Udo', 'GRUN^ADA'], StationName: 'CTX01' },
        {},
      ),
    );
    const series = async (parameters: string) => numbers(await search(database, asked('series', parameters)));
    expect(await series('OperatorsName=gr%C3%BCn*')).toEqual([1, 2]);
    expect(await series('OperatorsName=ada grun&fuzzymatching=true')).toEqual([2]);
    expect(await series('StationName=CT_01')).toEqual([1]);
    expect(await series('StationName=CT?01')).toEqual([1, 2]);
    expect(await series('ProtocolName=Th*%202&StationName=CT_01')).toEqual([1]);
  });

  it('of many wildcards takes no time that grows with their power', async () => {
    const database = await aCatalog(...studies({ ProtocolName: 'a'.repeat(64), PatientName: 'a'.repeat(200) }));
    const hostile = `${'*a'.repeat(30)}*b`;
    const began = Date.now();
    expect(
      await search(database, identified({ QueryRetrieveLevel: 'SERIES', ProtocolName: hostile }, { relational: true })),
    ).toEqual([]);
    expect(await search(database, identified({ PatientName: hostile }))).toEqual([]);
    expect(Date.now() - began).toBeLessThan(2000);
  });

  it('of keys beside texts that PostgreSQL cannot hold as JSON', async () => {
    const described = (RequestedProcedureDescription: string): Fields => ({
      RequestedProcedureID: 'P',
      RequestedProcedureDescription,
    });
    const database = await aCatalog(
      aSeries(1, described('a NUL \0 in it')),
      aSeries(2, described('half a pair \ud83d')),
      aSeries(3, described('a backslash and what looks like an escape \\u0000 \\\\ud83d \\')),
      aSeries(4, described('quotes " and a line\nend')),
    );
    expect(await search(database, asked('series', `${REQUESTED}=P`))).toHaveLength(4);
  });

  it('does not match what is no key of the level, nor what is not kept', async () => {
    const database = await aCatalog(...studies({ Modality: 'CT', ContrastBolusAgent: 'x' }));
    expect(numbers(await search(database, identified({ Modality: 'MR', ContrastBolusAgent: 'y' })))).toEqual([1]);
  });
});

describe('what is counted (PS3.4 C.3.4)', () => {
  const CT = '1.2.840.10008.5.1.4.1.1.2';
  const SEG = '1.2.840.10008.5.1.4.1.1.66.4';

  it('patients: their studies, series and instances, by Patient ID and issuer', async () => {
    const of = (n: number, fields: Fields): Fields => ({
      StudyInstanceUID: `1.2.3.${n}`,
      SeriesInstanceUID: `1.2.3.${n}.${fields['SeriesNumber'] ?? 1}`,
      ...fields,
    });
    const database = await aCatalog(
      of(1, { PatientID: 'P1', PatientName: 'OLD^NAME' }),
      of(1, { PatientID: 'P1', PatientName: 'OLD^NAME', SeriesNumber: 2 }),
      of(2, { PatientID: 'P1', PatientName: 'NEW^NAME' }),
      of(3, { PatientID: 'P2', PatientName: 'OTHER' }),
      of(4, { PatientID: '', PatientName: 'NOBODY^ONE' }),
      of(5, { PatientID: '', PatientName: 'NOBODY^TWO' }),
    );
    await database.raw("UPDATE studies SET issuer_of_patient_id = 'B' WHERE study_instance_uid = '1.2.3.3'");
    const ask = async (parameters: string) => await search(database, asked('patient', parameters));
    expect(await ask('')).toHaveLength(4);
    const [patient] = await ask('PatientID=P1');
    expect(patient?.level).toBe('patient');
    expect(patient?.row).toMatchObject({
      numberOfPatientRelatedStudies: 2,
      numberOfPatientRelatedSeries: 3,
      numberOfPatientRelatedInstances: 3,
    });
    expect(text(patient!.study, 'PatientName')).toBe('NEW^NAME');
    expect(await ask('PatientName=nobody*')).toHaveLength(2);
    expect(await ask('IssuerOfPatientID=B')).toHaveLength(1);
    await database.raw("UPDATE studies SET patient_id = 'P1' WHERE study_instance_uid = '1.2.3.3'");
    expect((await ask('PatientID=P1')).map((one) => one.row.numberOfPatientRelatedStudies)).toEqual([2, 1]);
  });

  it('at the levels below only where it is asked for', async () => {
    const database = await aCatalog(
      ...studies({ PatientID: 'P' }, { PatientID: 'P' }),
      { SOPClassUID: CT, PatientID: 'Q' },
      { SOPClassUID: SEG, PatientID: 'Q' },
    );
    const [study] = await search(database, identified({ PatientID: 'P', NumberOfPatientRelatedStudies: '' }));
    expect(study?.row).toMatchObject({ numberOfPatientRelatedStudies: 2, numberOfPatientRelatedInstances: 2 });
    const [plain] = await search(database, identified({ PatientID: 'Q' }));
    expect(plain?.row.numberOfPatientRelatedStudies).toBeUndefined();
    expect(plain?.row.sopClassesInStudy).toBeUndefined();
    const [classes] = await search(database, identified({ PatientID: 'Q', SOPClassesInStudy: '' }));
    expect(new Set(classes?.row.sopClassesInStudy)).toEqual(new Set([CT, SEG]));
    expect(await search(database, identified({ SOPClassesInStudy: SEG }))).toHaveLength(1);
    expect(await search(database, identified({ SOPClassesInStudy: '1.2.3' }))).toHaveLength(0);
  });
});

describe('answers of any number', () => {
  async function many(): Promise<Database> {
    const database = await aCatalog();
    await database.raw(
      `INSERT INTO studies (study_instance_uid, patient_id, study_date, attributes)
       SELECT '1.2.' || n, 'P' || n % 7, CASE WHEN n % 5 > 0 THEN to_char(date '2020-01-01' + n % 90, 'YYYYMMDD') END,
         '{"00080080":{"vr":"LO","Value":["' || CASE WHEN n % 3 = 0 THEN 'HERE' ELSE 'THERE' END || '"]}}'
       FROM generate_series(1, 1300) n`,
    );
    await database.raw(
      `INSERT INTO series (study_id, series_instance_uid, attributes)
       SELECT s.id, s.study_instance_uid || '.' || n, '{}' FROM studies s, generate_series(1, 2) n`,
    );
    await database.raw(
      `INSERT INTO instances (series_id, sop_instance_uid, sop_class_uid, instance_number, transfer_syntax_uid, storage_key,
         size, digest, data_set_offset, origin)
       SELECT e.id, e.series_instance_uid || '.' || n, '1.2', CASE WHEN n < 3 THEN 3 - n END, '1.2', '00', 1, '', 0, 'received'
       FROM series e, generate_series(1, 3) n WHERE e.id <= 300`,
    );
    return database;
  }

  it('come page by page, each once, in one order', async () => {
    const database = await many();
    const { rows: ordered } = await database.raw(
      'SELECT study_instance_uid AS uid FROM studies ORDER BY study_date DESC NULLS LAST, id DESC',
    );
    const found = await everyPage(database, asked('study', ''));
    expect(found.map((one) => one.row.studyInstanceUid)).toEqual(ordered.map((row: { uid: string }) => row.uid));
    expect(new Set((await everyPage(database, asked('series', ''))).map((one) => one.row.seriesInstanceUid)).size).toBe(
      2600,
    );
    const instances = await everyPage(database, asked('instance', ''));
    expect(new Set(instances.map((one) => one.row.sopInstanceUid)).size).toBe(900);
    expect(instances.slice(0, 3).map((one) => one.row.instanceNumber)).toEqual([1, 2, null]);
    expect(await everyPage(database, asked('patient', ''))).toHaveLength(7);
  });

  it('are cut by limit and offset alike, with a column or without', async () => {
    const database = await many();
    const all = await everyPage(database, asked('study', ''));
    const uids = (found: readonly Found[]) => found.map((one) => one.row.studyInstanceUid);
    expect(uids(await search(database, asked('study', 'limit=300&offset=900')))).toEqual(uids(all.slice(900, 1200)));
    expect(uids(await search(database, asked('study', 'limit=5&offset=1299')))).toEqual(uids(all.slice(1299)));
    expect(await search(database, asked('study', 'limit=0'))).toEqual([]);
    const here = await everyPage(database, asked('study', 'InstitutionName=HERE'));
    expect(here).toHaveLength(433);
    expect(uids(await search(database, asked('study', 'InstitutionName=H*E&limit=100&offset=200')))).toEqual(
      uids(here.slice(200, 300)),
    );
  });

  it('stop when they are cancelled, also in the middle of a statement', async () => {
    const database = await many();
    const stop = new AbortController();
    let pages = 0;
    const reading = (async () => {
      for await (const _ of searchPages(database, asked('study', ''), { signal: stop.signal })) {
        pages += 1;
        stop.abort();
      }
    })();
    await expect(reading).rejects.toThrow(/aborted/);
    expect(pages).toBe(1);

    await database.raw(
      `CREATE FUNCTION slow(text) RETURNS text LANGUAGE sql VOLATILE AS $$ SELECT $1 FROM pg_sleep(0.1) $$`,
    );
    await database.raw('ALTER TABLE studies RENAME TO all_studies');
    await database.raw(
      'CREATE VIEW studies AS SELECT *, slow(attributes) FROM all_studies WHERE slow(attributes) IS NOT NULL',
    );
    const later = new AbortController();
    setTimeout(() => later.abort(), 100);
    const began = Date.now();
    await expect(searchPages(database, asked('study', ''), { signal: later.signal }).next()).rejects.toThrow(/aborted/);
    expect(Date.now() - began).toBeLessThan(1000);
    const { rows } = await database.raw(
      "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE 'SELECT s.attr%'",
    );
    expect(rows[0].count).toBe(0);
  });

  it('name the rows by which the attributes of instances are read', async () => {
    const database = await aCatalog({ Rows: 7 }, { Rows: 8 });
    const found = await search(database, asked('instance', ''));
    const located = await locateByRow(
      database,
      found.map((one) => one.row.instanceId!),
    );
    expect(found.map((one) => located.get(one.row.instanceId!)?.sopInstanceUid)).toEqual([
      '1.2.3.4.1.1.1',
      '1.2.3.4.1.1.2',
    ]);
    expect((await search(database, asked('study', '')))[0]?.row.instanceId).toBeUndefined();
  });
});
