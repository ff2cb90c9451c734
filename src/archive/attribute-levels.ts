/**
 * Which attributes describe the study and which the series (PS3.18 Tables 10.6.3-3 and 10.6.3-4, and what viewers ask
 * for besides). They are kept with the study and series row from the first instance received.
 */
export const STUDY_ATTRIBUTES: readonly string[] = [
  'StudyDate',
  'StudyTime',
  'AccessionNumber',
  'IssuerOfAccessionNumberSequence',
  'ReferringPhysicianName',
  'TimezoneOffsetFromUTC',
  'StudyDescription',
  'ProcedureCodeSequence',
  'NameOfPhysiciansReadingStudy',
  'PatientName',
  'PatientID',
  'IssuerOfPatientID',
  'PatientBirthDate',
  'PatientSex',
  'PatientAge',
  'StudyInstanceUID',
  'StudyID',
];

export const SERIES_ATTRIBUTES: readonly string[] = [
  'SeriesDate',
  'SeriesTime',
  'Modality',
  'Manufacturer',
  'SeriesDescription',
  'StationName',
  'ManufacturerModelName',
  'TimezoneOffsetFromUTC',
  'BodyPartExamined',
  'ProtocolName',
  'SeriesInstanceUID',
  'SeriesNumber',
  'Laterality',
  'PerformedProcedureStepStartDate',
  'PerformedProcedureStepStartTime',
  'RequestAttributesSequence',
];
