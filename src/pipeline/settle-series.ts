import type { Archive } from '../archive/archive.ts';
import type { Database, Transaction } from '../catalog/database.ts';
import { enqueue } from '../jobs/queue.ts';
import { loadStudy } from './load-study.ts';
import { planAnalyses, type Routing } from './plan-analyses.ts';
import { recordPlans, wakeWaiting } from './record-plans.ts';

export interface SettleParts {
  readonly database: Database;
  readonly archive: Archive;
  readonly routing: Routing;
  /** A peer has a worklist: the order of the study is looked for. */
  readonly matchOrders?: boolean;
  /** A peer may be asked for earlier studies. */
  readonly priorPeers?: boolean;
}

/**
 * A series has come to rest: every model considered gets its row with the reason, and each that is to run its job, in
 * one transaction. A content of the series that was settled before changes nothing.
 */
export async function settleSeries(
  { database, archive, routing, matchOrders, priorPeers }: SettleParts,
  place: { studyInstanceUid: string; seriesInstanceUid: string },
): Promise<void> {
  const study = await loadStudy({ database, archive }, place.studyInstanceUid, routing, {
    settled: place.seriesInstanceUid,
  });
  const series = study.series.find(({ seriesInstanceUid }) => seriesInstanceUid === place.seriesInstanceUid);
  if (!series) return;
  const plans = planAnalyses(study, routing, place.seriesInstanceUid);
  await database.transaction(async (tx) => {
    if (matchOrders) await leaveOrderMatching(tx, place.studyInstanceUid);
    await recordPlans(tx, plans, { receivedAt: series.receivedAt, priorPeers: priorPeers === true });
    if (series.fetched) await wakeWaiting(tx, place.studyInstanceUid);
  });
}

/** Once for the series of a study that settle together; a worklist that is away for a day is not worth waiting for. */
function leaveOrderMatching(tx: Transaction, studyInstanceUid: string): Promise<void> {
  return enqueue(tx, 'match-order', { studyInstanceUid }, { key: `order ${studyInstanceUid}`, maxAttempts: 10 });
}
