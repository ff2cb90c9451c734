import type { Transaction } from './database.ts';

/** What the catalog keeps of one instance; the columns are the keys queries match on. */
export interface InstanceRecord {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  readonly study: StudyColumns;
  readonly series: SeriesColumns;
  readonly instance: InstanceColumns;
}

export interface StudyColumns {
  readonly patientId: string | null;
  readonly patientName: string | null;
  readonly patientNameFolded: string | null;
  readonly patientBirthDate: string | null;
  readonly patientSex: string | null;
  readonly accessionNumber: string | null;
  readonly studyId: string | null;
  readonly studyDate: string | null;
  readonly studyTime: string | null;
  readonly studyDescription: string | null;
  readonly referringPhysicianName: string | null;
  readonly referringPhysicianNameFolded: string | null;
  /** DICOM JSON text of the study's own attributes. */
  readonly attributes: string;
}

export interface SeriesColumns {
  readonly modality: string | null;
  readonly seriesNumber: number | null;
  readonly seriesDescription: string | null;
  readonly seriesDate: string | null;
  readonly seriesTime: string | null;
  readonly bodyPartExamined: string | null;
  readonly performedProcedureStepStartDate: string | null;
  readonly performedProcedureStepStartTime: string | null;
  readonly attributes: string;
}

export interface InstanceColumns {
  readonly sopClassUid: string;
  readonly instanceNumber: number | null;
  readonly transferSyntaxUid: string;
  readonly storageKey: string;
  readonly size: number;
  /** SHA-256 of the data set with its transfer syntax, hexadecimal. */
  readonly digest: string;
  readonly dataSetOffset: number;
  readonly frames: string | null;
  /** gzip of the DICOM JSON. */
  readonly metadata: Buffer;
  readonly warnings: string | null;
  readonly origin: 'received' | 'self';
}

/** New; held already with the same data set; or the SOP Instance UID is taken by other content. */
export type Outcome = 'stored' | 'duplicate' | 'conflict';

export interface Recorded {
  readonly outcome: Outcome;
  /** Where the data set lies; for a duplicate, where the first copy does. */
  readonly storageKey: string;
}

/**
 * Records a group of instances: rows of study, series and instance, and the counts above them, in the caller's
 * transaction. READ COMMITTED; inserted in key order with ON CONFLICT, so that parallel groups wait and never fail.
 * Repeats of one SOP Instance UID within the group are the caller's to separate.
 */
export async function recordInstances(tx: Transaction, group: readonly InstanceRecord[]): Promise<Recorded[]> {
  const inserted = await insertRows(tx, group);
  const left = group.filter((record) => !inserted.has(record.sopInstanceUid));
  const held = left.length === 0 ? new Map<string, Held>() : await whatIsHeld(tx, left);
  const recorded = group.map((record): Recorded => {
    const own = record.instance.storageKey;
    if (inserted.has(record.sopInstanceUid)) return { outcome: 'stored', storageKey: own };
    const first = held.get(record.sopInstanceUid);
    return first?.identity === identity(record)
      ? { outcome: 'duplicate', storageKey: first.storageKey }
      : { outcome: 'conflict', storageKey: own };
  });
  await keepConflicts(
    tx,
    group.filter((_, i) => recorded[i]!.outcome === 'conflict'),
    held,
  );
  return recorded;
}

async function insertRows(tx: Transaction, group: readonly InstanceRecord[]): Promise<Set<string>> {
  const rows = JSON.stringify(group.map(toRow), storable);
  await tx.raw(INSERT_STUDIES, [rows]);
  await tx.raw(INSERT_SERIES, [rows]);
  const result: { rows: { sop_instance_uid: string; series_id: number }[] } = await tx.raw(INSERT_INSTANCES, [rows]);
  if (result.rows.length > 0) await tx.raw(UPDATE_COUNTS, [result.rows.map((row) => row.series_id)]);
  return new Set(result.rows.map((row) => row.sop_instance_uid));
}

/** PostgreSQL text holds neither NUL nor a lone surrogate; broken objects do. The stored bytes keep them. */
function storable(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.replaceAll('\0', '').toWellFormed() : value;
}

