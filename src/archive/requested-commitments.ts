import { answerRequest, type CommitmentRequest } from '../catalog/commitment-requests.ts';
import type { Database } from '../catalog/database.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { items, number, text } from '../dicom/read-values.ts';
import { VoxgateError } from '../errors.ts';
import { enqueue } from '../jobs/queue.ts';
import { COMMITTED, PROCESSING_FAILURE } from './commitment-check.ts';

/** The answers to what this node asked its peers to keep, on whichever association they come. */
export class RequestedCommitments {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Records the Event Information of an N-EVENT-REPORT (PS3.4 Table J.3-2); what failed is sent again once, by a job.
   * An instance that the peer does not name is not committed to, whatever the event type says.
   * @returns false where nothing was asked for by that Transaction UID
   * @throws VoxgateError bad-request without a Transaction UID
   */
  async take(information: JsonDataset): Promise<boolean> {
    const transactionUid = text(information, 'TransactionUID') ?? '';
    if (transactionUid === '') throw new VoxgateError('bad-request', 'Transaction UID (0008,1195) is missing');
    const reasons = new Map([
      ...items(information, 'ReferencedSOPSequence').map((item) => [instanceOf(item), COMMITTED] as const),
      ...items(information, 'FailedSOPSequence').map(
        (item) => [instanceOf(item), number(item, 'FailureReason') || PROCESSING_FAILURE] as const,
      ),
    ]);
    return this.#database.transaction(async (tx) => {
      const request = await answerRequest(tx, transactionUid, (uid) => reasons.get(uid) ?? PROCESSING_FAILURE);
      if (request?.state === 'failed' && request.round === 1)
        await enqueue(tx, 'request-commitment', stepOf(request), { key: requestKey(request), maxAttempts: ATTEMPTS });
      return request !== undefined;
    });
  }
}

/** With the queue's back-off about a day. */
const ATTEMPTS = 12;

function stepOf({ analysisId, peer }: CommitmentRequest): { analysisId: number; peer: string } {
  return { analysisId, peer };
}

/** One job an analysis and peer: the next step of its request takes the place of the one before. */
export function requestKey({ analysisId, peer }: { readonly analysisId: number; readonly peer: string }): string {
  return `commitment ${analysisId} ${peer}`;
}

function instanceOf(item: JsonDataset): string {
  return text(item, 'ReferencedSOPInstanceUID') ?? '';
}
