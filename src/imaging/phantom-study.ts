import { dataset } from '../dicom/build.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transfer-syntaxes.ts';
import { deterministicUid } from '../dicom/uid.ts';
import { encodePart10 } from '../dicom/write.ts';
import { type PhantomOptions, phantomGrid, phantomSlices } from './phantom.ts';

export interface PhantomInstance {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  /** A PS3.10 file. */
  readonly bytes: Buffer;
}

const CT_IMAGE_STORAGE = '1.2.840.10008.5.1.4.1.1.2';
/** Stored value = HU − intercept, so that all are positive: as scanners do. */
const INTERCEPT = -1024;
const BITS_STORED = 12;
const HIGHEST = 2 ** BITS_STORED - 1;

/**
 * The phantom as a CT series of one study, one instance a slice, feet to head. The same options give the same bytes
 * and UIDs; another seed gives another patient and study.
 */
export function* phantomStudy(options: PhantomOptions): Generator<PhantomInstance> {
  const grid = phantomGrid(options);
  const uid = (...what: string[]) => deterministicUid('voxgate phantom', JSON.stringify(options), ...what);
  const seed = options.seed ?? 1;
  const study = { studyInstanceUid: uid('study'), seriesInstanceUid: uid('series') };
  let slice = 0;
  for (const hu of phantomSlices(options)) {
    const stored = Uint16Array.from(hu, (value) => Math.min(HIGHEST, Math.max(0, value - INTERCEPT)));
    const z = grid.origin[2] + slice * grid.sliceSpacing;
    const sopInstanceUid = uid('instance', String(slice));
    const header = dataset({
      ImageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
      SOPClassUID: CT_IMAGE_STORAGE,
      SOPInstanceUID: sopInstanceUid,
      StudyDate: '20260101',
      SeriesDate: '20260101',
      AcquisitionDate: '20260101',
      ContentDate: '20260101',
      StudyTime: '080000',
      SeriesTime: '080000',
      ContentTime: '080000',
      AccessionNumber: null,
      Modality: 'CT',
      Manufacturer: 'Voxgate contributors',
      ManufacturerModelName: 'Phantom',
      ReferringPhysicianName: null,
      StudyDescription: 'Voxgate commissioning phantom',
      SeriesDescription: 'Synthetic chest, no patient',
      PatientName: { Alphabetic: 'PHANTOM^VOXGATE' },
      PatientID: `VOXGATE-PHANTOM-${seed}`,
      PatientBirthDate: null,
      PatientSex: 'O',
      BodyPartExamined: 'CHEST',
      SliceThickness: grid.sliceSpacing,
      KVP: 120,
      PatientPosition: 'HFS',
      StudyInstanceUID: study.studyInstanceUid,
      SeriesInstanceUID: study.seriesInstanceUid,
      StudyID: '1',
      SeriesNumber: 1,
      AcquisitionNumber: 1,
      InstanceNumber: grid.slices - slice,
      ImagePositionPatient: [grid.origin[0], grid.origin[1], z],
      ImageOrientationPatient: [...grid.rowDirection, ...grid.columnDirection],
      FrameOfReferenceUID: uid('frame of reference'),
      PositionReferenceIndicator: null,
      SamplesPerPixel: 1,
      PhotometricInterpretation: 'MONOCHROME2',
      Rows: grid.rows,
      Columns: grid.columns,
      PixelSpacing: [grid.rowSpacing, grid.columnSpacing],
      BitsAllocated: 16,
      BitsStored: BITS_STORED,
      HighBit: BITS_STORED - 1,
      PixelRepresentation: 0,
      RescaleIntercept: INTERCEPT,
      RescaleSlope: 1,
      RescaleType: 'HU',
      WindowCenter: -400,
      WindowWidth: 1600,
    });
    const bytes = encodePart10(header, {
      transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN,
      binary: { '7FE00010': littleEndian(stored) },
    });
    yield { ...study, sopInstanceUid, bytes };
    slice += 1;
  }
}

/** Node runs on little endian machines only in practice; a big endian one must not write mirrored pixels. */
function littleEndian(samples: Uint16Array): Uint8Array {
  const bytes = Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength);
  return new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? bytes : bytes.swap16();
}
