import type { Database, Transaction } from './database.ts';

export type ArchiveEvent = 'deleted' | 'undone' | 'purged' | 'held' | 'released' | 'accepted' | 'dismissed' | 'swept';

/** Who did what to which part of the archive, and why. UIDs only: nobody's name. */
export interface EventDetails {
  readonly doneBy: string;
  readonly reason?: string | undefined;
  readonly deletionId?: number | undefined;
  readonly studyInstanceUid?: string | undefined;
  readonly seriesInstanceUid?: string | undefined;
  readonly sopInstanceUid?: string | undefined;
  readonly instances?: number | undefined;
  readonly bytes?: number | undefined;
}

export type RecordedEvent = { readonly id: number; readonly at: Date; readonly event: ArchiveEvent } & {
  readonly [Key in keyof EventDetails]-?: NonNullable<EventDetails[Key]> | null;
};

/** Adds a line to the audit, in the transaction of what it tells; lines are never changed or removed. */
export async function addEvent(
  database: Database | Transaction,
  event: ArchiveEvent,
  details: EventDetails,
): Promise<void> {
  await database.raw(
    `INSERT INTO archive_events (event, done_by, reason, deletion_id, study_instance_uid, series_instance_uid,
       sop_instance_uid, instances, bytes)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    [
      event,
      details.doneBy,
      details.reason ?? null,
      details.deletionId ?? null,
      details.studyInstanceUid ?? null,
      details.seriesInstanceUid ?? null,
      details.sopInstanceUid ?? null,
      details.instances ?? 0,
      details.bytes ?? 0,
    ],
  );
}

/** The newest lines of the audit, before line `before` where one is named. */
export async function readEvents(database: Database, limit: number, before?: number): Promise<RecordedEvent[]> {
  const { rows }: { rows: RecordedEvent[] } = await database.raw(
    `SELECT id, at, event, done_by AS "doneBy", reason, deletion_id AS "deletionId",
       study_instance_uid AS "studyInstanceUid", series_instance_uid AS "seriesInstanceUid",
       sop_instance_uid AS "sopInstanceUid", instances, bytes
     FROM archive_events WHERE id < ? ORDER BY id DESC LIMIT ?`,
    [before ?? Number.MAX_SAFE_INTEGER, limit],
  );
  return rows;
}
