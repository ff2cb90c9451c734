import type { Archive, DescribedInstance } from '../archive/archive.ts';
import { settleKey } from '../archive/commit-queue.ts';
import { analysisJobKey } from '../catalog/analyses.ts';
import type { Database, Transaction } from '../catalog/database.ts';
import { lockStudy } from '../catalog/revisions.ts';
import { changePace, noteSettlement } from '../catalog/settlements.ts';
import { dropJob, enqueue, type JobPayloads, wakeQueue } from '../jobs/queue.ts';
import type { AskSource } from './ask-source.ts';
import { type CompletenessLimits, judgeCompleteness, type Verdict } from './completeness.ts';
import { type LoadedEvidence, loadEvidence, paceOf } from './completeness-evidence.ts';
import { loadStudy } from './load-study.ts';
import { planAnalyses, type Routing } from './plan-analyses.ts';
import { recordPlans, wakeWaiting } from './record-plans.ts';
import { learn } from './source-pace.ts';

export interface SettleParts {
  readonly database: Database;
  readonly archive: Archive;
  readonly routing: Routing;
  readonly limits: CompletenessLimits;
  /** A peer has a worklist: the order of the study is looked for. */
  readonly matchOrders?: boolean;
  /** A peer may be asked for earlier studies. */
  readonly priorPeers?: boolean;
  readonly askSource?: AskSource | undefined;
  /** Ends the job of this key where it runs in this process. */
  readonly cancelRunning?: (key: string, reason: string) => void;
}

export { contentDigest, leaveAnalysis, STAT_PRIORITY } from './leave-analysis.ts';

type Place = Omit<JobPayloads['settle-series'], 'because'>;

/** A job of a key is not due at once to the millisecond: a wait shorter than this is not worth another look. */
const SLACK_SECONDS = 0.03;
/** Within this time the queue looks by itself, and in time. */
const WAKE_BELOW_SECONDS = 30;

/**
 * Looks whether a series has come to rest, and comes back later where it has not. When it has, every model considered
 * gets its row with the reason, and each that is to run its job, in one transaction. A content of the series that was
 * settled before changes nothing; another one supersedes what was made of it.
 */
export async function settleSeries(parts: SettleParts, job: JobPayloads['settle-series']): Promise<void> {
  const { because, ...place } = job;
  const { database, archive, limits } = parts;
  if (because === 'replan') return planAgain(parts, place);
  const arrival = archive.ingest.settling(place);
  const instances = await archive.describe(place);
  if (instances.length === 0) return;
  const loaded = await loadEvidence(parts, place, instances, arrival);
  const { evidence } = loaded;
  // Brought back or reconciled by a person, who says when it is whole.
  const verdict =
    because === undefined && !arrival
      ? BROUGHT_BACK
      : judgeCompleteness({ ...evidence, sending: evidence.sending ?? endedBefore(because) }, limits);
  if (verdict.settled || verdict.wait < SLACK_SECONDS) {
    await settle(parts, place, { instances, verdict, loaded });
    return;
  }
  await database.transaction(async (tx) => {
    await noteSettlement(tx, place, { ...told(instances, verdict, loaded), waitSeconds: verdict.wait });
    await enqueue(tx, 'settle-series', job, {
      key: settleKey(place.studyInstanceUid, place.seriesInstanceUid),
      delaySeconds: verdict.wait,
    });
  });
  if (verdict.wait < WAKE_BELOW_SECONDS) wakeQueue(database, verdict.wait * 1000 + 5);
}

const BROUGHT_BACK: Verdict = {
  settled: true,
  wait: 0,
  confidence: 'medium',
  complete: true,
  reason: 'Settled: its instances were brought back or put in order by a person.',
};

/** Its end was noted before this process began: of how it came nothing is known. */
function endedBefore(because: 'ended' | 'idle' | undefined): LoadedEvidence['evidence']['sending'] {
  if (because !== 'ended') return undefined;
  return { open: false, othersOpen: false, cut: false, transfers: 2, longestPause: 0, resumesWithin: undefined };
}

interface Settled {
  readonly instances: readonly DescribedInstance[];
  readonly verdict: Verdict;
  readonly loaded: LoadedEvidence;
}

async function settle(parts: SettleParts, place: Place, settled: Settled): Promise<void> {
  const { database, archive, routing, matchOrders, priorPeers = false } = parts;
  const { instances, verdict, loaded } = settled;
  const study = await loadStudy(parts, place.studyInstanceUid, routing, { settled: instances });
  const plans = planAnalyses(study, routing, place.seriesInstanceUid);
  const { confidence, reason } = verdict;
  const options = { receivedAt: newestOf(instances), evidence: { confidence, reason }, priorPeers };
  const cancelled = await database.transaction(async (tx) => {
    await lockStudy(tx, place.studyInstanceUid);
    await noteSettlement(tx, place, { ...told(instances, verdict, loaded), waitSeconds: undefined });
    if (matchOrders) await leaveOrderMatching(tx, place.studyInstanceUid);
    const stopped = await recordPlans(tx, plans, options);
    await wakeWaiting(tx, place.studyInstanceUid);
    for (const id of stopped) await dropJob(tx, analysisJobKey(id));
    return stopped;
  });
  for (const id of cancelled) parts.cancelRunning?.(analysisJobKey(id), 'the content of the series has changed');
  const pauses = archive.ingest.takePauses(place);
  const { source, modality, announced } = loaded;
  if (source !== undefined)
    await database.transaction((tx) =>
      changePace(tx, source, modality, (pace) => learn(paceOf(pace), { pausesMs: pauses?.betweenMs ?? [], announced })),
    );
}

/** An input that was waited for has come, or will not come: the series itself is as it was. */
async function planAgain({ database, archive, routing, priorPeers = false }: SettleParts, place: Place): Promise<void> {
  const instances = await archive.describe(place);
  if (instances.length === 0) return;
  const study = await loadStudy({ database, archive }, place.studyInstanceUid, routing, { settled: instances });
  const plans = planAnalyses(study, routing, place.seriesInstanceUid);
  await database.transaction(async (tx) => {
    await lockStudy(tx, place.studyInstanceUid);
    await recordPlans(tx, plans, { receivedAt: newestOf(instances), evidence: null, priorPeers, onlyWaiting: true });
  });
}

function told(instances: readonly DescribedInstance[], { confidence, reason }: Verdict, { evidence }: LoadedEvidence) {
  return { confidence, reason, instances: instances.length, evidence, newestAt: newestOf(instances) };
}

function newestOf(instances: readonly DescribedInstance[]): Date {
  return new Date(Math.max(...instances.map(({ receivedAt }) => receivedAt.getTime())));
}

/** Once for the series of a study that settle together; a worklist that is away for a day is not worth waiting for. */
function leaveOrderMatching(tx: Transaction, studyInstanceUid: string): Promise<void> {
  return enqueue(tx, 'match-order', { studyInstanceUid }, { key: `order ${studyInstanceUid}`, maxAttempts: 10 });
}
