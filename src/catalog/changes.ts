import type { Database, Transaction } from './database.ts';

/** What became of an instance. "superseded": another object took the place under its SOP Instance UID. */
export type ChangeAction = 'stored' | 'deleted' | 'restored' | 'superseded';

/** One instance, one change; numbered without gaps, in an order that never changes afterwards. UIDs only. */
export interface Change {
  readonly sequence: number;
  /** When its transaction began: not in the order of the numbers, which is that of becoming true. */
  readonly at: Date;
  readonly action: ChangeAction;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
}

/** The numbers that can be asked for: `oldest` to `newest`, none where `newest` is one less. */
export interface ChangeRange {
  readonly oldest: number;
  readonly newest: number;
}

const ACTIONS: Readonly<Record<string, ChangeAction>> = { s: 'stored', d: 'deleted', r: 'restored', u: 'superseded' };

/** Groups that one call numbers: of 200 instances at most, so that it holds its lock for milliseconds. */
const NUMBERED_AT_ONCE = 500;

/** Numbers what has become true since; resolves to whether there is more. Ingest does not wait for it. */
export async function numberChanges(database: Database): Promise<boolean> {
  const { rows }: { rows: { numbered: number }[] } = await database.raw('SELECT number_changes(?) AS numbered', [
    NUMBERED_AT_ONCE,
  ]);
  return rows[0]?.numbered === NUMBERED_AT_ONCE;
}

export async function readChangeRange(database: Database): Promise<ChangeRange> {
  const { rows }: { rows: { last: number; forgotten: number }[] } = await database.raw(
    'SELECT last, forgotten FROM change_numbers',
  );
  const { last = 0, forgotten = 0 } = rows[0] ?? {};
  return { oldest: forgotten + 1, newest: last };
}

interface ChangeRow {
  readonly sequence: number;
  readonly at: Date;
  readonly code: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUid: string;
}

/**
 * The changes after a number, at most so many. Groups are read whole by the key of their last instance, up to the one
 * that has the last that is asked for; the UIDs are those of the rows that are held, or of what they left when they went.
 */
export async function readChanges(database: Database, since: number, limit: number): Promise<Change[]> {
  const { rows }: { rows: ChangeRow[] } = await database.raw(READ, [since, since + limit, since + limit, since, limit]);
  return rows.map(({ code, ...change }) => ({ ...change, action: ACTIONS[code] ?? 'stored' }));
}

const READ = `
  WITH entries AS (
    SELECT c.last - cardinality(c.instances) + u.position AS sequence, c.at, c.action, u.id
    FROM (
      SELECT * FROM changes
      WHERE last > ? AND last <= coalesce((SELECT min(last) FROM changes WHERE last >= ?::bigint), ?::bigint)
    ) c,
      unnest(c.instances) WITH ORDINALITY AS u(id, position)
    WHERE c.last - cardinality(c.instances) + u.position > ?
    ORDER BY 1 LIMIT ?
  )
  SELECT n.sequence, n.at, n.action::text AS code,
    coalesce(s.study_instance_uid, g.study_instance_uid) AS "studyInstanceUid",
    coalesce(e.series_instance_uid, g.series_instance_uid) AS "seriesInstanceUid",
    coalesce(i.sop_instance_uid, g.sop_instance_uid) AS "sopInstanceUid"
  FROM entries n
    LEFT JOIN instances i ON i.id = n.id LEFT JOIN series e ON e.id = i.series_id LEFT JOIN studies s ON s.id = e.study_id
    LEFT JOIN changes_gone g ON g.instance_id = n.id
  ORDER BY n.sequence`;

/** Notes that a deletion has taken its instances away, and keeps the UIDs by which the feed names them. */
export async function noteGone(
  tx: Transaction,
  deletionId: number,
  action: 'deleted' | 'superseded' = 'deleted',
): Promise<void> {
  await tx.raw(
    `INSERT INTO changes_gone (instance_id, study_instance_uid, series_instance_uid, sop_instance_uid)
     SELECT (content ->> 'id')::bigint, study_instance_uid, series_instance_uid, sop_instance_uid
     FROM trash WHERE deletion_id = ? AND kind = 'instance'
     ON CONFLICT (instance_id) DO UPDATE SET at = now()`,
    [deletionId],
  );
  await tx.raw(
    `INSERT INTO changes_noted (action, instances)
     SELECT ?::"char", array_agg((content ->> 'id')::bigint ORDER BY id)
     FROM trash WHERE deletion_id = ? AND kind = 'instance' GROUP BY (id - (SELECT min(id) FROM trash WHERE deletion_id = ?)) / ?`,
    [action === 'deleted' ? 'd' : 'u', deletionId, deletionId, LARGEST_ENTRY],
  );
}

/** A deletion of 10,000 instances is many entries: one row of the feed stays as small as ingest makes them. */
const LARGEST_ENTRY = 200;

/** Notes that instances are held again, by the ids of their rows. */
export async function noteRestored(tx: Transaction, instanceIds: readonly number[]): Promise<void> {
  for (let at = 0; at < instanceIds.length; at += LARGEST_ENTRY)
    await tx.raw(`INSERT INTO changes_noted (action, instances) VALUES ('r', ?::bigint[])`, [
      [...instanceIds.slice(at, at + LARGEST_ENTRY)],
    ]);
  await tx.raw('DELETE FROM changes_gone WHERE instance_id = ANY(?::bigint[])', [[...instanceIds]]);
}

/** Forgets what is older than so many days; resolves to how many rows went. What is not numbered yet stays. */
export async function forgetChanges(database: Database, days: number): Promise<number> {
  return database.transaction(async (tx) => {
    const { rows }: { rows: { last: number | null; groups: number }[] } = await tx.raw(
      `WITH gone AS (
         DELETE FROM changes WHERE last <= (SELECT max(last) FROM changes WHERE at < now() - make_interval(days => ?))
         RETURNING last
       ) SELECT max(last) AS last, count(*) AS groups FROM gone`,
      [days],
    );
    const { last, groups } = rows[0] ?? { last: null, groups: 0 };
    if (last !== null) await tx.raw('UPDATE change_numbers SET forgotten = greatest(forgotten, ?)', [last]);
    // Its own deletion is the last that the feed tells of an instance; what is not numbered yet has still to be told.
    await tx.raw(
      `DELETE FROM changes_gone WHERE at < now() - make_interval(days => ?)
         AND NOT EXISTS (SELECT FROM changes_noted WHERE at < now() - make_interval(days => ?))`,
      [days, days],
    );
    return groups;
  });
}
