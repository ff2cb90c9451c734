import type { Fields } from '../dicom/build.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { text } from '../dicom/read-values.ts';
import { isUid } from '../dicom/uid.ts';
import { VoxgateError } from '../errors.ts';
import { type CopiedAttribute, copyAttribute } from './copied-values.ts';

export interface CopiedContext {
  readonly fields: Fields;
  /** Tags whose value in the source was against its VR, and was repaired, blanked or left out. For the log. */
  readonly repaired: readonly string[];
}

/**
 * Patient, General Study and Patient Study modules (PS3.3 C.7.1.1, C.7.2.1, C.7.2.2): what a result shares with every
 * other instance of its study. Type 2 is always present in the object, empty where the source has no fit value.
 */
const PATIENT_AND_STUDY: readonly CopiedAttribute[] = [
  { keyword: 'PatientName', type: '2' },
  { keyword: 'PatientID', type: '2', verbatim: true },
  { keyword: 'IssuerOfPatientID' },
  { keyword: 'TypeOfPatientID' },
  { keyword: 'IssuerOfPatientIDQualifiersSequence' },
  { keyword: 'PatientBirthDate', type: '2' },
  { keyword: 'PatientBirthTime' },
  { keyword: 'PatientSex', type: '2', terms: ['M', 'F', 'O'] },
  { keyword: 'OtherPatientIDsSequence' },
  { keyword: 'OtherPatientNames', many: true },
  { keyword: 'EthnicGroup' },
  { keyword: 'PatientComments' },
  { keyword: 'PatientSpeciesDescription' },
  { keyword: 'PatientSpeciesCodeSequence' },
  { keyword: 'PatientBreedDescription', type: '2C' },
  { keyword: 'PatientBreedCodeSequence', type: '2C' },
  { keyword: 'BreedRegistrationSequence', type: '2C' },
  { keyword: 'ResponsiblePerson', type: '2C' },
  { keyword: 'ResponsiblePersonRole' },
  { keyword: 'ResponsibleOrganization', type: '2C' },
  { keyword: 'PatientIdentityRemoved', terms: ['YES', 'NO'] },
  { keyword: 'DeidentificationMethod', many: true },
  { keyword: 'DeidentificationMethodCodeSequence' },

  { keyword: 'StudyDate', type: '2' },
  { keyword: 'StudyTime', type: '2' },
  { keyword: 'ReferringPhysicianName', type: '2' },
  { keyword: 'ReferringPhysicianIdentificationSequence' },
  { keyword: 'ConsultingPhysicianName', many: true },
  { keyword: 'StudyID', type: '2' },
  { keyword: 'AccessionNumber', type: '2' },
  { keyword: 'IssuerOfAccessionNumberSequence' },
  { keyword: 'StudyDescription' },
  { keyword: 'PhysiciansOfRecord', many: true },
  { keyword: 'NameOfPhysiciansReadingStudy', many: true },
  { keyword: 'ReferencedStudySequence' },
  { keyword: 'ProcedureCodeSequence' },

  { keyword: 'AdmittingDiagnosesDescription', many: true },
  { keyword: 'PatientAge' },
  { keyword: 'PatientSize' },
  { keyword: 'PatientWeight' },
  { keyword: 'Occupation' },
  { keyword: 'AdditionalPatientHistory' },
  { keyword: 'PatientSexNeutered', type: '2C' },
  { keyword: 'AdmissionID' },
];

/**
 * Copies the Patient and Study attributes of the source. Values are kept as they are where their VR allows; what it
 * forbids is repaired where the meaning is certain (a date with points, an age without leading zero, a description cut
 * to length) and blanked where it is not (an identifier cut short is another identifier). Patient ID alone is never
 * touched: under another one the result would be another patient's.
 *
 * @throws VoxgateError unidentifiable when the source has no Study Instance UID
 */
export function patientAndStudy(source: JsonDataset): CopiedContext {
  const studyInstanceUid = text(source, 'StudyInstanceUID');
  if (studyInstanceUid === undefined || !isUid(studyInstanceUid)) {
    throw new VoxgateError('unidentifiable', 'the source series has no usable Study Instance UID (0020,000D)');
  }
  const fields: Record<string, Fields[string]> = { StudyInstanceUID: studyInstanceUid };
  const repaired: string[] = [];
  for (const attribute of PATIENT_AND_STUDY) {
    const copied = copyAttribute(source, attribute);
    if (copied.element !== undefined) fields[attribute.keyword] = copied.element;
    if (copied.repaired !== undefined) repaired.push(copied.repaired);
  }
  if (lacksDeidentificationMethod(source, fields)) {
    fields['DeidentificationMethod'] = 'Not stated in the source';
    repaired.push('00120063');
  }
  return { fields, repaired };
}

/** Patient Identity Removed YES needs a method, as text or codes (PS3.3 C.7.1.1, type 1C); some anonymizers give none. */
function lacksDeidentificationMethod(source: JsonDataset, copied: Fields): boolean {
  const methods = [copied['DeidentificationMethod'], copied['DeidentificationMethodCodeSequence']];
  return text(source, 'PatientIdentityRemoved')?.trim() === 'YES' && methods.every((method) => method === undefined);
}

/** The Series Instance UID of the source. @throws VoxgateError unidentifiable when it has none */
export function sourceSeriesUid(source: JsonDataset): string {
  const uid = text(source, 'SeriesInstanceUID');
  if (uid === undefined || !isUid(uid)) {
    throw new VoxgateError('unidentifiable', 'the source series has no usable Series Instance UID (0020,000E)');
  }
  return uid;
}

/**
 * Frame of Reference module (PS3.3 C.7.4.1) of the source, never a new one: the result lives where the source does.
 * Without one in the source the module is left out, which a SEG may do as its frames name their source images
 * (PS3.3 Section A.51.5.1).
 */
export function frameOfReference(source: JsonDataset): Fields {
  const uid = text(source, 'FrameOfReferenceUID');
  if (uid === undefined || !isUid(uid)) return {};
  return {
    FrameOfReferenceUID: uid,
    PositionReferenceIndicator: copyAttribute(source, { keyword: 'PositionReferenceIndicator', type: '2' }).element,
  };
}

/**
 * Lossy Image Compression (0028,2110) and, where the source has them, ratio and method (PS3.3 C.8.20.2): what comes from
 * lossy images stays marked so for good.
 */
export function lossyHistory(source: JsonDataset): Fields {
  if (text(source, 'LossyImageCompression')?.trim() !== '01') return { LossyImageCompression: '00' };
  const copy = (keyword: string) => {
    const { element } = copyAttribute(source, { keyword, many: true });
    return element?.Value?.length ? element : undefined;
  };
  return {
    LossyImageCompression: '01',
    LossyImageCompressionRatio: copy('LossyImageCompressionRatio'),
    LossyImageCompressionMethod: copy('LossyImageCompressionMethod'),
  };
}
