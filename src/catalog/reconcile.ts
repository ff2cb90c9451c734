import type { Database, Transaction } from './database.ts';

/** What the object kept apart disagrees about with the one that is held under its SOP Instance UID. */
export type ConflictKind = 'other-content' | 'other-series' | 'other-study' | 'free';

/** An object kept apart because its SOP Instance UID was taken: where it says it belongs, and what is held instead. */
export interface KeptApart {
  readonly id: number;
  readonly sopInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly storageKey: string;
  readonly size: number;
  /** SHA-256 of its data set, hexadecimal. */
  readonly digest: string;
  readonly reason: string;
  readonly receivedAt: Date;
  /** The object held under that UID now; null where it is gone by now, and the UID is free. */
  readonly heldStudyInstanceUid: string | null;
  readonly heldSeriesInstanceUid: string | null;
  readonly kind: ConflictKind;
}

const KEPT_APART = `
  SELECT c.id, c.sop_instance_uid AS "sopInstanceUid", c.study_instance_uid AS "studyInstanceUid",
    c.series_instance_uid AS "seriesInstanceUid", c.storage_key AS "storageKey", c.size,
    encode(c.digest, 'hex') AS digest, c.reason, c.received_at AS "receivedAt",
    s.study_instance_uid AS "heldStudyInstanceUid", e.series_instance_uid AS "heldSeriesInstanceUid",
    CASE WHEN i.sop_instance_uid IS NULL THEN 'free'
      WHEN s.study_instance_uid <> c.study_instance_uid THEN 'other-study'
      WHEN e.series_instance_uid <> c.series_instance_uid THEN 'other-series'
      ELSE 'other-content' END AS kind
  FROM conflicts c LEFT JOIN instances i ON i.sop_instance_uid = c.sop_instance_uid
    LEFT JOIN series e ON e.id = i.series_id LEFT JOIN studies s ON s.id = e.study_id`;

/** The newest objects kept apart, before number `before` where one is named. */
export async function readKeptApart(database: Database, limit: number, before?: number): Promise<KeptApart[]> {
  const { rows }: { rows: KeptApart[] } = await database.raw(
    `${KEPT_APART} WHERE c.id < ? ORDER BY c.id DESC LIMIT ?`,
    [before ?? Number.MAX_SAFE_INTEGER, limit],
  );
  return rows;
}

export async function readOneKeptApart(database: Database | Transaction, id: number): Promise<KeptApart | undefined> {
  const { rows }: { rows: KeptApart[] } = await database.raw(`${KEPT_APART} WHERE c.id = ?`, [id]);
  return rows[0];
}

/** Takes the row of an object kept apart away, and leaves its file. Resolves to whether it was there. */
export async function takeKeptApart(tx: Transaction, id: number): Promise<boolean> {
  const { rows }: { rows: unknown[] } = await tx.raw('DELETE FROM conflicts WHERE id = ? RETURNING 1', [id]);
  return rows.length > 0;
}

/**
 * A study whose instances name more than one patient: stored all the same. Which patients is in the objects, not here:
 * the console names nobody.
 */
export interface PatientMismatch {
  readonly studyInstanceUid: string;
  /** One instance that names another patient than the study does, and how many do. */
  readonly sopInstanceUid: string;
  readonly numberOfInstances: number;
  readonly firstReceivedAt: Date;
  readonly lastReceivedAt: Date;
}

export async function readPatientMismatches(database: Database, limit: number): Promise<PatientMismatch[]> {
  const { rows }: { rows: PatientMismatch[] } = await database.raw(
    `SELECT s.study_instance_uid AS "studyInstanceUid", m.sop_instance_uid AS "sopInstanceUid",
       m.number_of_instances AS "numberOfInstances", m.first_received_at AS "firstReceivedAt",
       m.last_received_at AS "lastReceivedAt"
     FROM patient_mismatches m JOIN studies s ON s.id = m.study_id ORDER BY m.last_received_at DESC LIMIT ?`,
    [limit],
  );
  return rows;
}

/** An object that was stored although something was wrong with it. */
export interface Warned {
  readonly id: number;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
  readonly receivedAt: Date;
  /** Sentences that name attributes and never values. */
  readonly warnings: readonly string[];
}

/** The newest of them, before number `before` where one is named. */
export async function readWarned(database: Database, limit: number, before?: number): Promise<Warned[]> {
  const { rows }: { rows: (Omit<Warned, 'warnings'> & { warnings: string })[] } = await database.raw(
    `SELECT i.id, s.study_instance_uid AS "studyInstanceUid", e.series_instance_uid AS "seriesInstanceUid",
       i.sop_instance_uid AS "sopInstanceUid", i.received_at AS "receivedAt", i.warnings
     FROM instances i JOIN series e ON e.id = i.series_id JOIN studies s ON s.id = e.study_id
     WHERE i.warnings IS NOT NULL AND i.id < ? ORDER BY i.id DESC LIMIT ?`,
    [before ?? Number.MAX_SAFE_INTEGER, limit],
  );
  return rows.map(({ warnings, ...row }) => ({ ...row, warnings: sentences(warnings) }));
}

/** As ingest wrote them: a JSON list of sentences. */
function sentences(text: string): string[] {
  const list: unknown = JSON.parse(text);
  return Array.isArray(list) ? list.map(String) : [];
}
