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
 * transaction. READ COMMITTED; whatever is inserted or locked is so in the order of its key, so that parallel groups
 * wait for each other and never fail. A study or series of which nothing was stored leaves no row.
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
  const conflicts = group.filter((_, i) => recorded[i]!.outcome === 'conflict');
  if (conflicts.length > 0) await keepApart(tx, conflicts, held);
  return recorded;
}

async function insertRows(tx: Transaction, group: readonly InstanceRecord[]): Promise<Set<string>> {
  await tx.raw(INSERT_STUDIES, [rowsOf(firstOfEach(group, studyKey), studyRow)]);
  await tx.raw(INSERT_SERIES, [rowsOf(firstOfEach(group, seriesKey), seriesRow)]);
  const inserted: { sop_instance_uid: string; series_id: number }[] = [];
  for (const part of partsOf(group)) {
    const { rows }: { rows: typeof inserted } = await tx.raw(INSERT_INSTANCES, [rowsOf(part, instanceRow)]);
    inserted.push(...rows);
  }
  if (inserted.length > 0) {
    const series = inserted.map((row) => row.series_id);
    await tx.raw(LOCK_STUDIES, [series]);
    await tx.raw(UPDATE_COUNTS, [series]);
  }
  return new Set(inserted.map((row) => row.sop_instance_uid));
}

const studyKey = (record: InstanceRecord): string => record.studyInstanceUid;
const seriesKey = (record: InstanceRecord): string => `${record.studyInstanceUid} ${record.seriesInstanceUid}`;

/** The attributes of a study or series are those of its first instance. */
function firstOfEach(group: readonly InstanceRecord[], key: (record: InstanceRecord) => string): InstanceRecord[] {
  return [...new Map([...group].reverse().map((record) => [key(record), record])).values()];
}

/** jsonb holds at most 256 MB; metadata of one statement stay far below it. */
const METADATA_OF_ONE_STATEMENT = 32 * 1024 * 1024;

/** The group by SOP Instance UID, in parts that fit into one statement each. */
function partsOf(group: readonly InstanceRecord[]): InstanceRecord[][] {
  const parts: InstanceRecord[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const record of bySopInstance(group)) {
    bytes += record.instance.metadata.length;
    if (bytes > METADATA_OF_ONE_STATEMENT) {
      parts.push([]);
      bytes = record.instance.metadata.length;
    }
    parts.at(-1)!.push(record);
  }
  return parts;
}

function bySopInstance(records: readonly InstanceRecord[]): InstanceRecord[] {
  return [...records].sort((a, b) => (a.sopInstanceUid < b.sopInstanceUid ? -1 : 1));
}

function rowsOf(records: readonly InstanceRecord[], row: (record: InstanceRecord) => Record<string, unknown>): string {
  return JSON.stringify(records.map(row), storable);
}

/** PostgreSQL text holds neither NUL nor a lone surrogate; broken objects do. The stored bytes keep them. */
function storable(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.replaceAll('\0', '').toWellFormed() : value;
}

const INSERT_STUDIES = `
  INSERT INTO studies (study_instance_uid, patient_id, patient_name, patient_name_folded, patient_birth_date, patient_sex,
    accession_number, study_id, study_date, study_time, study_description, referring_physician_name,
    referring_physician_name_folded, attributes)
  SELECT * FROM jsonb_to_recordset(?::jsonb) AS r(
    study_instance_uid text, patient_id text, patient_name text, patient_name_folded text, patient_birth_date text,
    patient_sex text, accession_number text, study_id text, study_date text, study_time text, study_description text,
    referring_physician_name text, referring_physician_name_folded text, attributes text)
  ORDER BY study_instance_uid COLLATE "C"
  ON CONFLICT (study_instance_uid) DO NOTHING`;

const INSERT_SERIES = `
  INSERT INTO series (study_id, series_instance_uid, modality, series_number, series_description, series_date, series_time,
    body_part_examined, performed_procedure_step_start_date, performed_procedure_step_start_time, attributes)
  SELECT s.id, r.series_instance_uid, r.modality, r.series_number, r.series_description, r.series_date, r.series_time,
    r.body_part_examined, r.performed_procedure_step_start_date, r.performed_procedure_step_start_time, r.attributes
  FROM jsonb_to_recordset(?::jsonb) AS r(
    study_instance_uid text, series_instance_uid text, modality text, series_number integer, series_description text,
    series_date text, series_time text, body_part_examined text, performed_procedure_step_start_date text,
    performed_procedure_step_start_time text, attributes text)
  JOIN studies s USING (study_instance_uid)
  ORDER BY s.id, r.series_instance_uid COLLATE "C"
  ON CONFLICT (study_id, series_instance_uid) DO NOTHING`;

