import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { dataset, type Fields } from '../../src/dicom/build.ts';
import { text, texts } from '../../src/dicom/read-values.ts';
import { IMPLICIT } from '../support/raw-scu.ts';
import { aNode } from '../support/test-node.ts';
import {
  type Answers,
  CANCELLED,
  FindScu,
  IDENTIFIER_DOES_NOT_MATCH,
  PATIENT_ROOT,
  PATIENT_STUDY_ONLY,
  STUDY_ROOT,
} from './find-scu.ts';

/** Two patients: one with two studies, of which one has two series; all in one node. */
const HELD: readonly Fields[] = [
  held('1.1', {
    PatientID: 'P1',
    PatientName: 'Müller^Jörg',
    StudyDate: '20240105',
    StudyTime: '0930',
    Modality: 'CT',
  }),
  held('1.2', {
    PatientID: 'P1',
    PatientName: 'Müller^Jörg',
    StudyDate: '20240105',
    StudyTime: '0930',
    Modality: 'MR',
  }),
  held('2.1', {
    PatientID: 'P1',
    PatientName: 'Müller^Jörg',
    StudyDate: '20240106',
    StudyTime: '1800',
    Modality: 'CT',
  }),
  held('3.1', {
    PatientID: 'P2',
    PatientName: 'Yamada^Tarou=山田^太郎=やまだ^たろう',
    StudyDate: '20240107',
    StudyTime: '0800',
    Modality: 'US',
    ProcedureCodeSequence: [{ CodeValue: '24627-2', CodingSchemeDesignator: 'LN', CodeMeaning: 'CT Chest' }],
    RequestAttributesSequence: [
      { RequestedProcedureID: 'A', ScheduledProcedureStepID: '1' },
      { RequestedProcedureID: 'B', ScheduledProcedureStepID: '2' },
    ],
  }),
];

function held(place: string, fields: Fields): Fields {
  const [study] = place.split('.');
  return { StudyInstanceUID: `1.2.9.${study}`, SeriesInstanceUID: `1.2.9.${place}`, InstanceNumber: 1, ...fields };
}

async function aFilledNode(): Promise<{ port: number; databaseUrl: string }> {
  const node = await aNode();
  const scu = await FindScu.open(node.dimsePort);
  await scu.store(...HELD);
  scu.scu.destroy();
  return { port: node.dimsePort, databaseUrl: node.settings?.databaseUrl ?? '' };
}

const values = (found: Answers, keyword: string): (string | undefined)[] =>
  found.answers.map((answer) => text(answer.dataset, keyword)).sort();

describe('C-FIND: models and levels (PS3.4 C.6)', () => {
  it('answers patients, studies, series and instances in Patient Root', async () => {
    const { port } = await aFilledNode();
    const scu = await FindScu.open(port, { sopClass: PATIENT_ROOT });
    const patients = await scu.find({
      QueryRetrieveLevel: 'PATIENT',
      PatientID: '',
      PatientName: '',
      NumberOfPatientRelatedStudies: '',
      NumberOfPatientRelatedSeries: '',
      NumberOfPatientRelatedInstances: '',
      StudyDate: '',
    });
    expect(patients.status).toBe(0);
    expect(values(patients, 'PatientID')).toEqual(['P1', 'P2']);
    const one = patients.answers.find(({ dataset: answer }) => text(answer, 'PatientID') === 'P1')!.dataset;
    expect(one).toMatchObject(
      dataset({
        QueryRetrieveLevel: 'PATIENT',
        RetrieveAETitle: 'VOXGATE',
        PatientName: 'Müller^Jörg',
        NumberOfPatientRelatedStudies: 2,
        NumberOfPatientRelatedSeries: 3,
        NumberOfPatientRelatedInstances: 3,
        StudyDate: null,
      }),
    );
    const studies = await scu.find({ PatientID: 'P1', StudyInstanceUID: '' });
    expect(values(studies, 'StudyInstanceUID')).toEqual(['1.2.9.1', '1.2.9.2']);
    const series = await scu.find({
      QueryRetrieveLevel: 'SERIES',
      PatientID: 'P1',
      StudyInstanceUID: '1.2.9.1',
      SeriesInstanceUID: '',
      Modality: 'MR',
    });
    expect(values(series, 'SeriesInstanceUID')).toEqual(['1.2.9.1.2']);
    const instances = await scu.find({
      QueryRetrieveLevel: 'IMAGE',
      PatientID: 'P1',
      StudyInstanceUID: '1.2.9.1',
      SeriesInstanceUID: '1.2.9.1.1',
      SOPInstanceUID: '',
      Rows: '',
    });
    expect(
      instances.answers.map(({ dataset: answer }) => [text(answer, 'QueryRetrieveLevel'), text(answer, 'Rows')]),
    ).toEqual([['IMAGE', '4']]);
  });

  it('answers studies in Study Root and Patient/Study Only, and refuses the levels that they lack with A900H', async () => {
    const { port } = await aFilledNode();
    const studyRoot = await FindScu.open(port, { sopClass: STUDY_ROOT, transferSyntax: IMPLICIT });
    expect((await studyRoot.find({ PatientName: 'MULLER*' })).answers).toHaveLength(2);
    const patient = await studyRoot.find({ QueryRetrieveLevel: 'PATIENT', PatientID: '' });
    expect(patient.status).toBe(IDENTIFIER_DOES_NOT_MATCH);
    expect(patient.comment).toMatch(/^QueryRetrieveLevel/);
    const only = await FindScu.open(port, { sopClass: PATIENT_STUDY_ONLY });
    expect((await only.find({ QueryRetrieveLevel: 'PATIENT', PatientID: '' })).answers).toHaveLength(2);
    expect((await only.find({ PatientID: 'P1' })).answers).toHaveLength(2);
    expect((await only.find({ QueryRetrieveLevel: 'SERIES', StudyInstanceUID: '1.2.9.1' })).status).toBe(
      IDENTIFIER_DOES_NOT_MATCH,
    );
  });

  it('answers every key that was asked for, empty where it is not known', async () => {
    const { port } = await aFilledNode();
    const scu = await FindScu.open(port);
    const { answers } = await scu.find({
      StudyInstanceUID: '1.2.9.1',
      ModalitiesInStudy: '',
      SOPClassesInStudy: '',
      NumberOfPatientRelatedStudies: '',
      NumberOfStudyRelatedSeries: '',
      NumberOfStudyRelatedInstances: '',
      InstanceAvailability: '',
      RetrieveAETitle: '',
      AccessionNumber: '',
      ProcedureCodeSequence: '',
      Modality: '',
    });
    expect(answers).toHaveLength(1);
    const answer = answers[0]!.dataset;
    expect(texts(answer, 'ModalitiesInStudy')).toEqual(['CT', 'MR']);
    expect(texts(answer, 'SOPClassesInStudy')).toEqual(['1.2.840.10008.5.1.4.1.1.7']);
    expect(answer).toMatchObject(
      dataset({
        NumberOfPatientRelatedStudies: 2,
        NumberOfStudyRelatedSeries: 2,
        NumberOfStudyRelatedInstances: 2,
        InstanceAvailability: 'ONLINE',
        RetrieveAETitle: 'VOXGATE',
        AccessionNumber: null,
        ProcedureCodeSequence: [],
        Modality: null,
      }),
    );
  });
});

