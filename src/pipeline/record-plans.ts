import { type NewAnalysis, type SettleEvidence, takeUpWaiting } from '../catalog/analyses.ts';
import type { Transaction } from '../catalog/database.ts';
import { openPriorSearch, readWaitingFor } from '../catalog/fetched-priors.ts';
import { openRevision } from '../catalog/revisions.ts';
import { enqueue } from '../jobs/queue.ts';
import { contentDigest, leaveAnalysis } from './leave-analysis.ts';
import type { Plan } from './plan-analyses.ts';

/** What is known of the series beside its plans. */
export interface RecordOptions {
  readonly receivedAt: Date;
  readonly evidence: SettleEvidence | null;
  /** Whether peers may be asked for earlier studies. */
  readonly priorPeers: boolean;
  /** Only analyses that wait for an input are taken up: the rest was recorded when the series settled. */
  readonly onlyWaiting?: boolean;
  /** The analysis whose findings led to these. */
  readonly parentId?: number;
}

/**
 * Writes plans down as analyses, with the job of each that runs, in the transaction of who planned and who holds the study.
 * What waits for an input has a time at which it is planned once more, without it.
 * @returns analyses of earlier contents that nobody wants any more
 */
export async function recordPlans(
  tx: Transaction,
  plans: readonly Plan[],
  { receivedAt, evidence, priorPeers, onlyWaiting = false, parentId }: RecordOptions,
): Promise<number[]> {
  const cancelled: number[] = [];
  for (const plan of plans) {
    const analysis = { ...analysisOf(plan, receivedAt, evidence), parentId: parentId ?? null };
    const waiting = await takeUpWaiting(tx, analysis);
    const opened = waiting === undefined && !onlyWaiting ? await openRevision(tx, analysis) : undefined;
    cancelled.push(...(opened?.cancelled ?? []));
    const analysisId = waiting ?? opened?.id;
    if (analysisId !== undefined) await leaveJobs(tx, plan, analysisId, priorPeers);
  }
  return cancelled;
}

function analysisOf(plan: Plan, receivedAt: Date, evidence: SettleEvidence | null): NewAnalysis {
  const { id: modelId, version: modelVersion } = plan.model.manifest;
  return {
    studyInstanceUid: plan.studyInstanceUid,
    seriesInstanceUid: plan.seriesInstanceUid,
    inputDigest: digestOf(plan),
    modelId,
    modelVersion,
    modelDigest: plan.model.key,
    route: plan.route,
    deliverTo: plan.deliverTo,
    state: plan.decision === 'skip' ? 'skipped' : 'waiting',
    reason: plan.reason,
    receivedAt,
    evidence,
    inputs: plan.decision === 'run' ? plan.inputs : null,
    priority: plan.priority,
    explanation: plan.explanation,
    mode: plan.mode,
    waitUntil: plan.waitUntil ?? null,
  };
}

async function leaveJobs(tx: Transaction, plan: Plan, analysisId: number, priorPeers: boolean): Promise<void> {
  const { studyInstanceUid, seriesInstanceUid } = plan;
  if (plan.decision === 'run') await leaveAnalysis(tx, analysisId, plan.priority);
  if (plan.decision !== 'wait' || plan.waitUntil === undefined) return;
  const delaySeconds = Math.max(0, (plan.waitUntil.getTime() - Date.now()) / 1000) + 0.1;
  const key = `wait ${studyInstanceUid} ${seriesInstanceUid}`;
  await enqueue(tx, 'settle-series', { studyInstanceUid, seriesInstanceUid, because: 'replan' }, { key, delaySeconds });
  if (plan.priorWithinDays === undefined || !priorPeers || !(await openPriorSearch(tx, studyInstanceUid))) return;
  await enqueue(
    tx,
    'fetch-priors',
    { studyInstanceUid, seriesInstanceUid, withinDays: plan.priorWithinDays },
    { key: `priors ${studyInstanceUid}`, maxAttempts: 3 },
  );
}

/** A study that was fetched to be compared with has come: whoever waits for it is planned again. */
export async function wakeWaiting(tx: Transaction, fetchedStudy: string): Promise<void> {
  for (const place of await readWaitingFor(tx, fetchedStudy))
    await enqueue(
      tx,
      'settle-series',
      { ...place, because: 'replan' },
      { key: `wait ${place.studyInstanceUid} ${place.seriesInstanceUid}` },
    );
}

/** Of all that goes in; of a plan that does not run, of the series alone. */
function digestOf({ inputs, seriesContent }: Plan): string {
  return contentDigest(inputs.length === 0 ? seriesContent : inputs.flatMap(({ sopInstanceUids }) => sopInstanceUids));
}
