import { groupText, storable } from './group-text.ts';

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
  readonly issuerOfPatientId: string | null;
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
  /** Rows, columns, bits and frames (image-shape.ts); null where they were not read. */
  readonly shape: string | null;
  readonly transferSyntaxUid: string;
  /** Of the stored object, hexadecimal. */
  readonly storageKey: string;
  readonly size: number;
  /** SHA-256 of the data set, hexadecimal. */
  readonly digest: string;
  readonly dataSetOffset: number;
  readonly frameCount: number;
  /** Serialised frame index; null without frames, and where it is too long for a row and lies with the metadata. */
  readonly frames: string | null;
  /** Where the metadata were written down; null makes their first reader make them anew. */
  readonly metadata: MetadataPlace | null;
  readonly warnings: string | null;
  readonly origin: 'received' | 'self';
}

/** A record in the metadata log. */
export interface MetadataPlace {
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
}

/** New; held already with the same data set; or the SOP Instance UID is taken by other content. */
export type Outcome = 'stored' | 'duplicate' | 'conflict';

export interface Recorded {
  readonly outcome: Outcome;
  /** Whether the catalog now names the object's own file; of a duplicate, and of a conflict known before, it does not. */
  readonly fileNamed: boolean;
}

/** What statements are sent by: a transaction of knex, or anything that looks like one. */
export interface Statements {
  raw(sql: string, values: readonly (string | number | null | readonly string[])[]): PromiseLike<{ rows: unknown[] }>;
}

/**
 * Records a group of instances: rows of study, series and instance, and the counts above them, in the caller's
 * transaction. READ COMMITTED; studies are locked, and instances inserted, in the order of their UIDs, so that parallel
 * groups wait for each other and never fail. A study or series of which nothing was stored leaves no row.
 * Repeats of one SOP Instance UID within the group are the caller's to separate.
 */
export async function recordInstances(tx: Statements, group: readonly InstanceRecord[]): Promise<Recorded[]> {
  const { rows } = await tx.raw('SELECT record_instances(?::jsonb) AS inserted', [groupText(group)]);
  return judgeGroup(tx, group, insertedOf(rows));
}

/** The answer of the function record_instances: null where all were inserted. */
export function insertedOf(rows: readonly unknown[]): readonly string[] | null {
  const [row] = rows;
  const inserted = typeof row === 'object' && row !== null && 'inserted' in row ? row.inserted : undefined;
  if (inserted === null) return null;
  if (!Array.isArray(inserted)) throw new Error('record_instances answered with no list');
  return inserted.map(String);
}

/** What became of each, after the function has inserted all (null) or some; conflicts are written down. */
export async function judgeGroup(
  tx: Statements,
  group: readonly InstanceRecord[],
  inserted: readonly string[] | null,
): Promise<Recorded[]> {
  if (inserted === null) return group.map(() => STORED);
  const stored = new Set(inserted);
  const isStored = (record: InstanceRecord): boolean => stored.has(storable(record.sopInstanceUid));
  const held = await whatIsHeld(
    tx,
    group.filter((record) => !isStored(record)),
  );
  const judged = new Map<InstanceRecord, Recorded>();
  // In the order of the UIDs, as the instances were inserted.
  for (const record of [...group].sort((a, b) => (a.sopInstanceUid < b.sopInstanceUid ? -1 : 1))) {
    const first = held.get(record.sopInstanceUid);
    if (isStored(record)) judged.set(record, STORED);
    else if (first === identity(record)) judged.set(record, { outcome: 'duplicate', fileNamed: false });
    else judged.set(record, { outcome: 'conflict', fileNamed: await keepApart(tx, record, first) });
  }
  return group.map((record) => judged.get(record)!);
}

const STORED: Recorded = { outcome: 'stored', fileNamed: true };

function identity(record: InstanceRecord): string {
  return `${record.studyInstanceUid} ${record.seriesInstanceUid} ${record.instance.digest}`;
}

/** Study, series and digest of those that are held, by SOP Instance UID. */
async function whatIsHeld(tx: Statements, records: readonly InstanceRecord[]): Promise<Map<string, string>> {
  const { rows } = await tx.raw(
    `SELECT i.sop_instance_uid, s.study_instance_uid || ' ' || e.series_instance_uid || ' ' || encode(i.digest, 'hex') AS identity
     FROM instances i JOIN series e ON e.id = i.series_id JOIN studies s ON s.id = e.study_id
     WHERE i.sop_instance_uid = ANY(?::text[])`,
    [records.map((record) => record.sopInstanceUid)],
  );
  return new Map(
    (rows as { sop_instance_uid: string; identity: string }[]).map((row) => [row.sop_instance_uid, row.identity]),
  );
}

/** Writes down what was refused under a SOP Instance UID that is taken; false where it was written down before. */
async function keepApart(tx: Statements, record: InstanceRecord, held: string | undefined): Promise<boolean> {
  const [study, series] = (held ?? '').split(' ');
  const reason =
    study !== record.studyInstanceUid
      ? 'the SOP Instance UID is held in another study'
      : series !== record.seriesInstanceUid
        ? 'the SOP Instance UID is held in another series'
        : 'the SOP Instance UID is held with other content';
  const { rows } = await tx.raw(
    `INSERT INTO conflicts (sop_instance_uid, study_instance_uid, series_instance_uid, storage_key, size, digest, reason)
     VALUES (?, ?, ?, ?, ?, decode(?, 'hex'), ?) ON CONFLICT (sop_instance_uid, digest) DO NOTHING
     RETURNING id`,
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
  return rows.length > 0;
}
