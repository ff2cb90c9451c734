import type { Database, Transaction } from './database.ts';

export type RequestState = 'waiting' | 'asked' | 'committed' | 'failed' | 'given-up';

/** One of our objects, and what the peer said of it: a Failure Reason (0008,1197), 0 for none, null for nothing yet. */
export interface RequestedInstance {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly failureReason: number | null;
}

/** A storage commitment that we ask of a peer for the results of one analysis (PS3.4 Annex J, service class user). */
export interface CommitmentRequest {
  readonly id: number;
  readonly transactionUid: string;
  readonly peer: string;
  readonly analysisId: number;
  /** 2 after what failed was sent again. */
  readonly round: number;
  readonly state: RequestState;
  readonly instances: readonly RequestedInstance[];
  readonly attempts: number;
  readonly lastError: string | null;
  readonly createdAt: Date;
  readonly askedAt: Date | null;
  readonly answeredAt: Date | null;
}

const COLUMNS = `
  id, transaction_uid AS "transactionUid", peer, analysis_id AS "analysisId", round, state, instances, attempts,
  last_error AS "lastError", created_at AS "createdAt", asked_at AS "askedAt", answered_at AS "answeredAt"`;

/** The newest round for this analysis and peer. */
export async function newestRequest(
  database: Database | Transaction,
  analysisId: number,
  peer: string,
): Promise<CommitmentRequest | undefined> {
  const { rows }: { rows: CommitmentRequest[] } = await database.raw(
    `SELECT ${COLUMNS} FROM commitment_requests WHERE analysis_id = ? AND peer = ? ORDER BY round DESC LIMIT 1`,
    [analysisId, peer],
  );
  return rows[0];
}

/** Opens a round, before the peer is asked: its answer finds the request whenever it comes. */
export async function openRequest(
  database: Database,
  request: Pick<CommitmentRequest, 'transactionUid' | 'peer' | 'analysisId' | 'round'> & {
    readonly instances: readonly Omit<RequestedInstance, 'failureReason'>[];
  },
): Promise<void> {
  const instances = request.instances.map(({ sopClassUid, sopInstanceUid }) => ({
    sopClassUid,
    sopInstanceUid,
    failureReason: null,
  }));
  await database.raw(
    `INSERT INTO commitment_requests (transaction_uid, peer, analysis_id, round, state, instances)
     VALUES (?, ?, ?, ?, 'waiting', ?::jsonb) ON CONFLICT DO NOTHING`,
    [request.transactionUid, request.peer, request.analysisId, request.round, JSON.stringify(instances)],
  );
}

/** The peer has taken the request; its answer may have come already. */
export async function markAsked(tx: Transaction, { id, analysisId, peer }: CommitmentRequest): Promise<void> {
  await tx.raw(
    `UPDATE commitment_requests SET state = CASE state WHEN 'waiting' THEN 'asked' ELSE state END,
       attempts = attempts + 1, last_error = NULL, asked_at = now() WHERE id = ?`,
    [id],
  );
  await tx.raw(`UPDATE deliveries SET commitment = 'asked' WHERE analysis_id = ? AND peer = ? AND commitment IS NULL`, [
    analysisId,
    peer,
  ]);
}

export async function failRequest(
  database: Database,
  { id, analysisId, peer }: CommitmentRequest,
  reason: string,
  giveUp: boolean,
): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.raw(
      `UPDATE commitment_requests SET attempts = attempts + 1, last_error = ?,
         state = CASE WHEN ?::boolean THEN 'given-up' ELSE state END WHERE id = ? AND state IN ('waiting', 'asked')`,
      [reason, giveUp, id],
    );
    if (giveUp) await noteCommitment(tx, { analysisId, peer }, `not committed: ${reason}`, false);
  });
}

/** What the peer said, by SOP Instance UID; undefined where nothing was asked by this Transaction UID. */
export async function answerRequest(
  tx: Transaction,
  transactionUid: string,
  failureReasonOf: (sopInstanceUid: string) => number,
): Promise<CommitmentRequest | undefined> {
  const { rows }: { rows: CommitmentRequest[] } = await tx.raw(
    `SELECT ${COLUMNS} FROM commitment_requests WHERE transaction_uid = ? FOR UPDATE`,
    [transactionUid],
  );
  const [request] = rows;
  if (!request || request.state === 'committed' || request.state === 'failed') return request;
  const instances = request.instances.map((one) => ({ ...one, failureReason: failureReasonOf(one.sopInstanceUid) }));
  const failed = instances.filter(({ failureReason }) => failureReason !== 0).length;
  const state = failed === 0 ? 'committed' : 'failed';
  await tx.raw(
    `UPDATE commitment_requests SET state = ?, instances = ?::jsonb, answered_at = now(), last_error = NULL WHERE id = ?`,
    [state, JSON.stringify(instances), request.id],
  );
  const sentence = failed === 0 ? 'committed' : `not committed: ${failed} of ${instances.length} objects were refused`;
  await noteCommitment(tx, request, sentence, failed === 0);
  return { ...request, state, instances };
}

async function noteCommitment(
  tx: Transaction,
  { analysisId, peer }: Pick<CommitmentRequest, 'analysisId' | 'peer'>,
  sentence: string,
  committed: boolean,
): Promise<void> {
  await tx.raw(
    `UPDATE deliveries SET commitment = ?, committed_at = CASE WHEN ?::boolean THEN now() END
     WHERE analysis_id = ? AND peer = ?`,
    [sentence, committed, analysisId, peer],
  );
}

/** The newest requests of ours. */
export async function listRequests(database: Database, limit: number): Promise<CommitmentRequest[]> {
  const { rows }: { rows: CommitmentRequest[] } = await database.raw(
    `SELECT ${COLUMNS} FROM commitment_requests ORDER BY id DESC LIMIT ?`,
    [limit],
  );
  return rows;
}
