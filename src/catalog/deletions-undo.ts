import { noteRestored } from './changes.ts';
import type { Transaction } from './database.ts';
import { type Kind, lockStudies, recount } from './deletions.ts';
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
  await lockStudies(tx, [study]);
  await tx.raw(RESTORE_STUDY, [deletionId]);
  // Purging begins with a row lock, too: what is marked before this is gone, what is held here cannot be marked.
  await tx.raw('SELECT id FROM trash WHERE deletion_id = ? AND NOT purging ORDER BY id FOR UPDATE', [deletionId]);
  await tx.raw(RESTORE_SERIES, [deletionId, study]);
  await tx.raw(RESTORE_MISMATCHES, [deletionId, study]);
  const held: { rows: (Back & { id: number })[] } = await tx.raw(RESTORE_INSTANCES, [deletionId, study]);
  await noteRestored(
    tx,
    held.rows.map(({ id }) => id),
  );
  const instances = await takeOut(tx, deletionId, 'instance', held);
  const conflicts = await takeOut(tx, deletionId, 'conflict', await tx.raw(RESTORE_CONFLICTS, [deletionId]));
  const restored = [...instances, ...conflicts];
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
  const gained = new Set(instances.filter(({ origin }) => origin === 'received').map(({ series }) => series));
  return {
    restored: restored.length,
    left: left.rows.map(({ uid }) => uid),
    series: [...gained].map((seriesInstanceUid) => ({ studyInstanceUid: study, seriesInstanceUid })),
  };
}

interface Back {
  readonly uid: string;
  readonly digest: string;
}

interface Restored {
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

const RESTORE_MISMATCHES = `
  INSERT INTO patient_mismatches
  SELECT r.* FROM trash_parents p, studies s,
    jsonb_populate_record(NULL::patient_mismatches, p.content || jsonb_build_object('study_id', s.id)) r
  WHERE p.deletion_id = ? AND p.kind = 'mismatch' AND s.study_instance_uid = ?
  ON CONFLICT DO NOTHING`;

/** In the order in which ingest inserts, so that the two wait for each other and never fail. */
const RESTORE_INSTANCES = `
  INSERT INTO instances OVERRIDING SYSTEM VALUE
  SELECT r.* FROM trash t JOIN studies s ON s.study_instance_uid = t.study_instance_uid
    JOIN series e ON e.study_id = s.id AND e.series_instance_uid = t.series_instance_uid,
    jsonb_populate_record(NULL::instances, t.content || jsonb_build_object('series_id', e.id)) r
  WHERE t.deletion_id = ? AND t.kind = 'instance' AND NOT t.purging AND t.study_instance_uid = ?
  ORDER BY t.sop_instance_uid COLLATE "C"
  ON CONFLICT DO NOTHING RETURNING id, sop_instance_uid AS uid, encode(digest, 'hex') AS digest`;

const RESTORE_CONFLICTS = `
  INSERT INTO conflicts OVERRIDING SYSTEM VALUE
  SELECT r.* FROM trash t, jsonb_populate_record(NULL::conflicts, t.content) r
  WHERE t.deletion_id = ? AND t.kind = 'conflict' AND NOT t.purging ORDER BY t.sop_instance_uid COLLATE "C"
  ON CONFLICT DO NOTHING RETURNING sop_instance_uid AS uid, encode(digest, 'hex') AS digest`;

/** What is back leaves the trash. By values: joined to what was inserted, PostgreSQL guesses one row and loops over all. */
async function takeOut(tx: Transaction, deletionId: number, kind: Kind, back: { rows: Back[] }): Promise<Restored[]> {
  const names = back.rows.map(({ uid, digest }) => `${uid} ${digest}`);
  const { rows }: { rows: Restored[] } = await tx.raw(
    `DELETE FROM trash t WHERE t.deletion_id = ? AND t.kind = ? AND NOT t.purging
       AND t.sop_instance_uid || ' ' || encode(t.digest, 'hex') = ANY(?::text[])
     RETURNING t.series_instance_uid AS series, t.content ->> 'origin' AS origin, t.size`,
    [deletionId, kind, names],
  );
  return rows;
}
