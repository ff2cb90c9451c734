import type { Database, Transaction } from './database.ts';

export type AnalysisState = 'skipped' | 'waiting' | 'running' | 'delivered' | 'failed' | 'cancelled';

/** What fills one input slot of the model. */
export interface AnalysisInput {
  readonly slot: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopInstanceUids: readonly string[];
}

/** Why the series was taken for complete. */
export interface SettleEvidence {
  readonly confidence: 'high' | 'medium' | 'low';
  /** For a person: one sentence. */
  readonly reason: string;
}

/** What one model made of one content of one series. */
export interface Analysis {
  readonly id: number;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  /** Digest of the series' content: more or other instances make another analysis. */
  readonly inputDigest: string;
  readonly modelId: string;
  readonly modelVersion: string;
  readonly modelDigest: string;
  readonly route: string | null;
  readonly deliverTo: readonly string[];
  readonly state: AnalysisState;
  /** For a person: one sentence. */
  readonly reason: string;
  /** What was found, in a sentence; null before inference. */
  readonly conclusion: string | null;
  /** JSON text of what was measured; null before inference. */
  readonly findings: string | null;
  readonly receivedAt: Date | null;
  readonly settledAt: Date;
  readonly startedAt: Date | null;
  readonly inferredAt: Date | null;
  readonly deliveredAt: Date | null;
  /** 1 for the first content of the series that this model saw; each later one counts on. */
  readonly revision: number;
  /** The earlier analysis whose results this one's take the place of. */
  readonly supersedesId: number | null;
  readonly evidence: SettleEvidence | null;
  /** Null in one from before there were several slots: the whole series. */
  readonly inputs: readonly AnalysisInput[] | null;
  /** Greater is sooner; STAT from 100 on. */
  readonly priority: number;
  readonly cancelledAt: Date | null;
  readonly cancelledBy: string | null;
  /** Plain JSON: what each route said of each slot and series. */
  readonly explanation: unknown;
  /** shadow: beside another; its results are compared and go nowhere. */
  readonly mode: 'primary' | 'shadow';
  /** The analysis whose findings led to this one. */
  readonly parentId: number | null;
  /** It waits for a further input until then; no job has been left yet. */
  readonly waitUntil: Date | null;
}

export type NewAnalysis = Pick<
  Analysis,
  | 'studyInstanceUid'
  | 'seriesInstanceUid'
  | 'inputDigest'
  | 'modelId'
  | 'modelVersion'
  | 'modelDigest'
  | 'route'
  | 'deliverTo'
  | 'state'
  | 'reason'
  | 'receivedAt'
> &
  Partial<Pick<Analysis, 'revision' | 'supersedesId' | 'evidence' | 'inputs' | 'priority'>> &
  Partial<Pick<Analysis, 'explanation' | 'mode' | 'parentId' | 'waitUntil'>>;

export interface Result {
  readonly sopInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly sopClassUid: string;
}

export interface Delivery {
  readonly peer: string;
  readonly attempts: number;
  readonly lastError: string | null;
  readonly deliveredAt: Date | null;
  /** Whether the peer commits to what it got: asked, committed, or not and why; null where it is not asked to. */
  readonly commitment: string | null;
}

export type AnalysisReport = Analysis & {
  readonly results: readonly Result[];
  readonly deliveries: readonly Delivery[];
};

const COLUMNS = `
  id, study_instance_uid AS "studyInstanceUid", series_instance_uid AS "seriesInstanceUid", input_digest AS "inputDigest",
  model_id AS "modelId", model_version AS "modelVersion", model_digest AS "modelDigest", route, deliver_to AS "deliverTo",
  state, reason, conclusion, findings, received_at AS "receivedAt", settled_at AS "settledAt", started_at AS "startedAt",
  inferred_at AS "inferredAt", delivered_at AS "deliveredAt", revision, supersedes_id AS "supersedesId", evidence, inputs,
  priority, cancelled_at AS "cancelledAt", cancelled_by AS "cancelledBy", explanation, mode, parent_id AS "parentId",
  wait_until AS "waitUntil"`;

