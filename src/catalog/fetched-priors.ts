import type { Database, Transaction } from './database.ts';

/** Whether peers were asked for earlier studies of this one's patient, and what came of it. */
export interface PriorSearch {
  readonly state: 'searching' | 'done';
  /** For a person: one sentence. */
  readonly reason: string;
}

export async function readPriorSearch(database: Database, studyInstanceUid: string): Promise<PriorSearch | undefined> {
  const { rows }: { rows: PriorSearch[] } = await database.raw(
    'SELECT state, reason FROM prior_searches WHERE study_instance_uid = ?',
    [studyInstanceUid],
  );
  return rows[0];
}

/** Opens a search once; false where there is one already. */
export async function openPriorSearch(tx: Transaction, studyInstanceUid: string): Promise<boolean> {
  const { rows }: { rows: unknown[] } = await tx.raw(
    `INSERT INTO prior_searches (study_instance_uid, state, reason) VALUES (?, 'searching', 'Peers are being asked.')
     ON CONFLICT DO NOTHING RETURNING study_instance_uid`,
    [studyInstanceUid],
  );
  return rows.length > 0;
}

export async function endPriorSearch(tx: Transaction, studyInstanceUid: string, reason: string): Promise<void> {
  await tx.raw(`UPDATE prior_searches SET state = 'done', reason = ?, ended_at = now() WHERE study_instance_uid = ?`, [
    reason,
    studyInstanceUid,
  ]);
}

/** To be noted before the first of its instances is asked for: only then it is never taken for a new examination. */
export async function noteFetched(
  database: Database,
  prior: { readonly studyInstanceUid: string; readonly fetchedFor: string; readonly peer: string },
): Promise<void> {
  await database.raw(
    'INSERT INTO fetched_priors (study_instance_uid, fetched_for, peer) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    [prior.studyInstanceUid, prior.fetchedFor, prior.peer],
  );
}

export async function isFetched(database: Database, studyInstanceUid: string): Promise<boolean> {
  const { rows }: { rows: unknown[] } = await database.raw(
    'SELECT 1 FROM fetched_priors WHERE study_instance_uid = ?',
    [studyInstanceUid],
  );
  return rows.length > 0;
}

/** Whether a study, or any of it, is held. */
export async function isHeld(database: Database, studyInstanceUid: string): Promise<boolean> {
  const { rows }: { rows: unknown[] } = await database.raw('SELECT 1 FROM studies WHERE study_instance_uid = ?', [
    studyInstanceUid,
  ]);
  return rows.length > 0;
}

/** Series whose analyses wait for an input, of the study that this one was fetched for. */
export async function readWaitingFor(
  tx: Transaction,
  fetchedStudy: string,
): Promise<{ studyInstanceUid: string; seriesInstanceUid: string }[]> {
  const { rows }: { rows: { studyInstanceUid: string; seriesInstanceUid: string }[] } = await tx.raw(
    `SELECT DISTINCT a.study_instance_uid AS "studyInstanceUid", a.series_instance_uid AS "seriesInstanceUid"
     FROM fetched_priors f JOIN analyses a ON a.study_instance_uid = f.fetched_for
     WHERE f.study_instance_uid = ? AND a.wait_until IS NOT NULL AND a.state = 'waiting'`,
    [fetchedStudy],
  );
  return rows;
}
