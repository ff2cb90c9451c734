import { PROTECTABLE, type Protection } from '../retention-settings.ts';
import type { Database, Transaction } from './database.ts';

/** Where the attributes stand by which retention.protect names studies. */
const COLUMN_OF: Readonly<Record<(typeof PROTECTABLE)[number], string>> = {
  StudyInstanceUID: 's.study_instance_uid',
  PatientID: 's.patient_id',
  AccessionNumber: 's.accession_number',
  StudyID: 's.study_id',
  StudyDescription: 's.study_description',
  ModalitiesInStudy: 's.modalities',
};

export interface Candidate {
  readonly studyInstanceUid: string;
}

/** A study that failed so often waits for a person. */
export const MOST_ATTEMPTS = 3;

/**
 * Studies that may go, in the order in which they first came: nothing received since `quietDays` days, on no hold, not
 * protected, with no analysis under way, none that failed and may be tried again, and no result that a peer has not got; not those that failed within a day,
 * and never those that failed three times.
 *
 * By the primary key and not by an index of its own: what is old is at its beginning, and stays few.
 */
export async function retentionCandidates(
  database: Database | Transaction,
  wanted: {
    readonly quietDays: number;
    readonly protect: readonly Protection[];
    readonly limit: number;
    /** Only this one: asked again when nobody else can change it any more. */
    readonly studyInstanceUid?: string;
  },
): Promise<Candidate[]> {
  const { condition, values } = isProtected(wanted.protect);
  const only = wanted.studyInstanceUid === undefined ? 'true' : 's.study_instance_uid = ?';
  const { rows }: { rows: Candidate[] } = await database.raw(
    `SELECT s.study_instance_uid AS "studyInstanceUid" FROM studies s
     WHERE s.created_at < now() - make_interval(secs => ?) AND ${only} AND NOT ${condition}
       AND NOT EXISTS (SELECT FROM series e WHERE e.study_id = s.id
                       AND e.last_received_at >= now() - make_interval(secs => ?))
       AND NOT EXISTS (SELECT FROM holds h WHERE h.study_instance_uid = s.study_instance_uid)
       AND NOT EXISTS (SELECT FROM retention_failures f WHERE f.study_instance_uid = s.study_instance_uid
                       AND (f.attempts >= ? OR f.failed_at > now() - interval '1 day'))
       AND NOT EXISTS (
         SELECT FROM series e JOIN analyses a
           ON a.series_instance_uid = e.series_instance_uid AND a.study_instance_uid = s.study_instance_uid
         WHERE e.study_id = s.id AND (a.state IN ('waiting', 'running')
           OR EXISTS (SELECT FROM deliveries d WHERE d.analysis_id = a.id AND d.delivered_at IS NULL)
           OR EXISTS (SELECT FROM dead_letters l WHERE l.analysis_id = a.id AND l.ended_at IS NULL)))
     ORDER BY s.id LIMIT ?`,
    [
      wanted.quietDays * SECONDS_OF_A_DAY,
      ...(wanted.studyInstanceUid === undefined ? [] : [wanted.studyInstanceUid]),
      ...values,
      wanted.quietDays * SECONDS_OF_A_DAY,
      MOST_ATTEMPTS,
      wanted.limit,
    ],
  );
  return rows;
}

const SECONDS_OF_A_DAY = 86_400;

function isProtected(protect: readonly Protection[]): { condition: string; values: string[] } {
  const values: string[] = [];
  const entries = protect.map((entry) => {
    const equalities = PROTECTABLE.filter((key) => entry[key] !== undefined).map((key) => {
      values.push(entry[key] ?? '');
      const column = COLUMN_OF[key];
      return key === 'ModalitiesInStudy' ? `? = ANY(${column})` : `coalesce(${column}, '') = ?`;
    });
    return `(${equalities.join(' AND ')})`;
  });
  return { condition: entries.length === 0 ? 'false' : `(${entries.join(' OR ')})`, values };
}

/** Why a study could not be deleted by retention: one row a study, however often it fails. */
export interface RetentionFailure {
  readonly studyInstanceUid: string;
  readonly attempts: number;
  readonly reason: string;
  readonly failedAt: Date;
}

export async function noteRetentionFailure(
  database: Database,
  studyInstanceUid: string,
  reason: string,
): Promise<void> {
  await database.raw(
    `INSERT INTO retention_failures AS f (study_instance_uid, reason) VALUES (?, ?)
     ON CONFLICT (study_instance_uid) DO UPDATE SET attempts = f.attempts + 1, reason = excluded.reason, failed_at = now()`,
    [studyInstanceUid, reason],
  );
}

export async function clearRetentionFailure(tx: Transaction, studyInstanceUid: string): Promise<void> {
  await tx.raw('DELETE FROM retention_failures WHERE study_instance_uid = ?', [studyInstanceUid]);
}

export async function readRetentionFailures(database: Database, limit: number): Promise<RetentionFailure[]> {
  const { rows }: { rows: RetentionFailure[] } = await database.raw(
    `SELECT study_instance_uid AS "studyInstanceUid", attempts, reason, failed_at AS "failedAt"
     FROM retention_failures ORDER BY failed_at DESC LIMIT ?`,
    [limit],
  );
  return rows;
}