/** Opens an analysis once: undefined when this content of the series already has one for this model. */
export async function openAnalysis(tx: Transaction, analysis: NewAnalysis): Promise<number | undefined> {
  const { rows }: { rows: { id: number }[] } = await tx.raw(
    `INSERT INTO analyses (study_instance_uid, series_instance_uid, input_digest, model_id, model_version, model_digest, route,
       deliver_to, state, reason, received_at, revision, supersedes_id, evidence, inputs, priority, explanation, mode,
       parent_id, wait_until)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?::jsonb, ?::jsonb, ?, ?::jsonb, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING id`,
    [
      analysis.studyInstanceUid,
      analysis.seriesInstanceUid,
      analysis.inputDigest,
      analysis.modelId,
      analysis.modelVersion,
      analysis.modelDigest,
      analysis.route,
      [...analysis.deliverTo],
      analysis.state,
      analysis.reason,
      analysis.receivedAt,
      analysis.revision ?? 1,
      analysis.supersedesId ?? null,
      analysis.evidence ? JSON.stringify(analysis.evidence) : null,
      analysis.inputs ? JSON.stringify(analysis.inputs) : null,
      analysis.priority ?? 0,
      analysis.explanation ? JSON.stringify(analysis.explanation) : null,
      analysis.mode ?? 'primary',
      analysis.parentId ?? null,
      analysis.waitUntil ?? null,
    ],
  );
  return rows[0]?.id;
}

/**
 * What an analysis that waited for a further input has become: taken up with it, or without, or not to be run. Undefined
 * where none of this model waits for this series.
 */
export async function takeUpWaiting(tx: Transaction, analysis: NewAnalysis): Promise<number | undefined> {
  const { rows }: { rows: { id: number }[] } = await tx.raw(
    `UPDATE analyses SET input_digest = ?, route = ?, deliver_to = ?, state = ?, reason = ?, inputs = ?::jsonb, priority = ?,
       explanation = ?::jsonb, wait_until = ?
     WHERE study_instance_uid = ? AND series_instance_uid = ? AND model_id = ? AND model_version = ? AND model_digest = ?
       AND state = 'waiting' AND wait_until IS NOT NULL
     RETURNING id`,
    [
      analysis.inputDigest,
      analysis.route,
      [...analysis.deliverTo],
      analysis.state,
      analysis.reason,
      analysis.inputs ? JSON.stringify(analysis.inputs) : null,
      analysis.priority ?? 0,
      analysis.explanation ? JSON.stringify(analysis.explanation) : null,
      analysis.waitUntil ?? null,
      analysis.studyInstanceUid,
      analysis.seriesInstanceUid,
      analysis.modelId,
      analysis.modelVersion,
      analysis.modelDigest,
    ],
  );
  return rows[0]?.id;
}

/** What waits for its turn in a study is at least this urgent from now on. Resolves to those that were less. */
export async function raisePriority(tx: Transaction, studyInstanceUid: string, priority: number): Promise<number[]> {
  const { rows }: { rows: { id: number }[] } = await tx.raw(
    `UPDATE analyses SET priority = ? WHERE study_instance_uid = ? AND priority < ? AND state = 'waiting'
       AND wait_until IS NULL AND mode = 'primary' RETURNING id`,
    [priority, studyInstanceUid, priority],
  );
  return rows.map(({ id }) => id);
}

export async function readAnalysis(database: Database | Transaction, id: number): Promise<Analysis | undefined> {
  const { rows }: { rows: Analysis[] } = await database.raw(`SELECT ${COLUMNS} FROM analyses WHERE id = ?`, [id]);
  return rows[0];
}

/**
 * What happened to an analysis: a new state with its reason; the time of the step is set the first time it is reached. One
 * that was cancelled stays so.
 */
export async function moveAnalysis(
  database: Database | Transaction,
  id: number,
  state: AnalysisState,
  reason: string,
  step?: 'started' | 'delivered',
): Promise<void> {
  const time = step === undefined ? '' : `, ${step}_at = coalesce(${step}_at, now())`;
  await database.raw(`UPDATE analyses SET state = ?, reason = ?${time} WHERE id = ? AND state <> 'cancelled'`, [
    state,
    reason,
    id,
  ]);
}

/**
 * Inference is over: its findings, its result objects and the deliveries they wait for, together. The results of one that
 * was cancelled meanwhile are noted, so that what comes after can reject them, and go to nobody.
 */
export async function recordResults(
  tx: Transaction,
  id: number,
  outcome: {
    readonly conclusion: string;
    readonly findings: string;
    readonly reason: string;
    readonly results: readonly Result[];
    readonly peers: readonly string[];
  },
): Promise<void> {
  const done = outcome.peers.length === 0;
  await tx.raw(
    `UPDATE analyses SET conclusion = ?, findings = ?, inferred_at = now(),
       state = CASE WHEN state = 'cancelled' THEN state ELSE ? END,
       reason = CASE WHEN state = 'cancelled' THEN reason ELSE ? END,
       delivered_at = CASE WHEN ?::boolean AND state <> 'cancelled' THEN now() END WHERE id = ?`,
    [outcome.conclusion, outcome.findings, done ? 'delivered' : 'running', outcome.reason, done, id],
  );
  for (const result of outcome.results) {
    await tx.raw(
      'INSERT INTO results (analysis_id, sop_instance_uid, series_instance_uid, sop_class_uid) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING',
      [id, result.sopInstanceUid, result.seriesInstanceUid, result.sopClassUid],
    );
  }
  for (const peer of outcome.peers)
    await tx.raw(
      `INSERT INTO deliveries (analysis_id, peer) SELECT id, ? FROM analyses WHERE id = ? AND state <> 'cancelled'
       ON CONFLICT DO NOTHING`,
      [peer, id],
    );
}

