import { tagOfKeywordOrTag } from '../dicom/dictionary.ts';
import type { QueryLevel } from '../dicom/query.ts';
import { KEPT } from './kept-attributes.ts';

/** How a column is compared. */
export type KeyKind = 'text' | 'uid' | 'name' | 'number' | 'date' | 'time' | 'list';

export interface QueryKey {
  readonly keyword: string;
  readonly level: QueryLevel;
  /** Of studies s, series e, instances i. */
  readonly column: string;
  readonly kind: KeyKind;
  /** Of a name: the sounds of its words, where an index has them. */
  readonly sounds?: string;
}

/** Studies are answered newest first, those without a date last; index studies_study_date has just this. */
export const STUDY_DATE = `coalesce(s.study_date, '') COLLATE "C"`;

/** Whom a study is about; index studies_patient has just this. Of table s or another that is named. */
export function patientKey(table: string): string {
  return `(CASE WHEN coalesce(${table}.patient_id, '') = ''
    THEN chr(31) || left(coalesce(${table}.patient_name_folded, ''), 200) || chr(31) || left(coalesce(${table}.patient_birth_date, ''), 20)
    ELSE left(${table}.patient_id, 200) || chr(31) || left(coalesce(${table}.issuer_of_patient_id, ''), 200) END) COLLATE "C"`;
}

/** Only where it is asked for: it reads the study's instances, and nothing has to be kept for it. */
export const SOP_CLASSES = `ARRAY(SELECT DISTINCT y.sop_class_uid FROM series x JOIN instances y ON y.series_id = x.id
  WHERE x.study_id = s.id)`;

/**
 * Every attribute that is matched on a column of its own (PS3.4 C.6, PS3.18 Table 10.6.1-5). A key of a higher level may
 * be used at a lower one. What else is kept with study and series is matched on the kept attributes.
 */
export const QUERY_KEYS: readonly QueryKey[] = [
  { keyword: 'PatientID', level: 'patient', column: 's.patient_id', kind: 'text' },
  { keyword: 'IssuerOfPatientID', level: 'patient', column: 's.issuer_of_patient_id', kind: 'text' },
  {
    keyword: 'PatientName',
    level: 'patient',
    column: 's.patient_name_folded',
    kind: 'name',
    sounds: 'name_sounds(s.patient_name_folded)',
  },
  { keyword: 'PatientBirthDate', level: 'patient', column: 's.patient_birth_date', kind: 'date' },
  { keyword: 'PatientSex', level: 'patient', column: 's.patient_sex', kind: 'text' },
  { keyword: 'StudyInstanceUID', level: 'study', column: 's.study_instance_uid', kind: 'uid' },
  { keyword: 'AccessionNumber', level: 'study', column: 's.accession_number', kind: 'text' },
  { keyword: 'StudyID', level: 'study', column: 's.study_id', kind: 'text' },
  { keyword: 'StudyDate', level: 'study', column: STUDY_DATE, kind: 'date' },
  { keyword: 'StudyTime', level: 'study', column: 's.study_time', kind: 'time' },
  { keyword: 'StudyDescription', level: 'study', column: 's.study_description', kind: 'text' },
  { keyword: 'ReferringPhysicianName', level: 'study', column: 's.referring_physician_name_folded', kind: 'name' },
  { keyword: 'ModalitiesInStudy', level: 'study', column: 's.modalities', kind: 'list' },
  { keyword: 'SOPClassesInStudy', level: 'study', column: SOP_CLASSES, kind: 'list' },
  { keyword: 'NumberOfStudyRelatedInstances', level: 'study', column: 's.number_of_instances', kind: 'number' },
  { keyword: 'NumberOfStudyRelatedSeries', level: 'study', column: 's.number_of_series', kind: 'number' },
  { keyword: 'SeriesInstanceUID', level: 'series', column: 'e.series_instance_uid', kind: 'uid' },
  { keyword: 'Modality', level: 'series', column: 'e.modality', kind: 'text' },
  { keyword: 'SeriesNumber', level: 'series', column: 'e.series_number', kind: 'number' },
  { keyword: 'SeriesDescription', level: 'series', column: 'e.series_description', kind: 'text' },
  { keyword: 'SeriesDate', level: 'series', column: 'e.series_date', kind: 'date' },
  { keyword: 'SeriesTime', level: 'series', column: 'e.series_time', kind: 'time' },
  { keyword: 'BodyPartExamined', level: 'series', column: 'e.body_part_examined', kind: 'text' },
  {
    keyword: 'PerformedProcedureStepStartDate',
    level: 'series',
    column: 'e.performed_procedure_step_start_date',
    kind: 'date',
  },
  {
    keyword: 'PerformedProcedureStepStartTime',
    level: 'series',
    column: 'e.performed_procedure_step_start_time',
    kind: 'time',
  },
  { keyword: 'NumberOfSeriesRelatedInstances', level: 'series', column: 'e.number_of_instances', kind: 'number' },
  { keyword: 'SOPInstanceUID', level: 'instance', column: 'i.sop_instance_uid', kind: 'uid' },
  { keyword: 'SOPClassUID', level: 'instance', column: 'i.sop_class_uid', kind: 'uid' },
  { keyword: 'InstanceNumber', level: 'instance', column: 'i.instance_number', kind: 'number' },
];

const byTag: ReadonlyMap<string, QueryKey> = new Map(QUERY_KEYS.map((key) => [tagOfKeywordOrTag(key.keyword)!, key]));

/** Dates and times that may be asked for as one range of moments (PS3.4 Section C.2.2.2.5). */
export const DATE_AND_TIME: readonly (readonly [date: string, time: string])[] = [
  ['00080020', '00080030'],
  ['00080021', '00080031'],
  ['00400244', '00400245'],
];

export const DEPTH: Readonly<Record<QueryLevel, number>> = { patient: 0, study: 1, series: 2, instance: 3 };

/** The column of an attribute, by its tag, if it can be matched in a query of that level. */
export function queryKeyOf(path: string, level: QueryLevel): QueryKey | undefined {
  const key = byTag.get(path);
  return key !== undefined && DEPTH[key.level] <= DEPTH[level] ? key : undefined;
}

/** Whether an attribute, by its tag or path of tags, is matched at all at that level. */
export function isMatched(path: string, level: QueryLevel): boolean {
  return queryKeyOf(path, level) !== undefined || KEPT[level].has(path.slice(0, 8));
}