const ROW_TYPE = `
  study_instance_uid text, patient_id text, patient_name text, patient_name_folded text, patient_birth_date text,
  patient_sex text, accession_number text, study_id text, study_date text, study_time text, study_description text,
  referring_physician_name text, referring_physician_name_folded text, study_attributes text,
  series_instance_uid text, modality text, series_number integer, series_description text, series_date text,
  series_time text, body_part_examined text, performed_procedure_step_start_date text,
  performed_procedure_step_start_time text, series_attributes text,
  sop_instance_uid text, sop_class_uid text, instance_number integer, transfer_syntax_uid text, storage_key text,
  size bigint, digest text, data_set_offset integer, frames text, metadata text, warnings text, origin text`;

const INSERT_STUDIES = `
  INSERT INTO studies (study_instance_uid, patient_id, patient_name, patient_name_folded, patient_birth_date, patient_sex,
    accession_number, study_id, study_date, study_time, study_description, referring_physician_name,
    referring_physician_name_folded, attributes)
  SELECT DISTINCT ON (study_instance_uid) study_instance_uid, patient_id, patient_name, patient_name_folded,
    patient_birth_date, patient_sex, accession_number, study_id, study_date, study_time, study_description,
    referring_physician_name, referring_physician_name_folded, study_attributes
  FROM jsonb_to_recordset(?::jsonb) AS r(${ROW_TYPE})
  ORDER BY study_instance_uid
  ON CONFLICT (study_instance_uid) DO NOTHING`;

const INSERT_SERIES = `
  INSERT INTO series (study_id, series_instance_uid, modality, series_number, series_description, series_date, series_time,
    body_part_examined, performed_procedure_step_start_date, performed_procedure_step_start_time, attributes)
  SELECT DISTINCT ON (s.id, r.series_instance_uid) s.id, r.series_instance_uid, r.modality, r.series_number,
    r.series_description, r.series_date, r.series_time, r.body_part_examined, r.performed_procedure_step_start_date,
    r.performed_procedure_step_start_time, r.series_attributes
  FROM jsonb_to_recordset(?::jsonb) AS r(${ROW_TYPE}) JOIN studies s USING (study_instance_uid)
  ORDER BY s.id, r.series_instance_uid
  ON CONFLICT (study_id, series_instance_uid) DO NOTHING`;

const INSERT_INSTANCES = `
  INSERT INTO instances (series_id, sop_instance_uid, sop_class_uid, instance_number, transfer_syntax_uid, storage_key,
    size, digest, data_set_offset, frames, metadata, warnings, origin)
  SELECT e.id, r.sop_instance_uid, r.sop_class_uid, r.instance_number, r.transfer_syntax_uid, r.storage_key, r.size,
    decode(r.digest, 'hex'), r.data_set_offset, r.frames, decode(r.metadata, 'base64'), r.warnings, r.origin
  FROM jsonb_to_recordset(?::jsonb) AS r(${ROW_TYPE})
  JOIN studies s USING (study_instance_uid)
  JOIN series e ON e.study_id = s.id AND e.series_instance_uid = r.series_instance_uid
  ORDER BY r.sop_instance_uid
  ON CONFLICT (sop_instance_uid) DO NOTHING
  RETURNING sop_instance_uid, series_id`;

/** Child counts and Modalities in Study, in the transaction of their cause; rows locked in key order. */
const UPDATE_COUNTS = `
  WITH added AS (
    SELECT series_id, count(*)::integer AS instances FROM unnest(?::bigint[]) AS series_id GROUP BY series_id
  ), touched AS (
    SELECT e.id, e.study_id, e.modality, e.number_of_instances, a.instances
    FROM series e JOIN added a ON a.series_id = e.id ORDER BY e.id FOR UPDATE OF e
  ), series_updated AS (
    UPDATE series e SET number_of_instances = e.number_of_instances + t.instances, last_received_at = now()
    FROM touched t WHERE e.id = t.id
  ), study_added AS (
    SELECT study_id, sum(instances)::integer AS instances,
      (count(*) FILTER (WHERE number_of_instances = 0))::integer AS series,
      array_remove(array_agg(DISTINCT modality), NULL) AS modalities
    FROM touched GROUP BY study_id
  )
  UPDATE studies s SET
    number_of_instances = s.number_of_instances + a.instances,
    number_of_series = s.number_of_series + a.series,
    modalities = ARRAY(SELECT DISTINCT m FROM unnest(s.modalities || a.modalities) AS m ORDER BY m),
    updated_at = now()
  FROM study_added a WHERE s.id = a.study_id`;