/** One more result object of an analysis that has some. */
export async function addResult(database: Database, id: number, result: Result): Promise<void> {
  await database.raw(
    `INSERT INTO results (analysis_id, sop_instance_uid, series_instance_uid, sop_class_uid) VALUES (?, ?, ?, ?)
     ON CONFLICT DO NOTHING`,
    [id, result.sopInstanceUid, result.seriesInstanceUid, result.sopClassUid],
  );
}

export async function readResults(database: Database, id: number): Promise<Result[]> {
  const { rows }: { rows: Result[] } = await database.raw(
    `SELECT sop_instance_uid AS "sopInstanceUid", series_instance_uid AS "seriesInstanceUid", sop_class_uid AS "sopClassUid"
     FROM results WHERE analysis_id = ? ORDER BY sop_class_uid, sop_instance_uid`,
    [id],
  );
  return rows;
}

export async function failDelivery(database: Database, id: number, peer: string, error: string): Promise<void> {
  await database.raw(
    'UPDATE deliveries SET attempts = attempts + 1, last_error = ? WHERE analysis_id = ? AND peer = ?',
    [error, id, peer],
  );
}

/** Marks one delivery done; resolves to how many are still open. */
export async function completeDelivery(tx: Transaction, id: number, peer: string): Promise<number> {
  await tx.raw('SELECT id FROM analyses WHERE id = ? FOR UPDATE', [id]);
  await tx.raw(
    'UPDATE deliveries SET attempts = attempts + 1, last_error = NULL, delivered_at = coalesce(delivered_at, now()) WHERE analysis_id = ? AND peer = ?',
    [id, peer],
  );
  return openDeliveries(tx, id);
}

/** Takes back a delivery that was not made; resolves to how many are still open. */
export async function dropDelivery(tx: Transaction, id: number, peer: string): Promise<number> {
  await tx.raw('SELECT id FROM analyses WHERE id = ? FOR UPDATE', [id]);
  await tx.raw('DELETE FROM deliveries WHERE analysis_id = ? AND peer = ? AND delivered_at IS NULL', [id, peer]);
  return openDeliveries(tx, id);
}

async function openDeliveries(tx: Transaction, id: number): Promise<number> {
  const { rows }: { rows: { open: number }[] } = await tx.raw(
    'SELECT count(*) AS open FROM deliveries WHERE analysis_id = ? AND delivered_at IS NULL',
    [id],
  );
  return rows[0]?.open ?? 0;
}

/** All analyses of a series, newest first, with their results and deliveries. */
export async function reportSeries(database: Database, seriesInstanceUid: string): Promise<AnalysisReport[]> {
  return report(database, 'WHERE series_instance_uid = ? ORDER BY id DESC', [seriesInstanceUid]);
}

/** The newest analyses of the node. */
export async function reportNewest(database: Database, limit: number): Promise<AnalysisReport[]> {
  return report(database, 'ORDER BY id DESC LIMIT ?', [limit]);
}

async function report(database: Database, selection: string, values: (string | number)[]): Promise<AnalysisReport[]> {
  const { rows }: { rows: Analysis[] } = await database.raw(`SELECT ${COLUMNS} FROM analyses ${selection}`, values);
  return Promise.all(
    rows.map(async (analysis) => ({
      ...analysis,
      results: await readResults(database, analysis.id),
      deliveries: await readDeliveries(database, analysis.id),
    })),
  );
}

async function readDeliveries(database: Database, id: number): Promise<Delivery[]> {
  const { rows }: { rows: Delivery[] } = await database.raw(
    `SELECT peer, attempts, last_error AS "lastError", delivered_at AS "deliveredAt", commitment
     FROM deliveries WHERE analysis_id = ? ORDER BY peer`,
    [id],
  );
  return rows;
}

/** A job's key names its analysis, so that an analysis without one can be told. */
export function analysisJobKey(id: number): string {
  return `analyze ${id}`;
}
