import { noteGone } from './changes.ts';
import type { Transaction } from './database.ts';
import { addEvent } from './deletions-events.ts';

/** What is to go: a study, one of its series, or one instance. */
export interface DeletedPlace {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid?: string | undefined;
  readonly sopInstanceUid?: string | undefined;
  /** Of several objects kept apart under that UID, this one. */
  readonly conflictId?: number;
}

export type DeletionCause = 'request' | 'retention' | 'reconcile';

export interface Why {
  readonly cause: DeletionCause;
  readonly reason: string;
  readonly by: string;
  /** How long it can be undone. */
  readonly undoDays: number;
}

/** What went into the trash. */
export interface Deleted {
  readonly deletionId: number;
  readonly instances: number;
  readonly bytes: number;
  readonly purgeAfter: Date;
}

/** Which of the two tables an object in the trash came from. */
export type Kind = 'instance' | 'conflict';

/** "VOXS", as in the trigger share_study of migration 0006. */
const STUDY_LOCK = 0x564f5853;

/**
 * Has the studies alone until the transaction ends: who receives into one of them waits, or is waited for. First by
 * name, because ingest may be about to make the row, and another deletion to remove it; then its row, if there is one.
 * One study after the other in the order of the UIDs, as ingest goes. To be called before anything else of them is read.
 */
export async function lockStudies(tx: Transaction, studyInstanceUids: readonly string[]): Promise<void> {
  for (const uid of [...new Set(studyInstanceUids)].sort()) {
    await tx.raw('SELECT pg_advisory_xact_lock(?, hashtext(?))', [STUDY_LOCK, uid]);
    await tx.raw('SELECT id FROM studies WHERE study_instance_uid = ? FOR UPDATE', [uid]);
  }
}

/**
 * Moves the rows of a place into the trash, with what was kept apart there, and corrects the counts above them.
 * The caller has the study by `lockStudies`. Resolves to undefined where there is nothing.
 *
 * @param kinds which rows: a deletion takes both, reconciling one of them
 */
export async function moveToTrash(
  tx: Transaction,
  place: DeletedPlace,
  why: Why,
  kinds: readonly Kind[] = ['instance', 'conflict'],
): Promise<Deleted | undefined> {
  const { instances, bytes } = await measure(tx, place, kinds);
  if (instances === 0) return undefined;
  const { rows }: { rows: { id: number; purgeAfter: Date }[] } = await tx.raw(
    `INSERT INTO deletions (cause, study_instance_uid, series_instance_uid, sop_instance_uid, reason, deleted_by, instances,
       bytes, purge_after)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, now() + make_interval(secs => ?)) RETURNING id, purge_after AS "purgeAfter"`,
    [why.cause, ...uidsOf(place), why.reason, why.by, instances, bytes, why.undoDays * SECONDS_OF_A_DAY],
  );
  const { id, purgeAfter } = rows[0]!;
  const { condition, values } = whereInstances(place);
  if (kinds.includes('instance')) {
    await tx.raw(KEEP_STUDY, [id, place.studyInstanceUid]);
    await tx.raw(KEEP_MISMATCHES, [id, place.studyInstanceUid]);
    await tx.raw(KEEP_SERIES.replace('$condition', condition), [id, ...values]);
    await tx.raw(MOVE_INSTANCES.replace('$condition', condition), [...values, id]);
    await noteGone(tx, id, why.cause === 'reconcile' ? 'superseded' : 'deleted');
    await recount(tx, place.studyInstanceUid);
  }
  if (kinds.includes('conflict')) {
    const apart = whereConflicts(place);
    await tx.raw(MOVE_CONFLICTS.replace('$condition', apart.condition), [...apart.values, id]);
  }
  await addEvent(tx, 'deleted', { ...place, doneBy: why.by, reason: why.reason, deletionId: id, instances, bytes });
  return { deletionId: id, instances, bytes, purgeAfter };
}

const SECONDS_OF_A_DAY = 86_400;

export function uidsOf(place: DeletedPlace): [string, string | null, string | null] {
  return [place.studyInstanceUid, place.seriesInstanceUid ?? null, place.sopInstanceUid ?? null];
}

interface Where {
  readonly condition: string;
  readonly values: readonly (string | number)[];
}

function whereInstances(place: DeletedPlace): Where {
  return where(place, ['s.study_instance_uid', 'e.series_instance_uid', 'i.sop_instance_uid']);
}

function whereConflicts(place: DeletedPlace): Where {
  const { condition, values } = where(place, ['c.study_instance_uid', 'c.series_instance_uid', 'c.sop_instance_uid']);
  return place.conflictId === undefined
    ? { condition, values }
    : { condition: `${condition} AND c.id = ?`, values: [...values, place.conflictId] };
}

function where(place: DeletedPlace, columns: readonly [string, string, string]): Where {
  const given = uidsOf(place).flatMap((uid, i) => (uid === null ? [] : [[columns[i]!, uid] as const]));
  return { condition: given.map(([column]) => `${column} = ?`).join(' AND '), values: given.map(([, uid]) => uid) };
}

