import { createHash } from 'node:crypto';
import { completeReport, failReport, rearmReport, unreportedCommitments } from '../catalog/commitment-reports.ts';
import {
  type CommitmentInstance,
  findCommitment,
  insertCommitment,
  lockTransactionUid,
  readCommitment,
  readOutcomes,
  reopenCommitment,
} from '../catalog/commitments.ts';
import { isUnavailable } from '../catalog/unavailable.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';
import { enqueueReport, enqueueVerification } from './commitment-jobs.ts';
import type { AskedInstances } from './commitment-request.ts';
import type { CommitmentResult } from './commitment-result.ts';
import { CommitmentVerifier, type VerifierParts } from './commitment-verifier.ts';

export interface Requestor {
  readonly door: 'dimse' | 'dicomweb';
  /** AE title; '' for DICOMweb. */
  readonly aeTitle: string;
}

/**
 * Requests for storage commitment, by either door (PS3.4 Annex J, PS3.18 chapter 13). A request is written down with the
 * job that will see to it, is looked at at once, and its result is kept until it is old. Nothing is answered for but what
 * was read again from the disk.
 */
export class Commitments {
  readonly #parts: VerifierParts;
  readonly #verifier: CommitmentVerifier;
  readonly #reporting = new Map<number, Promise<void>>();

  constructor(parts: VerifierParts) {
    this.#parts = parts;
    this.#verifier = new CommitmentVerifier(parts);
  }

  /**
   * Takes a request: it is durable when this resolves to its id, and verification has begun. The same request again is
   * verified again; another one of a Transaction UID in use is recorded as refused (0131H) for the DIMSE requestor, who is
   * told so by the event report.
   * @throws VoxgateError mismatch for a DICOMweb request whose Transaction UID is in use, out-of-resources when it cannot
   *   be written down now
   */
  async request(transactionUid: string, asked: AskedInstances, from: Requestor): Promise<number> {
    const contentDigest = digestOf(asked.instances);
    const { id, open } = await this.#parts.database
      .transaction(async (tx) => {
        await lockTransactionUid(tx, transactionUid);
        const known = await findCommitment(tx, transactionUid);
        const same =
          known?.door === from.door && known.requestor === from.aeTitle && known.contentDigest.equals(contentDigest);
        if (known && same) {
          if (known.state !== 'verifying' && !this.#reporting.has(known.id)) {
            await reopenCommitment(tx, known.id);
            await enqueueVerification(tx, known.id);
          }
          return { id: known.id, open: true };
        }
        if (known && from.door === 'dicomweb')
          throw new VoxgateError('mismatch', 'the Transaction UID is in use by another commitment request');
        const row = { ...asked, transactionUid, door: from.door, requestor: from.aeTitle, contentDigest };
        const id = await insertCommitment(tx, row, known !== undefined);
        if (known) await enqueueReport(tx, id);
        else await enqueueVerification(tx, id);
        return { id, open: known === undefined };
      })
      .catch(passing);
    if (open)
      this.#verifier
        .begin(id)
        .catch((error: unknown) =>
          this.#parts.log.warn({ commitment: id, reason: sentenceOf(error) }, 'a commitment is verified later'),
        );
    return id;
  }

  /** The job that sees to a verification. @throws what it failed with, for the queue to try again */
  takeOver(id: number): Promise<void> {
    return this.#verifier.takeOver(id);
  }

  /** Resolves to whether the verification that runs here has ended within the time. */
  verifiedWithin(id: number, milliseconds: number): Promise<boolean> {
    return this.#verifier.endedWithin(id, milliseconds);
  }

  /** The result of a request, undefined while it is looked at or where there is none of that id. */
  async result(id: number): Promise<CommitmentResult | undefined> {
    const { database } = this.#parts;
    const commitment = await readCommitment(database, id);
    if (!commitment || commitment.state === 'verifying') return undefined;
    return { commitment, outcomes: await readOutcomes(database, id) };
  }

  /** The id of the DICOMweb request of this Transaction UID, if there is one. */
  async find(transactionUid: string): Promise<number | undefined> {
    const found = await findCommitment(this.#parts.database, transactionUid).catch(passing);
    return found?.door === 'dicomweb' ? found.id : undefined;
  }

  /** Results that this AE title has not been told yet. */
  unreported(aeTitle: string): Promise<number[]> {
    return unreportedCommitments(this.#parts.database, aeTitle, MOST_REPORTS);
  }

  /**
   * Tells the requestor its result, once: who finds another at it waits for that one, and has nothing left to do when it
   * succeeded.
   * @param how for the record: on which association
   * @throws whatever `send` threw; it is written down and the queue tries again
   */
  async report(id: number, how: string, send: (result: CommitmentResult) => Promise<void>): Promise<void> {
    for (let other = this.#reporting.get(id); other; other = this.#reporting.get(id))
      await other.catch(() => undefined);
    const run = this.#report(id, how, send).finally(() => this.#reporting.delete(id));
    this.#reporting.set(id, run);
    return run;
  }

  async #report(id: number, how: string, send: (result: CommitmentResult) => Promise<void>): Promise<void> {
    const { database } = this.#parts;
    const result = await this.result(id);
    if (result?.commitment.state !== 'verified') return;
    try {
      await send(result);
    } catch (error) {
      await failReport(database, id, sentenceOf(error), false);
      throw error;
    }
    await completeReport(database, id, how);
  }

  /** Tells the requestor once more, as an operator wishes; false where there is no result of that id to tell. */
  reportAgain(id: number): Promise<boolean> {
    return this.#parts.database.transaction(async (tx) => {
      const found = await rearmReport(tx, id);
      if (found) await enqueueReport(tx, id, 0);
      return found;
    });
  }

  /** Nobody will be told any more. */
  giveUp(id: number, reason: string): Promise<void> {
    return failReport(this.#parts.database, id, reason, true);
  }

  /** Breaks off what is read; the queue takes it up again after the next start. */
  async close(): Promise<void> {
    await this.#verifier.close();
    await Promise.allSettled(this.#reporting.values());
  }
}

/** Told on one association: more wait for the next. */
const MOST_REPORTS = 50;

/** A request that is sent again names the same instances in the same order. */
function digestOf(instances: readonly CommitmentInstance[]): Buffer {
  const lines = instances.map((one) =>
    [one.sopClassUid, one.sopInstanceUid, one.studyInstanceUid ?? '', one.seriesInstanceUid ?? ''].join(' '),
  );
  return createHash('sha256').update(lines.join('\n')).digest();
}

function passing(error: unknown): never {
  if (isUnavailable(error))
    throw new VoxgateError('out-of-resources', 'the database does not answer; try again later', { cause: error });
  throw error;
}
