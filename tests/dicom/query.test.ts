import { describe, expect, it } from 'vitest';
import { dataset, type Fields } from '../../src/dicom/build.ts';
import { tagOf } from '../../src/dicom/dictionary.ts';
import { type FindModel, queryFromIdentifier } from '../../src/dicom/find-identifier.ts';
import { answerFindNegotiation, findOptions } from '../../src/dicom/find-negotiation.ts';
import type { Match } from '../../src/dicom/query-match.ts';
import { queryFromParameters } from '../../src/dicom/query-parameters.ts';

function qido(parameters: string, within?: { study?: string; series?: string }) {
  return queryFromParameters('study', new URLSearchParams(parameters), within);
}

function match(parameter: string, value: string): Match | undefined {
  const query = qido(new URLSearchParams({ [parameter]: value }).toString());
  expect(query.ignored).toEqual([]);
  return [...query.filters.values()][0];
}

describe('queryFromParameters (PS3.18 Section 8.3.4)', () => {
  it('reads the study list of OHIF', () => {
    const query = qido('limit=101&offset=0&fuzzymatching=false&includefield=00081030%2C00080060');
    expect(query).toEqual({
      level: 'study',
      filters: new Map(),
      include: ['00081030', '00080060'],
      fuzzy: false,
      combinedDateTime: false,
      limit: 101,
      offset: 0,
      ignored: [],
    });
  });

  it('reads the search of OHIF', () => {
    const query = qido(
      'PatientName=*M**&00100020=*LAB2*&AccessionNumber=*ACC*&ModalitiesInStudy=CT%2CSR&StudyDate=20250101-20261231',
    );
    expect(Object.fromEntries(query.filters)).toEqual({
      '00100010': { kind: 'like', patterns: ['*M*'] },
      '00100020': { kind: 'like', patterns: ['*LAB2*'] },
      '00080050': { kind: 'like', patterns: ['*ACC*'] },
      '00080061': { kind: 'equals', values: ['CT', 'SR'] },
      '00080020': { kind: 'range', from: '20250101', to: '20261231' },
    });
  });

  it.each<[string, string, Match]>([
    ['PatientID', 'x y', { kind: 'equals', values: ['x y'] }],
    ['PatientID', 'a,b', { kind: 'equals', values: ['a,b'] }],
    ['PatientID', 'a\\b', { kind: 'equals', values: ['a', 'b'] }],
    ['PatientID', 'a?', { kind: 'like', patterns: ['a?'] }],
    ['PatientID', '', { kind: 'any' }],
    ['PatientID', '*', { kind: 'any' }],
    ['PatientID', '**', { kind: 'any' }],
    ['PatientID', ' ', { kind: 'any' }],
    ['ModalitiesInStudy', 'C*,SR', { kind: 'like', patterns: ['C*', 'SR'] }],
    ['StudyInstanceUID', '1.2,1.3', { kind: 'equals', values: ['1.2', '1.3'] }],
    ['0020000d', '1.2\\1.3', { kind: 'equals', values: ['1.2', '1.3'] }],
    ['StudyInstanceUID', '*', { kind: 'any' }],
    ['SeriesNumber', '3', { kind: 'equals', values: ['3'] }],
    ['StudyDate', '20250131', { kind: 'equals', values: ['20250131'] }],
    ['StudyDate', '2025.01.31', { kind: 'equals', values: ['20250131'] }],
    ['StudyDate', '-20250131', { kind: 'range', to: '20250131' }],
    ['StudyDate', '20250131-', { kind: 'range', from: '20250131' }],
    ['StudyTime', '10', { kind: 'range', from: '100000', to: '105959.999999' }],
    ['StudyTime', '101112', { kind: 'range', from: '101112', to: '101112.999999' }],
    ['StudyTime', '101112.5', { kind: 'range', from: '101112.5', to: '101112.599999' }],
    ['StudyTime', '1000-1130', { kind: 'range', from: '100000', to: '113059.999999' }],
    ['StudyTime', '10:00:30-', { kind: 'range', from: '100030' }],
    ['AcquisitionDateTime', '20250131101112+0100', { kind: 'equals', values: ['20250131101112+0100'] }],
    ['AcquisitionDateTime', '2025-2026', { kind: 'range', from: '2025', to: '2026' }],
    [
      'AcquisitionDateTime',
      '20250131-0500-20250201-0500',
      { kind: 'range', from: '20250131-0500', to: '20250201-0500' },
    ],
    [
      'StudyDate',
      '20250101\\20250301-',
      {
        kind: 'oneOf',
        matches: [
          { kind: 'equals', values: ['20250101'] },
          { kind: 'range', from: '20250301' },
        ],
      },
    ],
    ['PatientID', '""', { kind: 'equals', values: ['""'] }],
    ['RequestAttributesSequence.ScheduledProcedureStepID', 'a*', { kind: 'like', patterns: ['a*'] }],
  ])('%s=%s', (parameter, value, expected) => {
    expect(match(parameter, value)).toEqual(expected);
  });

  it('names attributes of items by their path', () => {
    const query = qido('00400275.00400009=x&includefield=RequestAttributesSequence.ScheduledProcedureStepID');
    expect([...query.filters.keys()]).toEqual(['00400275.00400009']);
    expect(query.include).toEqual(['00400275.00400009']);
  });

  it('takes what the path names over parameters', () => {
    const query = queryFromParameters('instance', new URLSearchParams('StudyInstanceUID=9'), {
      study: '1.2',
      series: '1.3',
    });
    expect(query.filters.get('0020000D')).toEqual({ kind: 'equals', values: ['1.2'] });
    expect(query.filters.get('0020000E')).toEqual({ kind: 'equals', values: ['1.3'] });
  });

  it('reads includefield in all its forms', () => {
    expect(qido('includefield=StudyDescription&includefield=00080060,Nonsense, ,PatientAge')).toMatchObject({
      include: ['00081030', '00080060', '00101010'],
      ignored: ['includefield=Nonsense'],
    });
    expect(qido('includefield=00080060&includefield=all').include).toBe('all');
  });

  it('passes over what is no attribute, naming it', () => {
    expect(qido('NoSuchThing=1&_=2&PatientID=x')).toMatchObject({ ignored: ['NoSuchThing', '_'] });
  });

  it.each([
    ['limit=-1', 'limit'],
    ['limit=ten', 'limit'],
    ['offset=1.5', 'offset'],
    ['offset=99999999999', 'offset'],
    ['fuzzymatching=yes', 'fuzzymatching'],
    ['emptyvaluematching=1', 'emptyvaluematching'],
    ['StudyInstanceUID=a%20b', 'StudyInstanceUID'],
    ['StudyInstanceUID=1.2*', 'StudyInstanceUID'],
    ['StudyDate=20251301', 'StudyDate'],
    ['StudyDate=2025', 'StudyDate'],
    ['StudyDate=-', 'StudyDate'],
    ['StudyDate=20250101-20250102-20250103', 'StudyDate'],
    ['00080020=2025-01-01', '00080020'],
    ['StudyTime=2560', 'StudyTime'],
    ['AcquisitionDateTime=yesterday', 'AcquisitionDateTime'],
  ])('refuses %s and names %s', (parameters, name) => {
    expect(() => qido(parameters)).toThrow(
      expect.objectContaining({ code: 'bad-request', message: expect.stringMatching(`^${name} must`) }),
    );
  });

  it('asks for what has no value with two quotation marks, where emptyvaluematching says so', () => {
    const { filters } = qido('emptyvaluematching=true&PatientID=""&StudyDate=""&AccessionNumber=A\\""');
    expect(Object.fromEntries(filters)).toEqual({
      '00100020': { kind: 'empty' },
      '00080020': { kind: 'empty' },
      '00080050': { kind: 'oneOf', matches: [{ kind: 'empty' }, { kind: 'equals', values: ['A'] }] },
    });
  });

  it('does not repeat what was asked for in the error', () => {
    expect(() => qido('PatientBirthDate=19700101x')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('1970') }),
    );
  });
});

