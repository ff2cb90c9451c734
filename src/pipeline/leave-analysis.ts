import { createHash } from 'node:crypto';
import { analysisJobKey } from '../catalog/analyses.ts';
import type { Database, Transaction } from '../catalog/database.ts';
import { enqueue } from '../jobs/queue.ts';

/** STAT from this priority on. */
export const STAT_PRIORITY = 100;
const ANALYSIS_ATTEMPTS = 5;

/** Leaves the job of an analysis; one that is urgent has a place of its own. */
export function leaveAnalysis(tx: Transaction | Database, analysisId: number, priority: number): Promise<void> {
  const name = priority >= STAT_PRIORITY ? 'analyze-urgent' : 'analyze-series';
  const key = analysisJobKey(analysisId);
  return enqueue(tx, name, { analysisId }, { key, maxAttempts: ANALYSIS_ATTEMPTS, priority });
}

/** The content of a series by the UIDs of its instances, in whatever order they came. */
export function contentDigest(sopInstanceUids: readonly string[]): string {
  return createHash('sha256')
    .update([...sopInstanceUids].sort().join('\n'))
    .digest('hex');
}
