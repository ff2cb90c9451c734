import { type NewAnalysis, openAnalysis } from './analyses.ts';
import type { Database, Transaction } from './database.ts';

export interface Opened {
  readonly id: number;
  /** Analyses of earlier contents that wait or run: nobody wants their results any more. */
  readonly cancelled: readonly number[];
}

/**
 * Opens an analysis as the next revision of those that the same model made of earlier contents of the series; undefined
 * when this content has one. What waits or runs for an earlier content is cancelled. The caller holds the study
 * (`lockStudy`): of two at once the second sees the first.
 */
export async function openRevision(tx: Transaction, analysis: NewAnalysis): Promise<Opened | undefined> {
  const { studyInstanceUid, seriesInstanceUid, modelId, modelVersion, inputDigest } = analysis;
  const { rows }: { rows: { id: number; revision: number }[] } = await tx.raw(
    `SELECT id, revision FROM analyses
     WHERE study_instance_uid = ? AND series_instance_uid = ? AND model_id = ? AND input_digest <> ? AND state <> 'skipped'
     ORDER BY model_version = ? DESC, revision DESC, id DESC LIMIT 1`,
    [studyInstanceUid, seriesInstanceUid, modelId, inputDigest, modelVersion],
  );
  const [before] = rows;
  const id = await openAnalysis(tx, {
    ...analysis,
    revision: (before?.revision ?? 0) + 1,
    supersedesId: analysis.state === 'skipped' ? null : (before?.id ?? null),
  });
  if (id === undefined) return undefined;
  return { id, cancelled: await cancelEarlier(tx, id, analysis) };
}

async function cancelEarlier(tx: Transaction, id: number, analysis: NewAnalysis): Promise<number[]> {
  const { rows }: { rows: { id: number }[] } = await tx.raw(
    `UPDATE analyses SET state = 'cancelled', cancelled_at = now(), cancelled_by = 'this node',
       reason = 'Cancelled: the content of the series has changed since; it is analysed as it is now.'
     WHERE study_instance_uid = ? AND series_instance_uid = ? AND model_id = ? AND input_digest <> ? AND id <> ?
       AND state IN ('waiting', 'running') AND inferred_at IS NULL
     RETURNING id`,
    [analysis.studyInstanceUid, analysis.seriesInstanceUid, analysis.modelId, analysis.inputDigest, id],
  );
  return rows.map((row) => row.id);
}

/** "VOXP": first half of the advisory lock's key. */
const LOCK_SPACE = 0x564f5850;

/** What is planned for a study is planned by one at a time. */
export async function lockStudy(tx: Transaction, studyInstanceUid: string): Promise<void> {
  await tx.raw('SELECT pg_advisory_xact_lock(?, hashtext(?))', [LOCK_SPACE, studyInstanceUid]);
}

/** An earlier analysis in the chain that one supersedes, and what it made. */
export interface Predecessor {
  readonly analysisId: number;
  readonly revision: number;
  readonly results: readonly {
    readonly sopInstanceUid: string;
    readonly seriesInstanceUid: string;
    readonly sopClassUid: string;
  }[];
}

/** Those that an analysis supersedes and that have results, newest first; each stands for all before it. */
export async function readPredecessors(database: Database, analysisId: number): Promise<Predecessor[]> {
  const { rows }: { rows: Predecessor[] } = await database.raw(
    `WITH RECURSIVE chain AS (
       SELECT a.supersedes_id AS id, 1 AS depth FROM analyses a WHERE a.id = ?
       UNION ALL SELECT a.supersedes_id, c.depth + 1 FROM chain c JOIN analyses a ON a.id = c.id WHERE c.depth < 1000
     )
     SELECT a.id AS "analysisId", a.revision, json_agg(json_build_object('sopInstanceUid', r.sop_instance_uid,
       'seriesInstanceUid', r.series_instance_uid, 'sopClassUid', r.sop_class_uid) ORDER BY r.sop_instance_uid) AS results
     FROM chain c JOIN analyses a ON a.id = c.id JOIN results r ON r.analysis_id = a.id
     GROUP BY a.id, a.revision, c.depth ORDER BY c.depth`,
    [analysisId],
  );
  return rows;
}

/** Whether a later analysis with results has taken the place of this one. */
export async function isSuperseded(database: Database | Transaction, analysisId: number): Promise<boolean> {
  const { rows }: { rows: { superseded: boolean }[] } = await database.raw(
    `WITH RECURSIVE later AS (
       SELECT id, inferred_at FROM analyses WHERE supersedes_id = ?
       UNION SELECT a.id, a.inferred_at FROM later l JOIN analyses a ON a.supersedes_id = l.id
     ) SELECT EXISTS (SELECT FROM later WHERE inferred_at IS NOT NULL) AS superseded`,
    [analysisId],
  );
  return rows[0]?.superseded === true;
}
