import { describe, expect, it } from 'vitest';
import { dataset } from '../../src/dicom/build.ts';
import { jsonText } from '../../src/dicom/json-text.ts';
import { isPresent, items, number, numbers, text, texts } from '../../src/dicom/read-values.ts';

describe('dataset', () => {
  it('builds the DICOM JSON Model from keywords (PS3.18 Annex F.2)', () => {
    const ds = dataset({
      Rows: 512,
      PatientName: { Alphabetic: 'A^B' },
      PixelSpacing: [0.7, 0.8],
      SegmentSequence: [{ SegmentNumber: 1 }, {}],
      StudyDate: '',
      AccessionNumber: null,
      ReferencedSeriesSequence: [],
      Modality: undefined,
    });
    expect(ds).toEqual({
      '00080020': { vr: 'DA' },
      '00080050': { vr: 'SH' },
      '00081115': { vr: 'SQ' },
      '00100010': { vr: 'PN', Value: [{ Alphabetic: 'A^B' }] },
      '00280010': { vr: 'US', Value: [512] },
      '00280030': { vr: 'DS', Value: [0.7, 0.8] },
      '00620002': { vr: 'SQ', Value: [{ '00620004': { vr: 'US', Value: [1] } }, {}] },
    });
  });

  it('takes person names apart (PS3.5 Section 6.2.1)', () => {
    const ds = dataset({ PatientName: 'Yamada^Tarou=山田^太郎=やまだ^たろう', ReferringPhysicianName: '=X' });
    expect(ds['00100010']?.Value).toEqual([
      { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' },
    ]);
    expect(ds['00080090']?.Value).toEqual([{ Ideographic: 'X' }]);
  });

  it('chooses between US and SS by Pixel Representation or sign (PS3.5 Annex A.1)', () => {
    expect(dataset({ PixelPaddingValue: 0 })['00280120']?.vr).toBe('US');
    expect(dataset({ PixelPaddingValue: -2000 })['00280120']?.vr).toBe('SS');
    expect(dataset({ PixelPaddingValue: 0, PixelRepresentation: 1 })['00280120']?.vr).toBe('SS');
  });

  it('takes tags, bytes and ready-made elements', () => {
    const ds = dataset({
      '0018A001': [{ ContributionDescription: 'x' }],
      ICCProfile: Buffer.from([1, 2, 3]),
      '00091001': { vr: 'FD', Value: [1.5] },
      '00090010': 'MINE',
    });
    expect(ds['0018A001']?.vr).toBe('SQ');
    expect(ds['00282000']).toEqual({ vr: 'OB', InlineBinary: 'AQID' });
    expect(ds['00091001']).toEqual({ vr: 'FD', Value: [1.5] });
    expect(ds['00090010']).toEqual({ vr: 'LO', Value: ['MINE'] });
  });

  it('takes items that are data sets already', () => {
    const item = dataset({ CodeValue: '1', CodeMeaning: 'one' });
    expect(dataset({ ConceptNameCodeSequence: [item] })['0040A043']?.Value).toEqual([item]);
  });

  it('writes what is not finite as words, which JSON can hold', () => {
    expect(
      dataset({ SliceProgressionDirection: 'APEX', RecommendedDisplayFrameRateInFloat: Number.NaN })['00089459'],
    ).toEqual({
      vr: 'FL',
      Value: ['NaN'],
    });
  });

  it.each([
    [{ NoSuchKeyword: 1 }],
    [{ PatientID: 5 }],
    [{ PatientName: 5 }],
    [{ SegmentSequence: ['x'] }],
    [{ '00091001': 1 }],
  ])('refuses %j, being our own mistake', (fields) => {
    expect(() => dataset(fields)).toThrow(TypeError);
  });
});

describe('reading values', () => {
  const ds = dataset({
    PatientName: 'A^B=C',
    ImageType: ['ORIGINAL', '', 'AXIAL'],
    PixelSpacing: [0.5, '0.25'],
    Rows: 3,
    SeriesNumber: null,
    SegmentSequence: [{ SegmentNumber: 1 }],
  });

  it('gives text, numbers and items', () => {
    expect(text(ds, 'PatientName')).toBe('A^B=C');
    expect(texts(ds, 'ImageType')).toEqual(['ORIGINAL', '', 'AXIAL']);
    expect(number(ds, 'Rows')).toBe(3);
    expect(text(ds, '00280010')).toBe('3');
    expect(numbers(ds, 'PixelSpacing')).toEqual([0.5, 0.25]);
    expect(items(ds, 'SegmentSequence').map((one) => number(one, 'SegmentNumber'))).toEqual([1]);
  });

  it('tells empty from absent', () => {
    expect(text(ds, 'SeriesNumber')).toBeUndefined();
    expect(isPresent(ds, 'SeriesNumber')).toBe(true);
    expect(isPresent(ds, 'Columns')).toBe(false);
    expect(items(ds, 'ReferencedSeriesSequence')).toEqual([]);
  });

  it('has no number where there is none', () => {
    expect(number(ds, 'PatientName')).toBeUndefined();
    expect(numbers(ds, 'ImageType')).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  });

  it('refuses a keyword that does not exist', () => {
    expect(() => text(ds, 'PatientNmae')).toThrow(TypeError);
  });
});

describe('jsonText', () => {
  it('orders attributes at every level, also those whose tags look like array indexes (PS3.18 Section F.2.2)', () => {
    const ds = dataset({
      ROIContourSequence: [{ ReferencedROINumber: 1, '00080005': 'ISO_IR 192' }, {}],
      PatientID: 'x',
      StudyDate: '20200101',
    });
    expect(Object.keys(ds)[0]).toBe('30060039');
    const json = jsonText(ds);
    expect(json).toBe(
      '{"00080020":{"vr":"DA","Value":["20200101"]},"00100020":{"vr":"LO","Value":["x"]},"30060039":{"vr":"SQ","Value":[' +
        '{"00080005":{"vr":"CS","Value":["ISO_IR 192"]},"30060084":{"vr":"IS","Value":[1]}},{}]}}',
    );
    expect(JSON.parse(json)).toEqual(ds);
  });
});
