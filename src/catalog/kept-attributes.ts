import { tagOf } from '../dicom/dictionary.ts';
import type { QueryLevel } from '../dicom/query.ts';

/**
 * Which attributes are kept with the study and series row, from the first instance received: the keys of PS3.4 Section
 * C.6 and PS3.18 Tables 10.6.3-3 and 10.6.3-4, and what viewers ask for besides. What is kept can be matched and returned
 * without opening an object. Attributes of the patient are kept with the study.
 */
const PATIENT_ATTRIBUTES: readonly string[] = [
  'PatientName',
  'PatientID',
  'IssuerOfPatientID',
  'IssuerOfPatientIDQualifiersSequence',
  'PatientBirthDate',
  'PatientBirthTime',
  'PatientSex',
  'OtherPatientIDs',
  'OtherPatientIDsSequence',
  'OtherPatientNames',
  'EthnicGroup',
  'PatientSpeciesDescription',
  'ResponsiblePerson',
  'PatientComments',
];

export const STUDY_ATTRIBUTES: readonly string[] = [
  'StudyDate',
  'StudyTime',
  'AccessionNumber',
  'IssuerOfAccessionNumberSequence',
  'InstitutionName',
  'ReferringPhysicianName',
  'TimezoneOffsetFromUTC',
  'StudyDescription',
  'ProcedureCodeSequence',
  'PhysiciansOfRecord',
  'NameOfPhysiciansReadingStudy',
  'AdmittingDiagnosesDescription',
  ...PATIENT_ATTRIBUTES,
  'PatientAge',
  'PatientSize',
  'PatientWeight',
  'Occupation',
  'AdditionalPatientHistory',
  'StudyInstanceUID',
  'StudyID',
];

export const SERIES_ATTRIBUTES: readonly string[] = [
  'SeriesDate',
  'SeriesTime',
  'Modality',
  'Manufacturer',
  'SeriesDescription',
  'SeriesDescriptionCodeSequence',
  'StationName',
  'InstitutionalDepartmentName',
  'PerformingPhysicianName',
  'OperatorsName',
  'ManufacturerModelName',
  'TimezoneOffsetFromUTC',
  'BodyPartExamined',
  'ProtocolName',
  'PatientPosition',
  'SeriesInstanceUID',
  'SeriesNumber',
  'Laterality',
  'PerformedProcedureStepStartDate',
  'PerformedProcedureStepStartTime',
  'PerformedProcedureStepID',
  'PerformedProcedureStepDescription',
  'RequestAttributesSequence',
];

const tagsOf = (keywords: readonly string[]): string[] => keywords.map((keyword) => tagOf(keyword)!);

const patient: ReadonlySet<string> = new Set(tagsOf(PATIENT_ATTRIBUTES));
const study: ReadonlySet<string> = new Set(tagsOf(STUDY_ATTRIBUTES));
const series: ReadonlySet<string> = new Set([...study, ...tagsOf(SERIES_ATTRIBUTES)]);

/** Tags of what is kept at a level and above it. */
export const KEPT: Readonly<Record<QueryLevel, ReadonlySet<string>>> = { patient, study, series, instance: series };
