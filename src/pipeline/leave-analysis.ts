import { createHash } from 'node:crypto';
import { type Analysis, analysisJobKey } from '../catalog/analyses.ts';
import type { Database, Transaction } from '../catalog/database.ts';
import { enqueue } from '../jobs/queue.ts';

/** STAT from this priority on. */
export const STAT_PRIORITY = 100;
/** Most of them for processes that are ended by others; what fails by itself has its pauses between. */
const ANALYSIS_ATTEMPTS = 10;

/** Leaves the job of an analysis; one that is urgent has a place of its own. */
export function leaveAnalysis(tx: Transaction | Database, analysisId: number, priority: number): Promise<void> {
  const name = priority >= STAT_PRIORITY ? 'analyze-urgent' : 'analyze-series';
  const key = analysisJobKey(analysisId);
  return enqueue(tx, name, { analysisId }, { key, maxAttempts: ANALYSIS_ATTEMPTS, priority });
}

/** Deliveries to one peer at once. */
const DELIVERY_QUEUES = 8;

/**
 * Leaves the delivery of an analysis' results to a peer. Those of one series go one after the other: what a newer
 * revision rejects does not come after its rejection.
 */
export function leaveDelivery(
  tx: Transaction | Database,
  { id, seriesInstanceUid, priority }: Pick<Analysis, 'id' | 'seriesInstanceUid' | 'priority'>,
  peer: string,
): Promise<void> {
  const lane = createHash('sha256').update(seriesInstanceUid).digest().readUInt32BE(0) % DELIVERY_QUEUES;
  return enqueue(tx, 'deliver-results', { analysisId: id, peer }, { queue: `deliver ${peer} ${lane}`, priority });
}

/** The content of a series by the UIDs of its instances, in whatever order they came. */
export function contentDigest(sopInstanceUids: readonly string[]): string {
  return createHash('sha256')
    .update([...sopInstanceUids].sort().join('\n'))
    .digest('hex');
}
