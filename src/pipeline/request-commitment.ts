import { randomUUID } from 'node:crypto';
import type { Archive } from '../archive/archive.ts';
import { type RequestedCommitments, requestKey } from '../archive/requested-commitments.ts';
import { readResults } from '../catalog/analyses.ts';
import {
  type CommitmentRequest,
  failRequest,
  markAsked,
  newestRequest,
  openRequest,
} from '../catalog/commitment-requests.ts';
import type { Database } from '../catalog/database.ts';
import { deterministicUid } from '../dicom/uid.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';
import { enqueue, type JobRun } from '../jobs/queue.ts';
import { askForCommitment } from '../peers/commitment.ts';
import type { DimseAddress } from '../peers/dimse-address.ts';
import type { Peer } from '../peers/peer.ts';
import { outgoing } from './deliver-results.ts';

export interface RequestCommitmentParts {
  readonly database: Database;
  readonly archive: Archive;
  readonly requested: RequestedCommitments;
  readonly peers: ReadonlyMap<string, Peer>;
  readonly addresses: ReadonlyMap<string, DimseAddress>;
}

interface Step {
  readonly analysisId: number;
  readonly peer: string;
}

/** The answer is waited for so long on the association of the request; a job is not held up for longer. */
const ANSWER_HERE_MS = 3000;
/** A peer that has not answered by then is asked again. */
const ANSWER_WITHIN_SECONDS = 24 * 60 * 60;
const MOST_QUESTIONS = 3;

/**
 * The next step of a storage commitment that we ask a peer for (PS3.4 Annex J): ask it for the results of an analysis
 * once they are delivered; ask again where no answer came within a day; send again, once, what it did not commit to.
 */
export async function requestCommitment(parts: RequestCommitmentParts, step: Step, run: JobRun): Promise<void> {
  const { database } = parts;
  const request = (await newestRequest(database, step.analysisId, step.peer)) ?? (await openRound(parts, step, 1));
  const next = await nextRound(parts, step, request);
  if (next === undefined) return;
  if (next.askedAt !== null && next.attempts >= MOST_QUESTIONS)
    return failRequest(database, next, `no answer came to ${next.attempts} requests`, true);
  try {
    await ask(parts, next);
  } catch (error) {
    await failRequest(database, next, sentenceOf(error), run.lastAttempt);
    throw error;
  }
}

/** The request that is to be asked now, if any is. */
async function nextRound(
  parts: RequestCommitmentParts,
  step: Step,
  request: CommitmentRequest | undefined,
): Promise<CommitmentRequest | undefined> {
  if (request?.state === 'waiting' || request?.state === 'asked') return request;
  if (request?.state !== 'failed' || request.round > 1) return undefined;
  const failed = request.instances.filter(({ failureReason }) => failureReason !== 0);
  const peer = parts.peers.get(step.peer);
  if (!peer) throw new VoxgateError('bad-setting', `there is no peer named ${step.peer} any more`);
  await peer.store(await outgoing(parts.archive, failed));
  return openRound(parts, step, request.round + 1, failed);
}

async function openRound(
  { database }: RequestCommitmentParts,
  { analysisId, peer }: Step,
  round: number,
  instances?: CommitmentRequest['instances'],
): Promise<CommitmentRequest | undefined> {
  const asked = instances ?? (await readResults(database, analysisId));
  if (asked.length === 0) return undefined;
  const transactionUid = deterministicUid('storage commitment', randomUUID());
  await openRequest(database, { transactionUid, peer, analysisId, round, instances: asked });
  return newestRequest(database, analysisId, peer);
}

async function ask(
  { database, requested, addresses }: RequestCommitmentParts,
  request: CommitmentRequest,
): Promise<void> {
  const { analysisId, peer } = request;
  const address = addresses.get(peer);
  if (!address) throw new VoxgateError('bad-setting', `there is no DIMSE peer named ${peer} any more`);
  await askForCommitment(address, request, {
    waitMs: ANSWER_HERE_MS,
    onAnswer: (information) => requested.take(information),
    onTaken: () =>
      database.transaction(async (tx) => {
        await markAsked(tx, request);
        await enqueue(
          tx,
          'request-commitment',
          { analysisId, peer },
          { key: requestKey(request), delaySeconds: ANSWER_WITHIN_SECONDS },
        );
      }),
  });
}
