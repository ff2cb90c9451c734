import { tagOfKeywordOrTag } from '../dicom/dictionary.ts';
import type { Query } from '../dicom/query.ts';

type Level = Query['level'];

/** How a column is compared; an item is looked up in the sequence that the column holds as DICOM JSON. */
export type KeyKind = 'text' | 'uid' | 'name' | 'number' | 'date' | 'time' | 'list' | 'item';

export interface QueryKey {
  /** Of an attribute in a sequence, the path to it: the keywords joined by points. */
  readonly keyword: string;
  readonly level: Level;
  readonly column: string;
  readonly kind: KeyKind;
}

/**
 * Every attribute that can be matched, and the column it is matched on (PS3.4 C.6, PS3.18 Table 10.6.1-5). A key of a
 * higher level may be used at a lower one.
 */
export const QUERY_KEYS: readonly QueryKey[] = [
  { keyword: 'StudyInstanceUID', level: 'study', column: 's.study_instance_uid', kind: 'uid' },
  { keyword: 'PatientID', level: 'study', column: 's.patient_id', kind: 'text' },
  { keyword: 'PatientName', level: 'study', column: 's.patient_name_folded', kind: 'name' },
  { keyword: 'PatientBirthDate', level: 'study', column: 's.patient_birth_date', kind: 'date' },
  { keyword: 'PatientSex', level: 'study', column: 's.patient_sex', kind: 'text' },
  { keyword: 'AccessionNumber', level: 'study', column: 's.accession_number', kind: 'text' },
  { keyword: 'StudyID', level: 'study', column: 's.study_id', kind: 'text' },
  { keyword: 'StudyDate', level: 'study', column: 's.study_date', kind: 'date' },
  { keyword: 'StudyTime', level: 'study', column: 's.study_time', kind: 'time' },
  { keyword: 'StudyDescription', level: 'study', column: 's.study_description', kind: 'text' },
  { keyword: 'ReferringPhysicianName', level: 'study', column: 's.referring_physician_name_folded', kind: 'name' },
  { keyword: 'ModalitiesInStudy', level: 'study', column: 's.modalities', kind: 'list' },
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
  {
    keyword: 'RequestAttributesSequence.ScheduledProcedureStepID',
    level: 'series',
    column: 'e.attributes',
    kind: 'item',
  },
  { keyword: 'RequestAttributesSequence.RequestedProcedureID', level: 'series', column: 'e.attributes', kind: 'item' },
  { keyword: 'NumberOfSeriesRelatedInstances', level: 'series', column: 'e.number_of_instances', kind: 'number' },
  { keyword: 'SOPInstanceUID', level: 'instance', column: 'i.sop_instance_uid', kind: 'uid' },
  { keyword: 'SOPClassUID', level: 'instance', column: 'i.sop_class_uid', kind: 'uid' },
  { keyword: 'InstanceNumber', level: 'instance', column: 'i.instance_number', kind: 'number' },
];

const byPath: ReadonlyMap<string, QueryKey> = new Map(
  QUERY_KEYS.map((key) => [key.keyword.split('.').map(tagOfKeywordOrTag).join('.'), key]),
);

const DEPTH = { study: 0, series: 1, instance: 2 } as const;

/** The key of an attribute, by its tag or path of tags, if it can be matched in a query of that level. */
export function queryKeyOf(path: string, level: Level): QueryKey | undefined {
  const key = byPath.get(path);
  return key !== undefined && DEPTH[key.level] <= DEPTH[level] ? key : undefined;
}
