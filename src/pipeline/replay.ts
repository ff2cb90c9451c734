import { settleKey } from '../archive/commit-queue.ts';
import { readAnalysis } from '../catalog/analyses.ts';
import type { Database, Transaction } from '../catalog/database.ts';
import { type DeadLetter, endDeadLetter, listDeadLetters } from '../catalog/dead-letters.ts';
import { enqueue, type JobPayloads } from '../jobs/queue.ts';
import { leaveAnalysis, leaveDelivery } from './leave-analysis.ts';

/** Letters that are replayed in one go. */
const MOST_AT_ONCE = 1000;

/**
 * Tries a job again that was given up. An analysis is planned anew as well: a model that was put right since is another
 * one, and makes an analysis of its own.
 * @returns false where the letter is not on the list (any more)
 */
export function replayDeadLetter(database: Database, id: number, by: string): Promise<boolean> {
  return database.transaction(async (tx) => {
    const letter = await endDeadLetter(tx, id, by, 'replayed');
    if (letter) await leaveAgain(tx, letter);
    return letter !== undefined;
  });
}

/** Tries every analysis again that failed with a model. @returns how many */
export async function replayModel(database: Database, modelId: string, by: string): Promise<number> {
  const letters = await listDeadLetters(database, { limit: MOST_AT_ONCE, modelId });
  let replayed = 0;
  for (const { id } of letters) if (await replayDeadLetter(database, id, by)) replayed += 1;
  return replayed;
}

/** Takes a job that was given up from the list without trying it again. */
export function dismissDeadLetter(database: Database, id: number, by: string): Promise<boolean> {
  return database.transaction(async (tx) => (await endDeadLetter(tx, id, by, 'dismissed')) !== undefined);
}

async function leaveAgain(tx: Transaction, letter: DeadLetter): Promise<void> {
  const { job, payload, jobKey, analysisId, studyInstanceUid, seriesInstanceUid } = letter;
  const analysis = analysisId === null ? undefined : await readAnalysis(tx, analysisId);
  if (job === 'analyze-series' || job === 'analyze-urgent') {
    if (!analysis) return;
    await tx.raw(
      `UPDATE analyses SET state = 'waiting', reason = 'Waiting for its turn: it failed before and is tried again.',
         cancelled_at = NULL, cancelled_by = NULL WHERE id = ?`,
      [analysis.id],
    );
    await leaveAnalysis(tx, analysis.id, analysis.priority);
    if (studyInstanceUid !== null && seriesInstanceUid !== null) {
      const place = { studyInstanceUid, seriesInstanceUid };
      await enqueue(tx, 'settle-series', place, { key: settleKey(studyInstanceUid, seriesInstanceUid) });
    }
    return;
  }
  if (analysis && job === 'deliver-results') {
    await tx.raw(`UPDATE analyses SET state = 'running', reason = ? WHERE id = ? AND state = 'failed'`, [
      `${analysis.conclusion ?? ''} The delivery is tried again.`.trim(),
      analysis.id,
    ]);
    return leaveDelivery(tx, analysis, String(payload['peer']));
  }
  // The names and payloads of the table are those that enqueue() wrote.
  await enqueue(tx, job as keyof JobPayloads, payload as never, jobKey === null ? {} : { key: jobKey });
}