describe('queryFromIdentifier (PS3.4 Section C.4.1.1.3)', () => {
  const find = (fields: Fields) => queryFromIdentifier(dataset(fields));

  it('matches and returns every key', () => {
    const query = find({
      QueryRetrieveLevel: 'SERIES',
      SpecificCharacterSet: 'ISO_IR 192',
      StudyInstanceUID: '1.2',
      Modality: ['CT', 'MR'],
      SeriesDescription: null,
      SeriesNumber: 3,
      PatientName: 'Mül*',
      StudyDate: '20250101-',
      RequestAttributesSequence: [{ ScheduledProcedureStepID: 'a?' }],
      ReferencedSeriesSequence: [],
    });
    expect(query.level).toBe('series');
    expect(Object.fromEntries(query.filters)).toEqual({
      '0020000D': { kind: 'equals', values: ['1.2'] },
      '00080060': { kind: 'equals', values: ['CT', 'MR'] },
      '0008103E': { kind: 'any' },
      '00200011': { kind: 'equals', values: ['3'] },
      '00100010': { kind: 'like', patterns: ['Mül*'] },
      '00080020': { kind: 'range', from: '20250101' },
      '00400275.00400009': { kind: 'like', patterns: ['a?'] },
      '00081115': { kind: 'any' },
    });
    expect(query.include).toEqual([...query.filters.keys()]);
    expect(query).toMatchObject({ fuzzy: false, offset: 0, ignored: [] });
  });

  it('is the same query as the QIDO-RS request', () => {
    const asked = { PatientID: 'x*', ModalitiesInStudy: 'CT\\SR'.split('\\'), StudyDate: '20250101-20250102' };
    const parameters = 'PatientID=x*&ModalitiesInStudy=CT,SR&StudyDate=20250101-20250102';
    expect([...find({ QueryRetrieveLevel: 'STUDY', ...asked }).filters].sort()).toEqual(
      [...qido(parameters).filters].sort(),
    );
  });

  it.each([
    ['PATIENT', 'patient'],
    ['STUDY', 'study'],
    ['SERIES', 'series'],
    ['IMAGE', 'instance'],
  ])('level %s is %s', (stated, level) => {
    expect(find({ QueryRetrieveLevel: stated, StudyInstanceUID: '1.2' }).level).toBe(level);
  });

  it.each<[Fields, string]>([
    [{}, 'QueryRetrieveLevel'],
    [{ QueryRetrieveLevel: 'constructor' }, 'QueryRetrieveLevel'],
    [{ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: 'x y' }, 'StudyInstanceUID'],
    [{ QueryRetrieveLevel: 'STUDY', StudyInstanceUID: '1.2*' }, 'StudyInstanceUID'],
    [{ QueryRetrieveLevel: 'STUDY', StudyDate: 'x' }, 'StudyDate'],
    [{ QueryRetrieveLevel: 'SERIES', Modality: 'CT' }, 'StudyInstanceUID'],
    [{ QueryRetrieveLevel: 'IMAGE', StudyInstanceUID: '*' }, 'StudyInstanceUID'],
  ])('refuses %j', (fields, name) => {
    expect(() => find(fields)).toThrow(
      expect.objectContaining({ code: 'bad-request', message: expect.stringMatching(`^${name} `) }),
    );
    expect(tagOf(name)).toBeDefined();
  });

  it.each<[FindModel, string, boolean]>([
    ['patient', 'PATIENT', true],
    ['study', 'PATIENT', false],
    ['study', 'SERIES', true],
    ['patient-study-only', 'PATIENT', true],
    ['patient-study-only', 'STUDY', true],
    ['patient-study-only', 'SERIES', false],
  ])('in the model %s the level %s is there: %s (PS3.4 C.6)', (model, QueryRetrieveLevel, isThere) => {
    const identifier = dataset({ QueryRetrieveLevel, StudyInstanceUID: '1.2' });
    if (isThere) expect(queryFromIdentifier(identifier, { model }).filters.size).toBe(1);
    else expect(() => queryFromIdentifier(identifier, { model })).toThrow(/^QueryRetrieveLevel \(0008,0052\) must be/);
  });

  it.each<Fields>([
    { QueryRetrieveLevel: 'STUDY' },
    { QueryRetrieveLevel: 'SERIES', StudyInstanceUID: '1.2' },
    { QueryRetrieveLevel: 'SERIES', StudyInstanceUID: ['1.2', '1.3'] },
    { QueryRetrieveLevel: 'SERIES', SeriesInstanceUID: '1.2' },
    { QueryRetrieveLevel: 'IMAGE', SeriesInstanceUID: '1.2' },
    { QueryRetrieveLevel: 'IMAGE', SOPInstanceUID: '1.2' },
  ])('takes what callers leave out above one unique key (PS3.4 C.4.1.3.1): %j', (fields) => {
    expect(find(fields).filters.size).toBe(Object.keys(fields).length - 1);
  });

  it('asks for no unique key in a relational query', () => {
    const identifier = dataset({ QueryRetrieveLevel: 'SERIES', Modality: 'CT' });
    expect(queryFromIdentifier(identifier, { relational: true }).level).toBe('series');
  });

  it('asks for what has no value where that was agreed on, else for two quotation marks', () => {
    const identifier = dataset({ QueryRetrieveLevel: 'STUDY', PatientID: '""' });
    expect(queryFromIdentifier(identifier, { emptyValue: true }).filters.get('00100020')).toEqual({ kind: 'empty' });
    expect(queryFromIdentifier(identifier).filters.get('00100020')).toEqual({ kind: 'equals', values: ['""'] });
  });
});

describe('extended negotiation of C-FIND (PS3.4 Section C.5.1.1)', () => {
  it.each([
    ['01', '01'],
    ['010101', '010101'],
    ['01010101010101', '01010100000101'],
    ['00000000000000', '00000000000000'],
    ['ff02', '0000'],
    ['0101010101010101', '01010100000101'],
    ['', ''],
  ])('to %s we answer %s: all but time zones and frames, and no more than was asked', (proposed, answer) => {
    expect(answerFindNegotiation(Buffer.from(proposed, 'hex')).toString('hex')).toBe(answer);
  });

  it('is what the identifier is read with', () => {
    expect(findOptions('study', Buffer.from('01000100000100', 'hex'))).toEqual({
      model: 'study',
      relational: true,
      combinedDateTime: false,
      fuzzy: true,
      emptyValue: true,
    });
    expect(findOptions('patient', undefined)).toMatchObject({ relational: false, fuzzy: false });
  });
});