const INSERT_INSTANCES = `
  INSERT INTO instances (series_id, sop_instance_uid, sop_class_uid, instance_number, transfer_syntax_uid, storage_key,
    size, digest, data_set_offset, frames, metadata, warnings, origin)
  SELECT e.id, r.sop_instance_uid, r.sop_class_uid, r.instance_number, r.transfer_syntax_uid, r.storage_key, r.size,
    decode(r.digest, 'hex'), r.data_set_offset, r.frames, decode(r.metadata, 'base64'), r.warnings, r.origin
  FROM jsonb_to_recordset(?::jsonb) AS r(
    study_instance_uid text, series_instance_uid text, sop_instance_uid text, sop_class_uid text,
    instance_number integer, transfer_syntax_uid text, storage_key text, size bigint, digest text,
    data_set_offset integer, frames text, metadata text, warnings text, origin text)
  JOIN studies s USING (study_instance_uid)
  JOIN series e ON e.study_id = s.id AND e.series_instance_uid = r.series_instance_uid
  ORDER BY r.sop_instance_uid COLLATE "C"
  ON CONFLICT (sop_instance_uid) DO NOTHING
  RETURNING sop_instance_uid, series_id`;

/**
 * Who counts in a study has it to itself until the commit, and counts what is committed by then: the statement after
 * this one sees it. Not FOR UPDATE: that would wait for every group that has only added a series, and it for this one.
 */
const LOCK_STUDIES = `
  SELECT id FROM studies WHERE id IN (SELECT study_id FROM series WHERE id = ANY(?::bigint[]))
  ORDER BY id FOR NO KEY UPDATE`;

/** Child counts and Modalities in Study, in the transaction of their cause. */
const UPDATE_COUNTS = `
  WITH added AS (
    SELECT series_id, count(*)::integer AS instances FROM unnest(?::bigint[]) AS series_id GROUP BY series_id
  ), touched AS (
    SELECT e.id, e.study_id, e.modality, e.number_of_instances, a.instances
    FROM series e JOIN added a ON a.series_id = e.id
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

/** A B-tree entry holds 2704 bytes, and a character is up to three bytes of UTF-8 (four, where it is two of ours). */
const LONGEST_INDEXED = 850;

function indexed(text: string | null): string | null {
  return text === null ? null : text.slice(0, LONGEST_INDEXED);
}

function studyRow({ studyInstanceUid, study }: InstanceRecord): Record<string, unknown> {
  return {
    study_instance_uid: studyInstanceUid,
    patient_id: indexed(study.patientId),
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

function seriesRow({ studyInstanceUid, seriesInstanceUid, series }: InstanceRecord): Record<string, unknown> {
  return {
    study_instance_uid: studyInstanceUid,
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

function instanceRow(record: InstanceRecord): Record<string, unknown> {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid, instance } = record;
  return {
    study_instance_uid: studyInstanceUid,
    series_instance_uid: seriesInstanceUid,
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

/** Remembers what was refused under a SOP Instance UID that is taken, and takes back the rows made for it alone. */
async function keepApart(
  tx: Transaction,
  records: readonly InstanceRecord[],
  held: ReadonlyMap<string, Held>,
): Promise<void> {
  for (const record of bySopInstance(records)) {
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
  const studies = records.map((record) => record.studyInstanceUid);
  await tx.raw(DELETE_EMPTY_SERIES, [studies, records.map((record) => record.seriesInstanceUid)]);
  await tx.raw(DELETE_EMPTY_STUDIES, [studies]);
}

const DELETE_EMPTY_SERIES = `
  DELETE FROM series e USING studies s
  WHERE s.id = e.study_id AND e.number_of_instances = 0
    AND s.study_instance_uid = ANY(?::text[]) AND e.series_instance_uid = ANY(?::text[])`;

const DELETE_EMPTY_STUDIES =
  'DELETE FROM studies WHERE number_of_instances = 0 AND study_instance_uid = ANY(?::text[])';
