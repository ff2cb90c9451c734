import { describe, expect, it } from 'vitest';
import { dataset, type Fields } from '../../src/dicom/build.ts';
import { sliceHeaderOf } from '../../src/imaging/slice-header.ts';

const EXPLICIT = '1.2.840.10008.1.2.1';
const headerOf = (fields: Fields) => sliceHeaderOf(dataset(fields), EXPLICIT);

const CT: Fields = {
  SOPInstanceUID: '1.2.3',
  Modality: 'CT',
  ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
  Rows: 512,
  Columns: 256,
  SamplesPerPixel: 1,
  PhotometricInterpretation: 'MONOCHROME2',
  BitsAllocated: 16,
  BitsStored: 12,
  HighBit: 11,
  PixelRepresentation: 1,
  RescaleSlope: 1,
  RescaleIntercept: -1024,
  RescaleType: 'HU',
  ImagePositionPatient: [-100.5, 20, 3],
  ImageOrientationPatient: [1, 0, 0, 0, 0.8, -0.6],
  PixelSpacing: [1.3, 0.7],
  FrameOfReferenceUID: '1.2.3.4',
};

describe('The header of one slice', () => {
  it('has what the Image Pixel and Image Plane modules say (PS3.3 C.7.6.3, C.7.6.2)', () => {
    expect(headerOf(CT)).toMatchObject({
      sopInstanceUid: '1.2.3',
      rows: 512,
      columns: 256,
      numberOfFrames: 1,
      bitsStored: 12,
      highBit: 11,
      pixelRepresentation: 1,
      rescaleSlope: 1,
      rescaleIntercept: -1024,
      rescaleType: 'HU',
      rescaleAssumed: false,
      position: [-100.5, 20, 3],
      rowDirection: [1, 0, 0],
      columnDirection: [0, 0.8, -0.6],
      pixelSpacing: [1.3, 0.7],
      transferSyntaxUid: EXPLICIT,
    });
  });

  it('says when a CT has no rescale; other modalities need none', () => {
    const bare = { ...CT, RescaleSlope: undefined, RescaleIntercept: undefined };
    expect(headerOf(bare)).toMatchObject({ rescaleSlope: 1, rescaleIntercept: 0, rescaleAssumed: true });
    expect(headerOf({ ...bare, Modality: 'MR' })).toMatchObject({
      rescaleSlope: 1,
      rescaleIntercept: 0,
      rescaleAssumed: false,
    });
    expect(headerOf({ ...bare, ModalityLUTSequence: [{ ModalityLUTType: 'HU' }] })).toMatchObject({
      rescaleAssumed: false,
      hasModalityLut: true,
    });
  });

  it.each<[string, Fields, object | undefined]>([
    ['a signed value', { PixelPaddingValue: -2000 }, { low: -2000, high: -2000 }],
    [
      'a signed value that was written unsigned',
      { PixelPaddingValue: { vr: 'US', Value: [63536] } },
      { low: -2000, high: -2000 },
    ],
    [
      'an unsigned value that was written signed',
      { PixelRepresentation: 0, PixelPaddingValue: { vr: 'SS', Value: [-1] } },
      { low: 65535, high: 65535 },
    ],
    [
      'a range, whichever end comes first',
      { PixelPaddingValue: -1000, PixelPaddingRangeLimit: -1024 },
      { low: -1024, high: -1000 },
    ],
    ['no value', {}, undefined],
  ])('reads pixel padding: %s (PS3.3 C.7.5.1.1.2)', (_, fields, padding) => {
    expect(headerOf({ ...CT, ...fields }).pixelPadding).toEqual(padding);
  });

  it('leaves out geometry that is incomplete or no number', () => {
    const header = headerOf({
      ...CT,
      ImagePositionPatient: [1, 2],
      ImageOrientationPatient: [1, 0, 0],
      PixelSpacing: [0.7],
    });
    expect([header.position, header.rowDirection, header.columnDirection, header.pixelSpacing]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
    const spoilt = { '00200032': { vr: 'DS', Value: [1, 2, 'x'] } } as const;
    expect(sliceHeaderOf({ ...dataset(CT), ...spoilt }, EXPLICIT).position).toBeUndefined();
  });

  it('of an empty data set is empty, not an error', () => {
    expect(sliceHeaderOf({}, EXPLICIT)).toMatchObject({
      rows: 0,
      columns: 0,
      bitsAllocated: 0,
      samplesPerPixel: 1,
      numberOfFrames: 1,
    });
  });
});
