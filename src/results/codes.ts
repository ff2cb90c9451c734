import type { Fields } from '../dicom/build.ts';
import type { Code } from './types.ts';

/**
 * The codes in our objects: DICOM's own (DCM, PS3.16 Annex D), SNOMED CT (SCT, through the context groups of PS3.16
 * Annex B), LOINC (LN) for procedures, UCUM for units. Meanings are those of the context groups: some viewers match them.
 */
const dcm = (value: string, meaning: string): Code => ({ value, scheme: 'DCM', meaning });
const sct = (value: string, meaning: string): Code => ({ value, scheme: 'SCT', meaning });
const ln = (value: string, meaning: string): Code => ({ value, scheme: 'LN', meaning });
const ucum = (value: string, meaning: string): Code => ({ value, scheme: 'UCUM', meaning });

/** Document titles, containers and concept names of TID 1500, 1600, 1411, 1501 and what they include. */
export const CONCEPT = {
  imagingMeasurementReport: dcm('126000', 'Imaging Measurement Report'),
  language: dcm('121049', 'Language of Content Item and Descendants'),
  observerType: dcm('121005', 'Observer Type'),
  deviceObserverUid: dcm('121012', 'Device Observer UID'),
  deviceObserverName: dcm('121013', 'Device Observer Name'),
  deviceObserverManufacturer: dcm('121014', 'Device Observer Manufacturer'),
  deviceObserverModelName: dcm('121015', 'Device Observer Model Name'),
  deviceObserverSerialNumber: dcm('121016', 'Device Observer Serial Number'),
  procedureReported: dcm('121058', 'Procedure reported'),
  imageLibrary: dcm('111028', 'Image Library'),
  imageLibraryGroup: dcm('126200', 'Image Library Group'),
  modality: dcm('121139', 'Modality'),
  studyDate: dcm('111060', 'Study Date'),
  frameOfReferenceUid: dcm('112227', 'Frame of Reference UID'),
  pixelDataRows: dcm('110910', 'Pixel Data Rows'),
  pixelDataColumns: dcm('110911', 'Pixel Data Columns'),
  horizontalPixelSpacing: dcm('111026', 'Horizontal Pixel Spacing'),
  verticalPixelSpacing: dcm('111066', 'Vertical Pixel Spacing'),
  spacingBetweenSlices: dcm('112226', 'Spacing between slices'),
  imagingMeasurements: dcm('126010', 'Imaging Measurements'),
  measurementGroup: dcm('125007', 'Measurement Group'),
  trackingIdentifier: dcm('112039', 'Tracking Identifier'),
  trackingUniqueIdentifier: dcm('112040', 'Tracking Unique Identifier'),
  finding: dcm('121071', 'Finding'),
  findingSite: sct('363698007', 'Finding Site'),
  laterality: sct('272741003', 'Laterality'),
  algorithmName: dcm('111001', 'Algorithm Name'),
  algorithmVersion: dcm('111003', 'Algorithm Version'),
  algorithmParameters: dcm('111002', 'Algorithm Parameters'),
  algorithmFamily: dcm('111000', 'Algorithm Family'),
  algorithmManufacturer: dcm('122405', 'Algorithm Manufacturer'),
  referencedSegment: dcm('121191', 'Referenced Segment'),
  sourceSeriesForSegmentation: dcm('121232', 'Source series for segmentation'),
  derivation: dcm('121401', 'Derivation'),
  imageRegion: dcm('111030', 'Image Region'),
  area: sct('42798000', 'Area'),
  volume: sct('118565006', 'Volume'),
  longAxis: sct('103339001', 'Long Axis'),
  shortAxis: sct('103340004', 'Short Axis'),
  maximumDiameter: { value: 'L0JK', scheme: 'IBSI', meaning: 'Maximum 3D Diameter of a Mesh' },
  surface: { value: 'C0JK', scheme: 'IBSI', meaning: 'Surface Area of Mesh' },
  probability: dcm('122157', 'Probability'),
  suvBw: dcm('126401', 'SUVbw'),
  suvLbm: dcm('126402', 'SUVlbm'),
  suvBsa: dcm('126403', 'SUVbsa'),
  rejectedForQuality: dcm('113001', 'Rejected for Quality Reasons'),
  keyObjectDescription: dcm('113012', 'Key Object Description'),
  attenuationCoefficient: dcm('112031', 'Attenuation Coefficient'),
  qualitativeEvaluations: { value: 'C0034375', scheme: 'UMLS', meaning: 'Qualitative Evaluations' },
  processingSummary: dcm('111017', 'CAD Processing and Findings Summary'),
  comment: dcm('121106', 'Comment'),
} as const satisfies Record<string, Code>;

