import { inflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { dataset, type Fields } from '../../src/dicom/build.ts';
import { readBulk } from '../../src/dicom/bulk.ts';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { decimalString } from '../../src/dicom/encode-values.ts';
import { bufferSource, parseDataSet, parsePart10 } from '../../src/dicom/parse.ts';
import { text } from '../../src/dicom/read-values.ts';
import {
  DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
  EXPLICIT_VR_LITTLE_ENDIAN,
  IMPLICIT_VR_LITTLE_ENDIAN,
} from '../../src/dicom/transfer-syntaxes.ts';
import { encodeDataSet, encodePart10, fileMeta } from '../../src/dicom/write.ts';

const SYNTAXES = [IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN, DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN];

/** One attribute of every VR that implicit VR data can hold, empty ones, nulls, items in items. */
const EVERYTHING = dataset({
  SpecificCharacterSet: 'ISO_IR 192',
  ImageType: ['ORIGINAL', '', 'AXIAL'],
  SOPClassUID: '1.2.840.10008.5.1.4.1.1.2',
  SOPInstanceUID: '1.2.3',
  StudyDate: '20200229',
  StudyTime: '101112.5',
  AcquisitionDateTime: '20200229101112.5+0100',
  RetrieveAETitle: 'VOXGATE',
  PatientName: 'Müller^Jörg=山田^太郎',
  PatientID: 'x',
  PatientAge: '042Y',
  PatientComments: 'one\r\ntwo\\not two values',
  SeriesNumber: -7,
  PixelSpacing: [0.7, -1e-12],
  Rows: 65535,
  SmallestImagePixelValue: 3,
  ReferencedFrameNumber: [1, 2, 3],
  FrameIncrementPointer: ['00181063', '00181065'],
  SimpleFrameList: [4294967295, 0],
  RecommendedDisplayFrameRateInFloat: 0.1,
  BluePaletteColorLookupTableDescriptor: [256, 0, 8],
  DiffusionBValue: 1 / 3,
  SelectorUVValue: [1, '18446744073709551615'],
  SelectorSVValue: [-1, '-9223372036854775808'],
  SelectorSLValue: [-2147483648, 2147483647],
  SelectorSSValue: [-32768, 32767],
  SelectorFDValue: ['NaN', 'Infinity', '-Infinity', 1.5],
  SelectorURValue: 'http://example.org/a?b=c',
  SelectorUCValue: ['long', 'ÄÖÜ'],
  StrainDescription: 'x'.repeat(70_000),
  ICCProfile: Buffer.from([1, 2, 3, 4]),
  ReferencedSeriesSequence: [],
  StudyDescription: null,
  SegmentSequence: [{}, { SegmentNumber: 1, AnatomicRegionSequence: [{ CodeMeaning: 'Körper' }, {}] }],
} satisfies Fields);

function readBack(bytes: Buffer, transferSyntaxUid: string): JsonDataset {
  const parsed = parseDataSet(bufferSource(bytes), { transferSyntaxUid });
  expect(parsed.warnings).toEqual([]);
  expect(parsed.complete).toBe(true);
  return parsed.dataset;
}

describe('encodeDataSet (PS3.5 Section 7)', () => {
  it.each(SYNTAXES)('writes what is read back as the same data set in %s', (transferSyntaxUid) => {
    expect(readBack(encodeDataSet(EVERYTHING, { transferSyntaxUid }), transferSyntaxUid)).toEqual(EVERYTHING);
  });

  it('keeps an empty item of a sequence, and an empty sequence', () => {
    const ds = dataset({ SegmentSequence: [{}], ReferencedSeriesSequence: [] });
    for (const transferSyntaxUid of SYNTAXES) {
      expect(readBack(encodeDataSet(ds, { transferSyntaxUid }), transferSyntaxUid)).toEqual(ds);
    }
  });

  it('writes attributes in ascending order, whatever order the object has them in', () => {
    const ds = dataset({ ROIContourSequence: [], PatientID: 'x' });
    const bytes = encodeDataSet(ds, { transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN });
    expect(bytes.toString('latin1')).toBe('\x10\0\x20\0LO\x02\0x \x06\x30\x39\0SQ\0\0\0\0\0\0');
  });

  it('pads to even length: UI and bytes with NUL, text with a space (PS3.5 Section 6.2)', () => {
    const ds = dataset({ SOPInstanceUID: '1.2', PatientID: 'abc', ICCProfile: Buffer.from([1]) });
    const bytes = encodeDataSet(ds, { transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN }).toString('latin1');
    expect(bytes).toContain('UI\x04\x001.2\0');
    expect(bytes).toContain('LO\x04\0abc ');
    expect(bytes).toContain('OB\0\0\x02\0\0\0\x01\0');
  });

  it('says ISO_IR 192 where text is not ASCII, also in place of another set, also in items (PS3.3 C.12.1.1.2)', () => {
    const wide = dataset({
      SpecificCharacterSet: 'ISO_IR 100',
      SegmentSequence: [{ SpecificCharacterSet: 'ISO_IR 144', SegmentLabel: 'Ж' }],
    });
    const bytes = encodeDataSet(wide, { transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN });
    const parsed = parseDataSet(bufferSource(bytes), { transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN });
    expect(parsed.characterSet).toEqual(['ISO_IR 192']);
    expect(bytes.toString('latin1')).not.toContain('ISO_IR 1\x34');
    expect(parsed.dataset['00620002']?.Value?.[0]).toMatchObject({ '00620005': { Value: ['Ж'] } });
    const plain = encodeDataSet(dataset({ PatientID: 'x' }), { transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN });
    expect(plain.toString('latin1')).not.toContain('ISO_IR');
  });

  it('writes a value over 64 KiB of a VR with a 16-bit length as UN (PS3.5 Section 6.2.2, CP-1066)', () => {
    const ds = dataset({ ContourData: Array.from({ length: 20_000 }, (_, i) => i + 0.25) });
    const bytes = encodeDataSet(ds, { transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN });
    expect(bytes.toString('latin1', 4, 8)).toBe('UN\0\0');
    expect(readBack(bytes, EXPLICIT_VR_LITTLE_ENDIAN)).toEqual(ds);
  });

  it('leaves group lengths out (PS3.5 Section 7.2)', () => {
    const ds = { '00080000': { vr: 'UL', Value: [1] }, '00100020': { vr: 'LO', Value: ['x'] } } as const;
    expect(encodeDataSet(ds, { transferSyntaxUid: IMPLICIT_VR_LITTLE_ENDIAN })).toHaveLength(10);
  });

  it('takes the bytes of values that are elsewhere, nested ones too', () => {
    const ds: JsonDataset = {
      '00081140': { vr: 'SQ', Value: [{ '00420011': { vr: 'OB', BulkDataURI: 'bulkdata/00081140/0/00420011' } }] },
      '00280100': { vr: 'US', Value: [16] },
    };
    const binary = { '00081140/0/00420011': Buffer.alloc(3000, 7), '7FE00010': Buffer.alloc(100_000, 1) };
    const bytes = encodeDataSet(ds, { transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN, binary });
    const source = bufferSource(bytes);
    const parsed = parseDataSet(source, { transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN });
    expect(parsed.dataset['7FE00010']?.vr).toBe('OW');
    expect(
      [...parsed.bulk].map(([path, value]) => [
        path,
        readBulk(value, source).equals(binary[path as keyof typeof binary]),
      ]),
    ).toEqual([
      ['00081140/0/00420011', true],
      ['7FE00010', true],
    ]);
    expect(() => encodeDataSet(ds, { transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN })).toThrow(TypeError);
  });

  it.each([
    ['00280010', 'US', 65536],
    ['00280106', 'SS', -32769],
    ['00720082', 'SV', '9223372036854775808'],
    ['00280010', 'US', 1.5],
    ['00189459', 'FL', 'one'],
  ] as const)('refuses a value of %s (%s) that does not fit: %j', (tag, vr, value) => {
    expect(() =>
      encodeDataSet({ [tag]: { vr, Value: [value] } }, { transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN }),
    ).toThrow(TypeError);
  });

  it('writes 8-bit pixels as OB in explicit and OW in implicit VR (PS3.5 Annexes A.1 and A.2)', () => {
    const ds = dataset({ BitsAllocated: 8 });
    const binary = { '7FE00010': Buffer.from([1, 2]) };
    const vr = (transferSyntaxUid: string) =>
      parseDataSet(bufferSource(encodeDataSet(ds, { transferSyntaxUid, binary })), { transferSyntaxUid }).dataset[
        '7FE00010'
      ]?.vr;
    expect(vr(EXPLICIT_VR_LITTLE_ENDIAN)).toBe('OB');
    expect(vr(IMPLICIT_VR_LITTLE_ENDIAN)).toBe('OW');
  });

  it('refuses transfer syntaxes it does not write', () => {
    for (const transferSyntaxUid of ['1.2.840.10008.1.2.2', '1.2.3']) {
      expect(() => encodeDataSet({}, { transferSyntaxUid })).toThrow(
        expect.objectContaining({ code: 'not-acceptable' }),
      );
    }
  });

  it.each<[Fields]>([
    [{ Rows: 'many' }],
    [{ Rows: 1.5 }],
    [{ Rows: 65536 }],
    [{ Rows: -1 }],
    [{ SeriesNumber: 1.5 }],
    [{ FrameIncrementPointer: 'x' }],
  ])('refuses %j, which does not fit its VR', (fields) => {
    expect(() => encodeDataSet(dataset(fields), { transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN })).toThrow();
  });
});

describe('encodePart10 (PS3.10 Section 7)', () => {
  it('writes preamble, prefix and File Meta Information with its length', () => {
    const file = encodePart10(EVERYTHING);
    expect(file.subarray(0, 128).equals(Buffer.alloc(128))).toBe(true);
    expect(file.toString('latin1', 128, 132)).toBe('DICM');
    const parsed = parsePart10(bufferSource(file));
    expect(parsed.warnings).toEqual([]);
    expect(parsed.transferSyntaxUid).toBe(EXPLICIT_VR_LITTLE_ENDIAN);
    expect(text(parsed.meta, 'MediaStorageSOPInstanceUID')).toBe('1.2.3');
    expect(text(parsed.meta, 'ImplementationVersionName')).toBe('VOXGATE_0_1');
    expect(parsed.dataset).toEqual(EVERYTHING);
  });

  it('puts the same header before a data set as received', () => {
    const meta = fileMeta({
      sopClassUid: '1.2',
      sopInstanceUid: '1.2.3',
      transferSyntaxUid: IMPLICIT_VR_LITTLE_ENDIAN,
      sourceAeTitle: 'PEER',
    });
    const parsed = parsePart10(
      bufferSource(Buffer.concat([meta, encodeDataSet(EVERYTHING, { transferSyntaxUid: IMPLICIT_VR_LITTLE_ENDIAN })])),
    );
    expect(parsed.dataSetOffset).toBe(meta.length);
    expect(text(parsed.meta, 'SourceApplicationEntityTitle')).toBe('PEER');
    expect(parsed.dataset).toEqual(EVERYTHING);
  });

  it('deflates (PS3.5 Annex A.5) to an even number of bytes', () => {
    const bytes = encodeDataSet(EVERYTHING, { transferSyntaxUid: DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN });
    expect(bytes.length % 2).toBe(0);
    expect(
      inflateRawSync(bytes).equals(encodeDataSet(EVERYTHING, { transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN })),
    ).toBe(true);
  });
});

describe('Decimal Strings (PS3.5 Section 6.2)', () => {
  it.each([
    [0.1, '0.1'],
    [1 / 3, '0.33333333333333'],
    [-1 / 3, '-0.3333333333333'],
    [1e-7 / 3, '3.33333333333e-8'],
    [-1.23456789012345e-300, '-1.23456789e-300'],
    [2 ** 57, '1.4411518808e+17'],
    [-0, '0'],
  ])('%s is written as %s', (value, expected) => {
    expect(expected.length).toBeLessThanOrEqual(16);
    expect(decimalString(value)).toBe(expected);
  });

  it('cannot be what is not finite', () => {
    expect(() => decimalString(Number.NaN)).toThrow(TypeError);
  });
});
