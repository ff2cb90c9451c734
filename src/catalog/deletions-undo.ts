import type { Transaction } from './database.ts';
import { lockStudies, recount } from './deletions.ts';
import { addEvent } from './deletions-events.ts';

export interface Undone {
  /** How many are held (or kept apart) again. */
  readonly restored: number;
  /** SOP Instance UIDs of those still in the trash, because something is held under that UID by now. */
  readonly left: readonly string[];
  /** Series that gained an instance received from outside. */
  readonly series: readonly { readonly studyInstanceUid: string; readonly seriesInstanceUid: string }[];
}

/**
 * Brings the rows of a deletion back as they were, and the study and series above them where those are gone.
 * Resolves to undefined where there is no such deletion.
 */
export async function bringBack(tx: Transaction, deletionId: number, by: string): Promise<Undone | undefined> {
  const { rows }: { rows: { study: string }[] } = await tx.raw(
    'SELECT study_instance_uid AS study FROM deletions WHERE id = ?',
    [deletionId],
  );
  const study = rows[0]?.study;
  if (study === undefined) return undefined;
  await haveStudy(tx, deletionId, study);
  // Purging begins with a row lock, too: what is marked before this is gone, what is held here cannot be marked.
  await tx.raw('SELECT id FROM trash WHERE deletion_id = ? AND NOT purging ORDER BY id FOR UPDATE', [deletionId]);
  await tx.raw(RESTORE_SERIES, [deletionId, study]);
  const instances: { rows: Restored[] } = await tx.raw(RESTORE_INSTANCES, [deletionId, study, deletionId]);
  const conflicts: { rows: Restored[] } = await tx.raw(RESTORE_CONFLICTS, [deletionId, deletionId]);
  const restored = [...instances.rows, ...conflicts.rows];
  await tx.raw('DELETE FROM trash WHERE id = ANY(?::bigint[])', [restored.map(({ id }) => id)]);
  await recount(tx, study);
  const left: { rows: { uid: string }[] } = await tx.raw(
    'SELECT sop_instance_uid AS uid FROM trash WHERE deletion_id = ? AND NOT purging ORDER BY id',
    [deletionId],
  );
  if (restored.length > 0)
    await addEvent(tx, 'undone', {
      doneBy: by,
      deletionId,
      studyInstanceUid: study,
      instances: restored.length,
      bytes: restored.reduce((sum, { size }) => sum + size, 0),
    });
  const gained = new Set(instances.rows.filter(({ origin }) => origin === 'received').map(({ series }) => series));
  return {
    restored: restored.length,
    left: left.rows.map(({ uid }) => uid),
    series: [...gained].map((seriesInstanceUid) => ({ studyInstanceUid: study, seriesInstanceUid })),
  };
}

/** The study's row, and the right to change what is below it: locked where it is there, made anew where it is gone. */
async function haveStudy(tx: Transaction, deletionId: number, study: string): Promise<void> {
  while ((await lockStudies(tx, [study])) === 0) {
    const { rowCount }: { rowCount: number } = await tx.raw(RESTORE_STUDY, [deletionId]);
    // Neither there nor made: it came between the two and is locked now, or nothing is kept that needs it.
    if (rowCount > 0 || !(await keepsStudy(tx, deletionId))) return;
  }
}

async function keepsStudy(tx: Transaction, deletionId: number): Promise<boolean> {
  const { rows }: { rows: unknown[] } = await tx.raw(
    `SELECT FROM trash_parents WHERE deletion_id = ? AND kind = 'study'`,
    [deletionId],
  );
  return rows.length > 0;
}

interface Restored {
  readonly id: number;
  readonly series: string;
  readonly origin: string | null;
  readonly size: number;
}

const RESTORE_STUDY = `
  INSERT INTO studies OVERRIDING SYSTEM VALUE
  SELECT (jsonb_populate_record(NULL::studies, p.content)).*
  FROM trash_parents p WHERE p.deletion_id = ? AND p.kind = 'study'
  ON CONFLICT DO NOTHING`;

const RESTORE_SERIES = `
  INSERT INTO series OVERRIDING SYSTEM VALUE
  SELECT r.* FROM trash_parents p, studies s,
    jsonb_populate_record(NULL::series, p.content || jsonb_build_object('study_id', s.id)) r
  WHERE p.deletion_id = ? AND p.kind = 'series' AND s.study_instance_uid = ?
  ORDER BY p.series_instance_uid COLLATE "C"
  ON CONFLICT DO NOTHING`;

/** In the order in which ingest inserts, so that the two wait for each other and never fail. */
const RESTORE_INSTANCES = `
  WITH back AS (
    INSERT INTO instances OVERRIDING SYSTEM VALUE
    SELECT r.* FROM trash t JOIN studies s ON s.study_instance_uid = t.study_instance_uid
      JOIN series e ON e.study_id = s.id AND e.series_instance_uid = t.series_instance_uid,
      jsonb_populate_record(NULL::instances, t.content || jsonb_build_object('series_id', e.id)) r
    WHERE t.deletion_id = ? AND t.kind = 'instance' AND NOT t.purging AND t.study_instance_uid = ?
    ORDER BY t.sop_instance_uid COLLATE "C"
    ON CONFLICT DO NOTHING RETURNING sop_instance_uid, storage_key
  )
  SELECT t.id, t.series_instance_uid AS series, t.content ->> 'origin' AS origin, t.size
  FROM trash t JOIN back b ON b.sop_instance_uid = t.sop_instance_uid AND b.storage_key = t.storage_key
  WHERE t.deletion_id = ? AND t.kind = 'instance' AND NOT t.purging`;

const RESTORE_CONFLICTS = `
  WITH back AS (
    INSERT INTO conflicts OVERRIDING SYSTEM VALUE
    SELECT r.* FROM trash t, jsonb_populate_record(NULL::conflicts, t.content) r
    WHERE t.deletion_id = ? AND t.kind = 'conflict' AND NOT t.purging ORDER BY t.sop_instance_uid COLLATE "C"
    ON CONFLICT DO NOTHING RETURNING sop_instance_uid, storage_key
  )
  SELECT t.id, t.series_instance_uid AS series, NULL AS origin, t.size
  FROM trash t JOIN back b ON b.sop_instance_uid = t.sop_instance_uid AND b.storage_key = t.storage_key
  WHERE t.deletion_id = ? AND t.kind = 'conflict' AND NOT t.purging`;