/** Values. */
export const CODE = {
  english: { value: 'en', scheme: 'RFC5646', meaning: 'English' },
  device: dcm('121007', 'Device'),
  organ: sct('113343008', 'Organ'),
  mean: sct('373098007', 'Mean'),
  standardDeviation: sct('386136009', 'Standard Deviation'),
  minimum: sct('255605001', 'Minimum'),
  maximum: sct('56851009', 'Maximum'),
  median: sct('373099004', 'Median'),
  present: sct('52101004', 'Present'),
  undetermined: sct('373068000', 'Undetermined'),
  absent: sct('272519000', 'Absent'),
  /** CID 6047: what came out of the processing. */
  succeededWithFindings: dcm('111242', 'All algorithms succeeded; with findings'),
  succeededWithoutFindings: dcm('111241', 'All algorithms succeeded; without findings'),
  /** CID 7150. */
  anatomicalStructure: sct('91723000', 'Anatomical Structure'),
  /** CID 244. */
  right: sct('24028007', 'Right'),
  left: sct('7771000', 'Left'),
  bilateral: sct('51440002', 'Bilateral'),
  unilateral: sct('66459002', 'Unilateral'),
  /** CID 7203, derivation of an image. */
  segmentation: dcm('113076', 'Segmentation'),
  /** CID 7202, purpose of a reference. */
  sourceImage: dcm('121322', 'Source image for image processing operation'),
  /** CID 7005, Contributing Equipment. */
  processingEquipment: dcm('109102', 'Processing Equipment'),
} as const satisfies Record<string, Code>;

export const UNIT = {
  millilitre: ucum('mL', 'mL'),
  hounsfield: ucum("[hnsf'U]", 'Hounsfield unit'),
  squareMillimetre: ucum('mm2', 'mm2'),
  millimetre: ucum('mm', 'mm'),
  noUnits: ucum('1', 'no units'),
  suvBw: ucum('g/ml{SUVbw}', 'Standardized Uptake Value body weight'),
  suvLbm: ucum('g/ml{SUVlbm}', 'Standardized Uptake Value lean body mass'),
  suvBsa: ucum('cm2/ml{SUVbsa}', 'Standardized Uptake Value body surface area'),
  pixels: ucum('{pixels}', 'pixels'),
} as const satisfies Record<string, Code>;

const IMAGING_PROCEDURE = sct('363679005', 'Imaging procedure');

/** Modality (0008,0060) as code (CID 29) and as the procedure that made it (CID 100). */
const MODALITIES: Readonly<Record<string, { modality: Code; procedure: Code }>> = {
  CT: { modality: dcm('CT', 'Computed Tomography'), procedure: ln('25045-6', 'CT unspecified body region') },
  MR: { modality: dcm('MR', 'Magnetic Resonance'), procedure: ln('25056-3', 'MRI unspecified body region') },
  PT: { modality: dcm('PT', 'Positron emission tomography'), procedure: ln('44136-0', 'PET unspecified body region') },
  DX: { modality: dcm('DX', 'Digital Radiography'), procedure: IMAGING_PROCEDURE },
  CR: { modality: dcm('CR', 'Computed Radiography'), procedure: IMAGING_PROCEDURE },
  MG: { modality: dcm('MG', 'Mammography'), procedure: IMAGING_PROCEDURE },
  US: { modality: dcm('US', 'Ultrasound'), procedure: IMAGING_PROCEDURE },
  NM: { modality: dcm('NM', 'Nuclear Medicine'), procedure: ln('49118-3', 'NM unspecified body region') },
};

/** The modality of the source as a code of CID 29, where it is one we know. */
export function modalityCode(modality: string | undefined): Code | undefined {
  return MODALITIES[modality ?? '']?.modality;
}

/** What was done to get the images (CID 100), as exactly as the modality tells. */
export function procedureCode(modality: string | undefined): Code {
  return MODALITIES[modality ?? '']?.procedure ?? IMAGING_PROCEDURE;
}

export function sameCode(a: Code | undefined, b: Code): boolean {
  return a !== undefined && a.value === b.value && a.scheme === b.scheme;
}

/** Whether the code says a side (CID 244): only those may stand as the value of Laterality. */
export function isLaterality(code: Code | undefined): code is Code {
  return [CODE.right, CODE.left, CODE.bilateral, CODE.unilateral].some((side) => sameCode(code, side));
}

/** Longest Code Value (0008,0100), an SH; longer ones go into Long Code Value (PS3.3 Section 8.1). */
const MAX_CODE_VALUE = 16;

/** An item of the Code Sequence Macro (PS3.3 Table 8.8-1). */
export function codeItem(code: Code): Fields {
  return {
    ...(code.value.length <= MAX_CODE_VALUE ? { CodeValue: code.value } : { LongCodeValue: code.value }),
    CodingSchemeDesignator: code.scheme,
    CodeMeaning: code.meaning,
  };
}