async function measure(
  tx: Transaction,
  place: DeletedPlace,
  kinds: readonly Kind[],
): Promise<{ instances: number; bytes: number }> {
  const [held, apart] = [whereInstances(place), whereConflicts(place)];
  const { rows }: { rows: { kind: Kind; instances: number; bytes: number }[] } = await tx.raw(
    `SELECT 'instance' AS kind, count(*) AS instances, coalesce(sum(i.size), 0)::bigint AS bytes
     FROM instances i JOIN series e ON e.id = i.series_id JOIN studies s ON s.id = e.study_id WHERE ${held.condition}
     UNION ALL
     SELECT 'conflict', count(*), coalesce(sum(c.size), 0)::bigint FROM conflicts c WHERE ${apart.condition}`,
    [...held.values, ...apart.values],
  );
  const counted = rows.filter(({ kind }) => kinds.includes(kind));
  return {
    instances: counted.reduce((sum, row) => sum + row.instances, 0),
    bytes: counted.reduce((sum, row) => sum + row.bytes, 0),
  };
}

const KEEP_STUDY = `
  INSERT INTO trash_parents (deletion_id, kind, content)
  SELECT ?, 'study', to_jsonb(s) FROM studies s WHERE s.study_instance_uid = ?`;

const KEEP_MISMATCHES = `
  INSERT INTO trash_parents (deletion_id, kind, content)
  SELECT ?, 'mismatch', to_jsonb(m)
  FROM patient_mismatches m JOIN studies s ON s.id = m.study_id WHERE s.study_instance_uid = ?`;

const KEEP_SERIES = `
  INSERT INTO trash_parents (deletion_id, kind, series_instance_uid, content)
  SELECT ?, 'series', e.series_instance_uid, to_jsonb(e)
  FROM series e JOIN studies s ON s.id = e.study_id JOIN instances i ON i.series_id = e.id
  WHERE $condition GROUP BY e.id`;

const MOVE_INSTANCES = `
  WITH gone AS (
    DELETE FROM instances i USING series e, studies s
    WHERE e.id = i.series_id AND s.id = e.study_id AND $condition
    RETURNING i.sop_instance_uid, s.study_instance_uid, e.series_instance_uid, i.storage_key, i.size, i.digest,
      to_jsonb(i) AS content
  )
  INSERT INTO trash (deletion_id, kind, study_instance_uid, series_instance_uid, sop_instance_uid, storage_key, size, digest,
    content)
  SELECT ?, 'instance', study_instance_uid, series_instance_uid, sop_instance_uid, storage_key, size, digest, content
  FROM gone ORDER BY sop_instance_uid COLLATE "C"`;

const MOVE_CONFLICTS = `
  WITH gone AS (
    DELETE FROM conflicts c WHERE $condition
    RETURNING c.sop_instance_uid, c.study_instance_uid, c.series_instance_uid, c.storage_key, c.size, c.digest,
      to_jsonb(c) AS content
  )
  INSERT INTO trash (deletion_id, kind, study_instance_uid, series_instance_uid, sop_instance_uid, storage_key, size, digest,
    content)
  SELECT ?, 'conflict', study_instance_uid, series_instance_uid, sop_instance_uid, storage_key, size, digest, content
  FROM gone ORDER BY sop_instance_uid COLLATE "C"`;

/**
 * Counts of a study as they are, and no study or series without an instance. Counted anew rather than added up: who
 * deletes has the study alone, and what is rare may cost a look at all of its rows.
 */
export async function recount(tx: Transaction, studyInstanceUid: string): Promise<void> {
  for (const statement of RECOUNT) await tx.raw(statement, [studyInstanceUid]);
}

const RECOUNT = [
  `UPDATE series e SET number_of_instances = c.instances
   FROM (SELECT e.id, count(i.series_id)::integer AS instances
         FROM studies s JOIN series e ON e.study_id = s.id LEFT JOIN instances i ON i.series_id = e.id
         WHERE s.study_instance_uid = ? GROUP BY e.id) c
   WHERE e.id = c.id AND e.number_of_instances <> c.instances`,
  `DELETE FROM series e USING studies s
   WHERE s.id = e.study_id AND s.study_instance_uid = ? AND e.number_of_instances = 0`,
  `UPDATE studies s SET
     number_of_series = (SELECT count(*) FROM series e WHERE e.study_id = s.id),
     number_of_instances = (SELECT coalesce(sum(e.number_of_instances), 0) FROM series e WHERE e.study_id = s.id),
     modalities = ARRAY(SELECT DISTINCT e.modality FROM series e WHERE e.study_id = s.id AND e.modality IS NOT NULL ORDER BY 1),
     updated_at = now()
   WHERE s.study_instance_uid = ?`,
  'DELETE FROM studies s WHERE s.study_instance_uid = ? AND s.number_of_instances = 0',
] as const;
