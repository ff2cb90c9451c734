import type { InstanceRecord } from './record-instances.ts';

/** The group as record_instances takes it. */
export function groupText(group: readonly InstanceRecord[]): string {
  const studies = new Map<string, StudyGroup>();
  for (const record of group) addTo(studies, record);
  const inOrder = [...studies.values()].sort((a, b) => (a.row.study_instance_uid < b.row.study_instance_uid ? -1 : 1));
  const numbers = new Map<string, number>();
  const told = {
    studies: inOrder.map(({ row, series }) => ({
      ...row,
      series: [...series.values()].map((one) => {
        numbers.set(`${row.study_instance_uid} ${one.series_instance_uid}`, numbers.size + 1);
        return one;
      }),
    })),
    instances: group.map((record) =>
      instanceRow(record, numbers.get(`${record.studyInstanceUid} ${record.seriesInstanceUid}`)!),
    ),
  };
  const text = JSON.stringify(told);
  return REFUSED_BY_JSONB.test(text) ? JSON.stringify(told, storableValue) : text;
}

interface StudyGroup {
  readonly row: ReturnType<typeof studyRow>;
  readonly series: Map<string, ReturnType<typeof seriesRow>>;
}

/** The attributes of a study or series are those of its first instance. */
function addTo(studies: Map<string, StudyGroup>, record: InstanceRecord): void {
  let study = studies.get(record.studyInstanceUid);
  if (study === undefined) {
    study = { row: studyRow(record), series: new Map() };
    studies.set(record.studyInstanceUid, study);
  }
  let series = study.series.get(record.seriesInstanceUid);
  if (series === undefined) {
    series = seriesRow(record);
    study.series.set(record.seriesInstanceUid, series);
  }
  study.row.n += 1;
  series.n += 1;
  study.row.patients_differ ||=
    study.row.patient_id !== indexed(record.study.patientId) ||
    study.row.issuer_of_patient_id !== record.study.issuerOfPatientId;
}

/** How JSON.stringify writes NUL and lone surrogates (and, harmlessly here, a backslash before such letters). */
const REFUSED_BY_JSONB = /\\u(0000|d[89a-f])/;

function storableValue(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? storable(value) : value;
}

/** PostgreSQL text holds neither NUL nor a lone surrogate; broken objects do. The stored bytes keep them. */
export function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}

/** A B-tree entry holds 2704 bytes, and a character is up to three bytes of UTF-8 (four, where it is two of ours). */
const LONGEST_INDEXED = 850;

function indexed(text: string | null): string | null {
  return text === null ? null : text.slice(0, LONGEST_INDEXED);
}

function studyRow({ studyInstanceUid, study }: InstanceRecord) {
  return {
    n: 0,
    patients_differ: false,
    study_instance_uid: studyInstanceUid,
    patient_id: indexed(study.patientId),
    issuer_of_patient_id: study.issuerOfPatientId,
    patient_name: study.patientName,
    patient_name_folded: indexed(study.patientNameFolded),
    patient_birth_date: study.patientBirthDate,
    patient_sex: study.patientSex,
    accession_number: indexed(study.accessionNumber),
    study_id: study.studyId,
    study_date: indexed(study.studyDate),
    study_time: study.studyTime,
    study_description: study.studyDescription,
    referring_physician_name: study.referringPhysicianName,
    referring_physician_name_folded: study.referringPhysicianNameFolded,
    attributes: study.attributes,
  };
}

function seriesRow({ seriesInstanceUid, series }: InstanceRecord) {
  return {
    n: 0,
    series_instance_uid: seriesInstanceUid,
    modality: series.modality,
    series_number: series.seriesNumber,
    series_description: series.seriesDescription,
    series_date: series.seriesDate,
    series_time: series.seriesTime,
    body_part_examined: series.bodyPartExamined,
    performed_procedure_step_start_date: series.performedProcedureStepStartDate,
    performed_procedure_step_start_time: series.performedProcedureStepStartTime,
    attributes: series.attributes,
  };
}

function instanceRow({ sopInstanceUid, study, instance }: InstanceRecord, e: number) {
  return {
    e,
    sop_instance_uid: sopInstanceUid,
    patient_id: indexed(study.patientId),
    issuer_of_patient_id: study.issuerOfPatientId,
    sop_class_uid: instance.sopClassUid,
    instance_number: instance.instanceNumber,
    shape: instance.shape,
    transfer_syntax_uid: instance.transferSyntaxUid,
    storage_key: instance.storageKey,
    size: instance.size,
    digest: instance.digest,
    data_set_offset: instance.dataSetOffset,
    frame_count: instance.frameCount,
    frames: instance.frames,
    metadata_segment: instance.metadata?.segment,
    metadata_offset: instance.metadata?.offset,
    metadata_length: instance.metadata?.length,
    warnings: instance.warnings,
    origin: instance.origin,
  };
}
