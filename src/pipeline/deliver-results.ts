import type { Archive } from '../archive/archive.ts';
import { completeDelivery, failDelivery, moveAnalysis, readAnalysis, readResults } from '../catalog/analyses.ts';
import type { Database } from '../catalog/database.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';
import type { JobRun } from '../jobs/queue.ts';
import type { OutgoingObject, Peer } from '../peers/peer.ts';
import type { FollowUp } from './after-delivery.ts';

export interface DeliverParts {
  readonly database: Database;
  readonly archive: Archive;
  readonly peers: ReadonlyMap<string, Peer>;
  /** What follows from a delivery, in the transaction that records it. */
  readonly followUp?: FollowUp;
}

/**
 * Sends the results of one analysis to one peer, as they are stored. A failure is noted where people look and thrown,
 * so that the queue tries again; sending twice is harmless, the UIDs are the same.
 */
export async function deliverResults(
  { database, archive, peers, followUp }: DeliverParts,
  job: { analysisId: number; peer: string },
  run: JobRun,
): Promise<void> {
  const analysis = await readAnalysis(database, job.analysisId);
  if (!analysis) return;
  try {
    const peer = peers.get(job.peer);
    if (!peer) throw new VoxgateError('bad-setting', `there is no peer named ${job.peer} any more`);
    await peer.store(await outgoing(archive, await readResults(database, job.analysisId)));
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