describe('C-FIND: extended negotiation (PS3.4 C.5.1.1)', () => {
  it('grants what is performed, as many bytes as were asked, and nothing unasked', async () => {
    const { port } = await aFilledNode();
    expect((await FindScu.open(port, { extended: '01010101010101' })).agreed).toBe('01010100000101');
    expect((await FindScu.open(port, { extended: '0001' })).agreed).toBe('0001');
    expect((await FindScu.open(port)).agreed).toBeUndefined();
  });

  it('performs relational queries, combined date and time, fuzzy names and empty values where they were granted', async () => {
    const { port } = await aFilledNode();
    const plain = await FindScu.open(port);
    const all = await FindScu.open(port, { extended: '01010100000101' });
    const relational = { QueryRetrieveLevel: 'SERIES', Modality: 'CT', SeriesInstanceUID: '' };
    expect((await plain.find(relational)).comment).toMatch(/^StudyInstanceUID \(0020,000D\)/);
    expect(values(await all.find(relational), 'SeriesInstanceUID')).toEqual(['1.2.9.1.1', '1.2.9.2.1']);
    const moments = { StudyDate: '20240105-20240107', StudyTime: '1000-0900', StudyInstanceUID: '' };
    expect(values(await plain.find(moments), 'StudyInstanceUID')).toEqual([]);
    expect(values(await all.find(moments), 'StudyInstanceUID')).toEqual(['1.2.9.2', '1.2.9.3']);
    expect((await plain.find({ PatientName: 'jorg mueler' })).answers).toHaveLength(0);
    expect((await all.find({ PatientName: 'jorg mueler' })).answers).toHaveLength(2);
    expect((await plain.find({ AccessionNumber: '""' })).answers).toHaveLength(0);
    expect((await all.find({ AccessionNumber: '""' })).answers).toHaveLength(3);
  });
});

