import type { Database, Transaction } from './database.ts';

export type FailureClass = 'transient' | 'data' | 'model' | 'resource' | 'destination';

/** A job that is not tried again by itself: what it was, why it failed, and what it was about. */
export interface DeadLetter {
  readonly id: number;
  readonly job: string;
  readonly jobKey: string | null;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly class: FailureClass;
  readonly code: string;
  /** For a person: one sentence. */
  readonly reason: string;
  readonly attempts: number;
  readonly analysisId: number | null;
  readonly modelId: string | null;
  readonly modelVersion: string | null;
  readonly studyInstanceUid: string | null;
  readonly seriesInstanceUid: string | null;
  readonly diedAt: Date;
}

export type NewDeadLetter = Pick<
  DeadLetter,
  'job' | 'jobKey' | 'payload' | 'class' | 'code' | 'reason' | 'attempts' | 'analysisId'
>;

const COLUMNS = `
  l.id, l.job, l.job_key AS "jobKey", l.payload, l.class, l.code, l.reason, l.attempts, l.analysis_id AS "analysisId",
  a.model_id AS "modelId", a.model_version AS "modelVersion",
  coalesce(a.study_instance_uid, l.payload->>'studyInstanceUid') AS "studyInstanceUid",
  coalesce(a.series_instance_uid, l.payload->>'seriesInstanceUid') AS "seriesInstanceUid", l.died_at AS "diedAt"
  FROM dead_letters l LEFT JOIN analyses a ON a.id = l.analysis_id`;

/** One for each job that is over: what an earlier try of the same key left is taken from the list. */
export async function addDeadLetter(tx: Transaction, letter: NewDeadLetter): Promise<void> {
  if (letter.jobKey !== null)
    await tx.raw(
      `UPDATE dead_letters SET ended_at = now(), ended_by = 'this node', ending = 'replayed' WHERE job_key = ? AND ended_at IS NULL`,
      [letter.jobKey],
    );
  await tx.raw(
    `INSERT INTO dead_letters (job, job_key, payload, class, code, reason, attempts, analysis_id)
     VALUES (?, ?, ?::jsonb, ?, ?, ?, ?, (SELECT id FROM analyses WHERE id = ?))`,
    [
      letter.job,
      letter.jobKey,
      JSON.stringify(letter.payload),
      letter.class,
      letter.code,
      letter.reason,
      letter.attempts,
      letter.analysisId,
    ],
  );
}

/** Those that wait for a person, newest first. */
export async function listDeadLetters(
  database: Database,
  { limit, before, modelId }: { readonly limit: number; readonly before?: number; readonly modelId?: string },
): Promise<DeadLetter[]> {
  const { rows }: { rows: DeadLetter[] } = await database.raw(
    `SELECT ${COLUMNS} WHERE l.ended_at IS NULL AND l.id < ? AND (?::text IS NULL OR a.model_id = ?)
     ORDER BY l.id DESC LIMIT ?`,
    [before ?? Number.MAX_SAFE_INTEGER, modelId ?? null, modelId ?? null, limit],
  );
  return rows;
}

/** Takes a letter from the list for good; undefined where it is not on it (any more). */
export async function endDeadLetter(
  tx: Transaction,
  id: number,
  endedBy: string,
  ending: 'replayed' | 'dismissed',
): Promise<DeadLetter | undefined> {
  const { rows }: { rows: unknown[] } = await tx.raw(
    'UPDATE dead_letters SET ended_at = now(), ended_by = ?, ending = ? WHERE id = ? AND ended_at IS NULL RETURNING id',
    [endedBy, ending, id],
  );
  if (rows.length === 0) return undefined;
  const read: { rows: DeadLetter[] } = await tx.raw(`SELECT ${COLUMNS} WHERE l.id = ?`, [id]);
  return read.rows[0];
}

export async function countFailure(
  tx: Transaction,
  { job, class: kind, code }: Pick<DeadLetter, 'job' | 'class' | 'code'>,
): Promise<void> {
  await tx.raw(
    `INSERT INTO job_failures AS f (job, class, code, failures) VALUES (?, ?, ?, 1)
     ON CONFLICT (job, class, code) DO UPDATE SET failures = f.failures + 1, last_at = now()`,
    [job, kind, code],
  );
}

/** Tries that failed, of which kind, since the database was made. */
export interface FailureCount {
  readonly job: string;
  readonly class: FailureClass;
  readonly code: string;
  readonly failures: number;
  readonly lastAt: Date;
}

export async function readFailureCounts(database: Database): Promise<FailureCount[]> {
  const { rows }: { rows: FailureCount[] } = await database.raw(
    'SELECT job, class, code, failures, last_at AS "lastAt" FROM job_failures ORDER BY failures DESC, job, code',
  );
  return rows;
}
