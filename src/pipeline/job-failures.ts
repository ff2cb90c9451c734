import { analysisJobKey, moveAnalysis } from '../catalog/analyses.ts';
import type { Database } from '../catalog/database.ts';
import { addDeadLetter, countFailure } from '../catalog/dead-letters.ts';
import type { JobFailure } from '../jobs/queue.ts';

/** Counts every try that failed, and keeps each job that is given up for a person to look at. */
export function keepFailures(database: Database): (failure: JobFailure) => Promise<void> {
  return ({ job, key, payload, attempt, class: kind, code, reason, final }) =>
    database.transaction(async (tx) => {
      await countFailure(tx, { job, class: kind, code });
      if (!final) return;
      const known = typeof payload === 'object' && payload !== null ? { ...payload } : {};
      const analysisId = 'analysisId' in known && typeof known.analysisId === 'number' ? known.analysisId : null;
      await addDeadLetter(tx, {
        job,
        jobKey: key,
        payload: known,
        class: kind,
        code,
        reason,
        attempts: attempt,
        analysisId,
      });
      if (analysisId !== null && key === analysisJobKey(analysisId))
        await moveAnalysis(tx, analysisId, 'failed', `Failed: ${reason}`);
      if (analysisId !== null && job === 'deliver-results')
        await tx.raw(
          `UPDATE analyses SET state = 'failed', reason = replace(reason, 'will be tried again', 'given up')
           WHERE id = ? AND state = 'running'`,
          [analysisId],
        );
    });
}
