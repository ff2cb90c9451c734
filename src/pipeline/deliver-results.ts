import type { Archive } from '../archive/archive.ts';
import {
  type Analysis,
  completeDelivery,
  dropDelivery,
  failDelivery,
  moveAnalysis,
  type Result,
  readAnalysis,
  readResults,
} from '../catalog/analyses.ts';
import type { Database } from '../catalog/database.ts';
import { isSuperseded } from '../catalog/revisions.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';
import type { JobRun } from '../jobs/queue.ts';
import type { OutgoingObject, Peer } from '../peers/peer.ts';
import { KEY_OBJECT_SELECTION_STORAGE } from '../results/rejection-note.ts';
import type { FollowUp } from './after-delivery.ts';

export interface DeliverParts {
  readonly database: Database;
  readonly archive: Archive;
  readonly peers: ReadonlyMap<string, Peer>;
  /** What follows from a delivery, in the transaction that records it. */
  readonly followUp?: FollowUp;
  /** Rejects what the results take the place of, before they are sent. */
  readonly reject?: (analysis: Analysis) => Promise<void>;
}

/**
 * Sends the results of one analysis to one peer, as they are stored. A failure is noted where people look and thrown,
 * so that the queue tries again; sending twice is harmless, the UIDs are the same.
 */
export async function deliverResults(
  { database, archive, peers, followUp, reject }: DeliverParts,
  job: { analysisId: number; peer: string },
  run: JobRun,
): Promise<void> {
  const analysis = await readAnalysis(database, job.analysisId);
  if (!analysis || analysis.state === 'cancelled') return;
  if (await isSuperseded(database, job.analysisId)) return withhold(database, job);
  try {
    await reject?.(analysis);
    const peer = peers.get(job.peer);
    if (!peer) throw new VoxgateError('bad-setting', `there is no peer named ${job.peer} any more`);
    await peer.store(await outgoing(archive, inOrder(await readResults(database, job.analysisId))));
  } catch (error) {
    await failDelivery(database, job.analysisId, job.peer, sentenceOf(error));
    const hope = run.lastAttempt ? 'given up' : 'will be tried again';
    await moveAnalysis(
      database,
      job.analysisId,
      run.lastAttempt ? 'failed' : 'running',
      `${analysis.conclusion ?? ''} Delivery to ${job.peer} failed at attempt ${run.attempt} and ${hope}: ${sentenceOf(error)}`,
    );
    throw error;
  }
  await database.transaction(async (tx) => {
    const open = await completeDelivery(tx, job.analysisId, job.peer);
    if (open === 0)
      await moveAnalysis(
        tx,
        job.analysisId,
        'delivered',
        `${analysis.conclusion ?? ''} Delivered to ${analysis.deliverTo.join(', ')}.`,
        'delivered',
      );
    await followUp?.(tx, job, open === 0);
  });
}

/** What a newer revision has taken the place of is sent to nobody any more. */
async function withhold(database: Database, { analysisId, peer }: { analysisId: number; peer: string }): Promise<void> {
  await database.transaction(async (tx) => {
    const open = await dropDelivery(tx, analysisId, peer);
    const sentence = `Superseded by a newer revision before it was delivered to ${peer}.`;
    if (open === 0) await moveAnalysis(tx, analysisId, 'delivered', sentence, 'delivered');
  });
}

/** The rejection of what they supersede goes first. */
function inOrder(results: readonly Result[]): Result[] {
  const isNote = ({ sopClassUid }: Result): boolean => sopClassUid === KEY_OBJECT_SELECTION_STORAGE;
  return [...results.filter(isNote), ...results.filter((result) => !isNote(result))];
}

/** Objects of ours as they are stored, to be sent. */
export async function outgoing(
  archive: Archive,
  results: readonly { sopInstanceUid: string }[],
): Promise<OutgoingObject[]> {
  const located = await Promise.all(results.map(({ sopInstanceUid }) => archive.locate({ sopInstanceUid })));
  return located.flat().map((instance) => ({
    sopClassUid: instance.sopClassUid,
    sopInstanceUid: instance.sopInstanceUid,
    transferSyntaxUid: instance.transferSyntaxUid,
    dataSetOffset: instance.dataSetOffset,
    path: archive.pathOf(instance),
    size: instance.size,
  }));
}
