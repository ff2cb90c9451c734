import { describe, expect, it } from 'vitest';
import { dataset, type Fields } from '../../src/dicom/build.ts';
import { isPresent, items, text, texts } from '../../src/dicom/read-values.ts';
import { encodeDataSet } from '../../src/dicom/write.ts';
import { frameOfReference, lossyHistory, patientAndStudy } from '../../src/results/patient-study.ts';

const STUDY = '1.2.3';

function copied(attributes: Fields) {
  const { fields, repaired } = patientAndStudy(dataset({ StudyInstanceUID: STUDY, ...attributes }));
  return { ds: dataset(fields), repaired };
}

describe('Patient and Study attributes copied from the source (PS3.3 C.7.1.1, C.7.2.1)', () => {
  it('copies fit values as they are', () => {
    const { ds, repaired } = copied({
      PatientName: { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' },
      PatientID: 'P 1',
      PatientBirthDate: '19500607',
      PatientSex: 'O',
      StudyTime: '1015',
      StudyID: '1234567890123456',
      AccessionNumber: 'A-1',
      OtherPatientIDsSequence: [{ PatientID: 'X', TypeOfPatientID: 'TEXT' }],
      DeidentificationMethod: ['one', 'two'],
    });
    expect(repaired).toEqual([]);
    expect(text(ds, 'PatientName')).toBe('Yamada^Tarou=山田^太郎=やまだ^たろう');
    expect(text(ds, 'StudyTime')).toBe('1015');
    expect(text(ds, 'StudyID')).toBe('1234567890123456');
    expect(text(items(ds, 'OtherPatientIDsSequence')[0]!, 'PatientID')).toBe('X');
    expect(texts(ds, 'DeidentificationMethod')).toEqual(['one', 'two']);
  });

  it('has every type 2 attribute, empty where the source is empty or lacks it, without calling that a repair', () => {
    const { ds, repaired } = copied({ PatientName: { Alphabetic: '  ' }, PatientID: null });
    for (const keyword of [
      'PatientName',
      'PatientID',
      'PatientBirthDate',
      'PatientSex',
      'StudyDate',
      'StudyTime',
      'ReferringPhysicianName',
      'StudyID',
      'AccessionNumber',
    ]) {
      expect(isPresent(ds, keyword), keyword).toBe(true);
      expect(texts(ds, keyword), keyword).toEqual([]);
    }
    expect(repaired).toEqual([]);
  });

  it.each([
    ['PatientBirthDate', '1950.06.07', '19500607', '00100030'],
    ['StudyTime', '10:15:30.5', '101530.5', '00080030'],
    ['PatientAge', '42y', '042Y', '00101010'],
    ['PatientSex', 'f', 'F', '00100040'],
    ['StudyDescription', 'x'.repeat(70), 'x'.repeat(64), '00081030'],
  ])('repairs %s %j to %j and names the tag', (keyword, value, expected, tag) => {
    const { ds, repaired } = copied({ [keyword]: value });
    expect(text(ds, keyword)).toBe(expected);
    expect(repaired).toEqual([tag]);
  });

  it.each([
    ['StudyID', '12345678901234567', '00200010'],
    ['AccessionNumber', 'x'.repeat(17), '00080050'],
    ['PatientBirthDate', '19500231', '00100030'],
    ['StudyDate', '2025-3-4', '00080020'],
    ['StudyTime', '2561', '00080030'],
    ['PatientSex', 'FEMALE', '00100040'],
  ])('blanks %s %j, whose meaning it could only guess, and names the tag', (keyword, value, tag) => {
    const { ds, repaired } = copied({ [keyword]: value });
    expect(isPresent(ds, keyword)).toBe(true);
    expect(text(ds, keyword)).toBeUndefined();
    expect(repaired).toEqual([tag]);
  });

  it('leaves optional attributes out that are unfit or empty', () => {
    const { ds, repaired } = copied({ PatientAge: 'old', PatientWeight: 'heavy', EthnicGroup: null });
    expect(['PatientAge', 'PatientWeight', 'EthnicGroup'].some((keyword) => isPresent(ds, keyword))).toBe(false);
    expect(repaired).toEqual(['00101010', '00101030']);
  });

  it('never changes Patient ID: under another one the result would be another patient’s', () => {
    const long = 'P'.repeat(80);
    const { ds, repaired } = copied({ PatientID: long });
    expect(text(ds, 'PatientID')).toBe(long);
    expect(repaired).toEqual([]);
  });

  it('says that the method of de-identification is not stated where the source claims one without naming it', () => {
    const { ds, repaired } = copied({ PatientIdentityRemoved: 'YES', DeidentificationMethod: null });
    expect(text(ds, 'DeidentificationMethod')).toBe('Not stated in the source');
    expect(repaired).toEqual(['00120063']);
  });

  it('copies a sequence whole or not at all', () => {
    const { ds, repaired } = copied({
      ProcedureCodeSequence: [{ CodeValue: '1', CodeMeaning: 'no scheme' }],
      ReferencedStudySequence: [{ ReferencedSOPInstanceUID: '1.2' }],
      IssuerOfPatientIDQualifiersSequence: [
        { UniversalEntityID: '1.2.3', UniversalEntityIDType: 'ISO', '00091001': { vr: 'LO', Value: ['private'] } },
      ],
    });
    expect(isPresent(ds, 'ProcedureCodeSequence')).toBe(false);
    expect(isPresent(ds, 'ReferencedStudySequence')).toBe(false);
    expect(repaired).toEqual(['00081110', '00081032']);
    const [qualifiers] = items(ds, 'IssuerOfPatientIDQualifiersSequence');
    expect(Object.keys(qualifiers!)).toEqual(['00400032', '00400033']);
  });

  it('survives a header of nonsense', () => {
    const { ds } = copied({
      '00100010': { vr: 'UN', InlineBinary: 'AAEC' },
      '00100030': { vr: 'SQ', Value: [{}] },
      '00101002': { vr: 'LO', Value: ['not a sequence'] },
      '00100020': { vr: 'LO', Value: [{ '00100010': { vr: 'PN' } }] },
      '00100040': { vr: 'CS', Value: [7] },
      '00101030': { vr: 'DS', Value: [Number.NaN] },
      '00081032': { vr: 'SQ', Value: [nested(70)] },
    });
    for (const keyword of ['PatientName', 'PatientID', 'PatientBirthDate', 'PatientSex', 'PatientWeight']) {
      expect(text(ds, keyword), keyword).toBeUndefined();
    }
    expect(isPresent(ds, 'OtherPatientIDsSequence')).toBe(false);
    expect(isPresent(ds, 'ProcedureCodeSequence')).toBe(false);
    expect(() => encodeDataSet(ds, { transferSyntaxUid: '1.2.840.10008.1.2.1' })).not.toThrow();
  });

  it.each([undefined, '', 'not a UID'])('refuses a source whose Study Instance UID is %j', (uid) => {
    expect(() => patientAndStudy(dataset({ StudyInstanceUID: uid }))).toThrow(
      expect.objectContaining({ code: 'unidentifiable', message: expect.stringContaining('(0020,000D)') }),
    );
  });
});

function nested(depth: number): Fields & { [tag: string]: never } {
  let item: object = {};
  for (let i = 0; i < depth; i += 1) item = { '00081032': { vr: 'SQ', Value: [item] } };
  return item as never;
}

describe('Frame of Reference (PS3.3 C.7.4.1)', () => {
  it('is the source’s, with an empty Position Reference Indicator kept', () => {
    const ds = dataset(frameOfReference(dataset({ FrameOfReferenceUID: '1.2.9', PositionReferenceIndicator: null })));
    expect(text(ds, 'FrameOfReferenceUID')).toBe('1.2.9');
    expect(isPresent(ds, 'PositionReferenceIndicator')).toBe(true);
  });

  it('is never made up', () => {
    expect(frameOfReference(dataset({}))).toEqual({});
  });
});

describe('Lossy Image Compression (PS3.3 C.8.20.2)', () => {
  it('stays 01 with ratio and method of the source', () => {
    const ds = dataset(
      lossyHistory(
        dataset({
          LossyImageCompression: '01',
          LossyImageCompressionRatio: ['12.5', '3'],
          LossyImageCompressionMethod: ['ISO_10918_1', 'ISO_15444_1'],
        }),
      ),
    );
    expect(text(ds, 'LossyImageCompression')).toBe('01');
    expect(texts(ds, 'LossyImageCompressionRatio')).toEqual(['12.5', '3']);
    expect(texts(ds, 'LossyImageCompressionMethod')).toEqual(['ISO_10918_1', 'ISO_15444_1']);
  });

  it('is 00 where the source says nothing', () => {
    expect(lossyHistory(dataset({}))).toEqual({ LossyImageCompression: '00' });
  });
});
