import { dataset, type Fields } from '../../src/dicom/build.ts';
import { encodeDataSet, encodePart10 } from '../../src/dicom/write.ts';
import { EXPLICIT } from './raw-scu.ts';

export const SECONDARY_CAPTURE = '1.2.840.10008.5.1.4.1.1.7';

/** A small valid image with the attributes a test cares for. */
export function anInstance(fields: Fields = {}): Fields {
  return {
    SOPClassUID: SECONDARY_CAPTURE,
    SOPInstanceUID: '1.2.3.4.1.1.1',
    StudyInstanceUID: '1.2.3.4.1',
    SeriesInstanceUID: '1.2.3.4.1.1',
    PatientName: { Alphabetic: 'TEST^ONE' },
    PatientID: 'T1',
    Modality: 'OT',
    StudyDate: '20260102',
    InstanceNumber: 1,
    SamplesPerPixel: 1,
    PhotometricInterpretation: 'MONOCHROME2',
    Rows: 4,
    Columns: 4,
    BitsAllocated: 8,
    BitsStored: 8,
    HighBit: 7,
    PixelRepresentation: 0,
    ...fields,
  };
}

export function encoded(fields: Fields = {}, pixels: Uint8Array = new Uint8Array(16)): Buffer {
  return encodeDataSet(dataset(anInstance(fields)), { transferSyntaxUid: EXPLICIT, binary: { '7FE00010': pixels } });
}

export function asFile(fields: Fields = {}, pixels: Uint8Array = new Uint8Array(16)): Buffer {
  return encodePart10(dataset(anInstance(fields)), { transferSyntaxUid: EXPLICIT, binary: { '7FE00010': pixels } });
}
