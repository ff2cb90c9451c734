import { createHash } from 'node:crypto';
import {
  analysisJobKey,
  type NewAnalysis,
  openAnalysis,
  type SettleEvidence,
  takeUpWaiting,
} from '../catalog/analyses.ts';
import type { Transaction } from '../catalog/database.ts';
import { openPriorSearch, readWaitingFor } from '../catalog/fetched-priors.ts';
import { enqueue } from '../jobs/queue.ts';
import type { Plan } from './plan-analyses.ts';

export interface Recorded {
  readonly plan: Plan;
  /** Undefined where this content was planned before: nothing has changed then. */
  readonly analysisId: number | undefined;
}

/** What is known of the series beside its plan. */
export interface RecordOptions {
  readonly receivedAt: Date;
  readonly evidence?: SettleEvidence | null;
  /** Revision and what is superseded, decided by who knows the earlier analyses. */
  readonly revise?: (plan: Plan, inputDigest: string) => Promise<Pick<NewAnalysis, 'revision' | 'supersedesId'>>;
  /** Whether peers may be asked for earlier studies. */
  readonly priorPeers: boolean;
}

/**
 * Writes plans down as analyses, with the job of each that runs, in the transaction of who planned. What waits for an input
 * has a time at which its series settles once more, and is planned without it.
 */
export async function recordPlans(
  tx: Transaction,
  plans: readonly Plan[],
  { receivedAt, evidence = null, revise, priorPeers }: RecordOptions,
): Promise<Recorded[]> {
  const recorded: Recorded[] = [];
  for (const plan of plans) {
    const inputDigest = digestOf(plan);
    const { id: modelId, version: modelVersion } = plan.model.manifest;
    const analysis: NewAnalysis = {
      studyInstanceUid: plan.studyInstanceUid,
      seriesInstanceUid: plan.seriesInstanceUid,
      inputDigest,
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
      ...(revise ? await revise(plan, inputDigest) : {}),
    };
    const analysisId = (await takeUpWaiting(tx, analysis)) ?? (await openAnalysis(tx, analysis));
    if (analysisId !== undefined) await leaveJobs(tx, plan, analysisId, priorPeers);
    recorded.push({ plan, analysisId });
  }
  return recorded;
}

async function leaveJobs(tx: Transaction, plan: Plan, analysisId: number, priorPeers: boolean): Promise<void> {
  const { studyInstanceUid, seriesInstanceUid } = plan;
  if (plan.decision === 'run')
    await enqueue(tx, 'analyze-series', { analysisId }, { key: analysisJobKey(analysisId), maxAttempts: 5 });
  if (plan.decision !== 'wait' || plan.waitUntil === undefined) return;
  const delaySeconds = Math.max(0, (plan.waitUntil.getTime() - Date.now()) / 1000) + 0.1;
  const key = `wait ${studyInstanceUid} ${seriesInstanceUid}`;
  await enqueue(tx, 'settle-series', { studyInstanceUid, seriesInstanceUid }, { key, delaySeconds });
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
    await enqueue(tx, 'settle-series', place, { key: `wait ${place.studyInstanceUid} ${place.seriesInstanceUid}` });
}

/** Of all that goes in; of a plan that does not run, of the series alone. */
function digestOf({ inputs, seriesContent }: Plan): string {
  return contentDigest(inputs.length === 0 ? seriesContent : inputs.flatMap(({ sopInstanceUids }) => sopInstanceUids));
}

/** A content by the UIDs of its instances, in whatever order they came. */
export function contentDigest(sopInstanceUids: readonly string[]): string {
  return createHash('sha256')
    .update([...sopInstanceUids].sort().join('\n'))
    .digest('hex');
}
