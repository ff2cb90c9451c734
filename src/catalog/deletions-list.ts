import type { Database } from './database.ts';
import type { DeletionCause } from './deletions.ts';

/** What became of one deletion. */
export interface DeletionReport {
  readonly id: number;
  readonly cause: DeletionCause;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string | null;
  readonly sopInstanceUid: string | null;
  readonly reason: string;
  readonly deletedBy: string;
  readonly deletedAt: Date;
  /** When its files are removed, unless it is undone before. */
  readonly purgeAfter: Date;
  /** Its objects, those kept apart included, and their bytes. */
  readonly instances: number;
  readonly bytes: number;
  /** Objects that can still be brought back; that were; whose files are removed. */
  readonly waiting: number;
  readonly undone: number;
  readonly purged: number;
}

const REPORT = `
  SELECT d.id, d.cause, d.study_instance_uid AS "studyInstanceUid", d.series_instance_uid AS "seriesInstanceUid",
    d.sop_instance_uid AS "sopInstanceUid", d.reason, d.deleted_by AS "deletedBy", d.deleted_at AS "deletedAt",
    d.purge_after AS "purgeAfter", d.instances, d.bytes,
    (SELECT count(*) FROM trash t WHERE t.deletion_id = d.id AND NOT t.purging) AS waiting,
    (SELECT coalesce(sum(e.instances), 0) FROM archive_events e WHERE e.deletion_id = d.id AND e.event = 'undone') AS undone,
    (SELECT coalesce(sum(e.instances), 0) FROM archive_events e WHERE e.deletion_id = d.id AND e.event = 'purged') AS purged
  FROM deletions d`;

/** The newest deletions, before number `before` where one is named. */
export async function readDeletions(database: Database, limit: number, before?: number): Promise<DeletionReport[]> {
  const { rows }: { rows: DeletionReport[] } = await database.raw(
    `${REPORT} WHERE d.id < ? ORDER BY d.id DESC LIMIT ?`,
    [before ?? Number.MAX_SAFE_INTEGER, limit],
  );
  return rows;
}

export async function readDeletion(database: Database, id: number): Promise<DeletionReport | undefined> {
  const { rows }: { rows: DeletionReport[] } = await database.raw(`${REPORT} WHERE d.id = ?`, [id]);
  return rows[0];
}