function toRow({
  studyInstanceUid,
  seriesInstanceUid,
  sopInstanceUid,
  study,
  series,
  instance,
}: InstanceRecord): Record<string, unknown> {
  return {
    study_instance_uid: studyInstanceUid,
    patient_id: study.patientId,
    patient_name: study.patientName,
    patient_name_folded: study.patientNameFolded,
    patient_birth_date: study.patientBirthDate,
    patient_sex: study.patientSex,
    accession_number: study.accessionNumber,
    study_id: study.studyId,
    study_date: study.studyDate,
    study_time: study.studyTime,
    study_description: study.studyDescription,
    referring_physician_name: study.referringPhysicianName,
    referring_physician_name_folded: study.referringPhysicianNameFolded,
    study_attributes: study.attributes,
    series_instance_uid: seriesInstanceUid,
    modality: series.modality,
    series_number: series.seriesNumber,
    series_description: series.seriesDescription,
    series_date: series.seriesDate,
    series_time: series.seriesTime,
    body_part_examined: series.bodyPartExamined,
    performed_procedure_step_start_date: series.performedProcedureStepStartDate,
    performed_procedure_step_start_time: series.performedProcedureStepStartTime,
    series_attributes: series.attributes,
    sop_instance_uid: sopInstanceUid,
    sop_class_uid: instance.sopClassUid,
    instance_number: instance.instanceNumber,
    transfer_syntax_uid: instance.transferSyntaxUid,
    storage_key: instance.storageKey,
    size: instance.size,
    digest: instance.digest,
    data_set_offset: instance.dataSetOffset,
    frames: instance.frames,
    metadata: instance.metadata.toString('base64'),
    warnings: instance.warnings,
    origin: instance.origin,
  };
}

function identity(record: InstanceRecord): string {
  return `${record.studyInstanceUid} ${record.seriesInstanceUid} ${record.instance.digest}`;
}

interface Held {
  readonly identity: string;
  readonly storageKey: string;
}

async function whatIsHeld(tx: Transaction, records: readonly InstanceRecord[]): Promise<Map<string, Held>> {
  const result: { rows: { sop_instance_uid: string; identity: string; storage_key: string }[] } = await tx.raw(
    `SELECT i.sop_instance_uid, i.storage_key,
       s.study_instance_uid || ' ' || e.series_instance_uid || ' ' || encode(i.digest, 'hex') AS identity
     FROM instances i JOIN series e ON e.id = i.series_id JOIN studies s ON s.id = e.study_id
     WHERE i.sop_instance_uid = ANY(?::text[])`,
    [records.map((record) => record.sopInstanceUid)],
  );
  return new Map(
    result.rows.map((row) => [row.sop_instance_uid, { identity: row.identity, storageKey: row.storage_key }]),
  );
}

async function keepConflicts(
  tx: Transaction,
  records: readonly InstanceRecord[],
  held: ReadonlyMap<string, Held>,
): Promise<void> {
  for (const record of records) {
    const [study, series] = (held.get(record.sopInstanceUid)?.identity ?? '').split(' ');
    const reason =
      study !== record.studyInstanceUid
        ? 'the SOP Instance UID is held in another study'
        : series !== record.seriesInstanceUid
          ? 'the SOP Instance UID is held in another series'
          : 'the SOP Instance UID is held with other content';
    await tx.raw(
      `INSERT INTO conflicts (sop_instance_uid, study_instance_uid, series_instance_uid, storage_key, size, digest, reason)
       VALUES (?, ?, ?, ?, ?, decode(?, 'hex'), ?) ON CONFLICT (sop_instance_uid, digest) DO NOTHING`,
      [
        record.sopInstanceUid,
        record.studyInstanceUid,
        record.seriesInstanceUid,
        record.instance.storageKey,
        record.instance.size,
        record.instance.digest,
        reason,
      ],
    );
  }
}
