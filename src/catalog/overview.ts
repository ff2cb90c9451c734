import type { Database } from './database.ts';

export interface Totals {
  readonly studies: number;
  readonly series: number;
  readonly instances: number;
  readonly bytes: number;
}

/** How much is held. */
export async function readTotals(database: Database): Promise<Totals> {
  const { rows }: { rows: Totals[] } = await database.raw(
    `SELECT (SELECT count(*) FROM studies) AS studies, (SELECT count(*) FROM series) AS series,
       count(*) AS instances, coalesce(sum(size), 0)::bigint AS bytes FROM instances`,
  );
  return rows[0]!;
}

/** An object kept apart because its SOP Instance UID was taken. */
export interface Conflict {
  readonly sopInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly reason: string;
  readonly receivedAt: Date;
}

export async function readConflicts(database: Database, limit: number): Promise<Conflict[]> {
  const { rows }: { rows: Conflict[] } = await database.raw(
    `SELECT sop_instance_uid AS "sopInstanceUid", study_instance_uid AS "studyInstanceUid", series_instance_uid AS "seriesInstanceUid",
       reason, received_at AS "receivedAt" FROM conflicts ORDER BY id DESC LIMIT ?`,
    [limit],
  );
  return rows;
}
