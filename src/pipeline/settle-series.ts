import { createHash } from 'node:crypto';
import type { Archive } from '../archive/archive.ts';
import { analysisJobKey, openAnalysis } from '../catalog/analyses.ts';
import type { Database, Transaction } from '../catalog/database.ts';
import { enqueue } from '../jobs/queue.ts';
import { type Decision, type Routing, routeSeries } from './route-series.ts';

export interface SettleParts {
  readonly database: Database;
  readonly archive: Archive;
  readonly routing: Routing;
  /** A peer has a worklist: the order of the study is looked for. */
  readonly matchOrders?: boolean;
}

/**
 * A series has come to rest: every model considered gets its row with the reason, and each that is to run its job, in
 * one transaction. A content of the series that was settled before changes nothing.
 */
export async function settleSeries(
  { database, archive, routing, matchOrders }: SettleParts,
  place: { studyInstanceUid: string; seriesInstanceUid: string },
): Promise<void> {
  const instances = await archive.describe(place);
  const [first] = instances;
  if (!first) return;
  const decisions = routeSeries(first.dataset, routing);
  const inputDigest = contentDigest(instances.map((instance) => instance.sopInstanceUid));
  const receivedAt = new Date(Math.max(...instances.map((instance) => instance.receivedAt.getTime())));
  await database.transaction(async (tx) => {
    if (matchOrders) await leaveOrderMatching(tx, place.studyInstanceUid);
    for (const decision of decisions) {
      const analysisId = await openAnalysis(tx, { ...place, ...describe(decision), inputDigest, receivedAt });
      if (analysisId !== undefined && decision.run)
        await enqueue(tx, 'analyze-series', { analysisId }, { key: analysisJobKey(analysisId), maxAttempts: 5 });
    }
  });
}

/** Once for the series of a study that settle together; a worklist that is away for a day is not worth waiting for. */
function leaveOrderMatching(tx: Transaction, studyInstanceUid: string): Promise<void> {
  return enqueue(tx, 'match-order', { studyInstanceUid }, { key: `order ${studyInstanceUid}`, maxAttempts: 10 });
}

function describe({ model, route, deliverTo, run, reason }: Decision) {
  const { id, version } = model.manifest;
  return {
    modelId: id,
    modelVersion: version,
    modelDigest: model.key,
    route,
    deliverTo,
    reason,
    state: run ? ('waiting' as const) : ('skipped' as const),
  };
}

/** The content of a series by the UIDs of its instances, in whatever order they came. */
export function contentDigest(sopInstanceUids: readonly string[]): string {
  return createHash('sha256')
    .update([...sopInstanceUids].sort().join('\n'))
    .digest('hex');
}