describe('C-FIND: matching (PS3.4 C.2.2.2)', () => {
  it('of every kind', async () => {
    const { port } = await aFilledNode();
    const scu = await FindScu.open(port);
    const kinds: [string, Fields, string[]][] = [
      ['a list of UIDs', { StudyInstanceUID: ['1.2.9.1', '1.2.9.3', '1.2.9.7'] }, ['1.2.9.1', '1.2.9.3']],
      ['wildcards', { PatientID: '?1' }, ['1.2.9.1', '1.2.9.2']],
      ['a leading wildcard', { PatientName: '*ÜLLER*' }, ['1.2.9.1', '1.2.9.2']],
      ['a range of dates', { StudyDate: '20240106-' }, ['1.2.9.2', '1.2.9.3']],
      ['a range of times', { StudyTime: '-0930' }, ['1.2.9.1', '1.2.9.3']],
      ['an ideographic name', { PatientName: '山田*' }, ['1.2.9.3']],
      ['several modalities', { ModalitiesInStudy: ['MR', 'US'] }, ['1.2.9.1', '1.2.9.3']],
      [
        'a code in a sequence',
        { ProcedureCodeSequence: [{ CodeValue: '24627-2', CodingSchemeDesignator: 'LN' }] },
        ['1.2.9.3'],
      ],
      ['another code', { ProcedureCodeSequence: [{ CodeValue: '24627-2', CodingSchemeDesignator: 'X' }] }, []],
    ];
    for (const [kind, keys, expected] of kinds) {
      const found = await scu.find({ StudyInstanceUID: '', ...keys });
      expect([kind, found.status, ...values(found, 'StudyInstanceUID')]).toEqual([kind, 0, ...expected]);
    }
  });

  it('answers a sequence with the keys that were asked for in its item', async () => {
    const { port } = await aFilledNode();
    const scu = await FindScu.open(port);
    const { answers } = await scu.find({
      QueryRetrieveLevel: 'SERIES',
      StudyInstanceUID: '1.2.9.3',
      RequestAttributesSequence: [{ RequestedProcedureID: 'B', RequestedProcedureDescription: '' }],
    });
    expect(answers[0]!.dataset).toMatchObject(
      dataset({
        RequestAttributesSequence: [
          { RequestedProcedureDescription: null, RequestedProcedureID: 'A' },
          { RequestedProcedureDescription: null, RequestedProcedureID: 'B' },
        ],
      }),
    );
    expect(JSON.stringify(answers)).not.toContain('00400009');
  });
});

describe('C-FIND: character sets (PS3.4 C.2.2.2, PS3.3 C.12.1.1.2)', () => {
  it('are those of the request where they have every letter of the answer, else UTF-8', async () => {
    const { port } = await aFilledNode();
    const scu = await FindScu.open(port);
    const sets: [string, string[], string, string[], string][] = [
      ['Latin-1 asked, Latin-1 answered', ['ISO_IR 100'], 'MÜLLER*', ['ISO_IR 100'], 'Müller^Jörg'],
      ['Greek asked in vain: UTF-8', ['ISO_IR 126'], 'M?ller*', ['ISO_IR 192'], 'Müller^Jörg'],
      ['none asked: UTF-8', [], 'muller*', ['ISO_IR 192'], 'Müller^Jörg'],
      [
        'Japanese by code extension, both ways',
        ['', 'ISO 2022 IR 87'],
        '*=山田*',
        ['', 'ISO 2022 IR 87'],
        'Yamada^Tarou=山田^太郎=やまだ^たろう',
      ],
      ['GB18030', ['GB18030'], '*=山田*', ['GB18030'], 'Yamada^Tarou=山田^太郎=やまだ^たろう'],
      ['a set that nobody knows', ['KOI8-R'], 'Yamada*', ['ISO_IR 192'], 'Yamada^Tarou=山田^太郎=やまだ^たろう'],
    ];
    for (const [which, asked, pattern, answered, name] of sets) {
      const { answers, status } = await scu.find({ SpecificCharacterSet: asked, PatientName: pattern }, asked);
      expect(status).toBe(0);
      expect(answers.length).toBeGreaterThan(0);
      expect([which, ...answers[0]!.characterSet]).toEqual([which, ...answered]);
      expect(text(answers[0]!.dataset, 'PatientName')).toBe(name);
    }
  });

  it('always say which they are in', async () => {
    const { port } = await aFilledNode();
    const scu = await FindScu.open(port);
    const { answers } = await scu.find({ StudyInstanceUID: '' });
    expect(answers.map(({ characterSet }) => characterSet.join())).toEqual(['ISO_IR 192', 'ISO_IR 192', 'ISO_IR 192']);
  });
});

describe('C-FIND: many answers', () => {
  it('are given without end, and stop within a second of a C-CANCEL', async () => {
    const { port, databaseUrl } = await aFilledNode();
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query('ALTER TABLE studies DISABLE TRIGGER USER'); // one transaction may not hold so many locks
    await client.query(
      `INSERT INTO studies (study_instance_uid, patient_id, study_date, attributes)
       SELECT '1.2.8.' || n, 'P' || n, '20200101', '{"0020000D":{"vr":"UI","Value":["1.2.8.' || n || '"]}}'
       FROM generate_series(1, 12000) n`,
    );
    await client.end();
    const scu = await FindScu.open(port);
    const { answers, status } = await scu.find({ StudyInstanceUID: '' });
    expect([status, new Set(answers.map(({ dataset: answer }) => text(answer, 'StudyInstanceUID'))).size]).toEqual([
      0, 12003,
    ]);
    const messageId = scu.ask({ StudyInstanceUID: '' });
    let cancelled = 0;
    const cut = await scu.answers((count) => {
      if (count !== 100) return;
      cancelled = Date.now();
      scu.cancel(messageId);
    });
    expect(cut.status).toBe(CANCELLED);
    expect(cut.answers.length).toBeLessThan(12003);
    expect(Date.now() - cancelled).toBeLessThan(1000);
    expect((await scu.find({ StudyInstanceUID: '1.2.8.7' })).answers).toHaveLength(1);
  });
});
