import { createHash } from 'node:crypto';
import {
  type CommitmentInstance,
  completeReport,
  completeVerification,
  dropOldCommitments,
  failReport,
  findCommitment,
  insertCommitment,
  lockTransactionUid,
  nextUnverified,
  readCommitment,
  readOutcomes,
  recordVerified,
  reopenCommitment,
  unreportedCommitments,
} from '../catalog/commitments.ts';
import type { Database, Transaction } from '../catalog/database.ts';
import { isUnavailable } from '../catalog/unavailable.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';
import { dropJob, enqueue } from '../jobs/queue.ts';
import type { Log } from '../log.ts';
import type { FileStore } from '../storage/file-store.ts';
import { checkInstance } from './commitment-check.ts';
import type { AskedInstances } from './commitment-request.ts';
import type { CommitmentResult } from './commitment-result.ts';
import { Turns } from './turns.ts';

export interface CommitmentParts {
  readonly store: Pick<FileStore, 'pathOf' | 'stream'>;
  readonly database: Database;
  readonly log: Log;
}

export interface Requestor {
  readonly door: 'dimse' | 'dicomweb';
  /** AE title; '' for DICOMweb. */
  readonly aeTitle: string;
}

/** Files read again at once, by all requests together. */
const FILES_AT_ONCE = 2;
/** Instances whose findings are written down together: what a restart may have to read again. */
const BATCH = 100;
/** The job that takes over a verification which was broken off: by then the one begun at once has mostly ended. */
const TAKE_OVER_SECONDS = 15;
const JOB_WAITS_MS = 10_000;
/** The requestor's own association is waited for so long before one is opened to it. */
const REPORT_AFTER_SECONDS = 3;
/** With the queue's back-off about three days. */
const REPORT_ATTEMPTS = 20;
/** A result can be asked for so long. */
const KEPT_DAYS = 30;

/**
 * Requests for storage commitment, by either door (PS3.4 Annex J, PS3.18 chapter 13). A request is written down with the
 * job that will see to it, is looked at at once, and its result is kept until it is old. Nothing is answered for but what
 * was read again from the disk.
 */
export class Commitments {
  readonly #parts: CommitmentParts;
  readonly #turns = new Turns(FILES_AT_ONCE);
  readonly #verifying = new Map<number, Promise<void>>();
  readonly #reporting = new Map<number, Promise<void>>();
  readonly #closing = new AbortController();

  constructor(parts: CommitmentParts) {
    this.#parts = parts;
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
      this.#begin(id).catch((error: unknown) =>
        this.#parts.log.warn({ commitment: id, reason: sentenceOf(error) }, 'a commitment is verified later'),
      );
    return id;
  }

  /**
   * The job that sees to a verification: begins it where it does not run, and looks again later, so that a request of
   * hours holds up no other job.
   * @throws what it failed with, for the queue to try again
   */
  async takeOver(id: number): Promise<void> {
    const run = this.#begin(id);
    if (await this.verifiedWithin(id, JOB_WAITS_MS)) return run;
    run.catch(() => undefined);
    await enqueueVerification(this.#parts.database, id);
  }

  /** Verifies what is not verified yet; once at a time in this process. */
  #begin(id: number): Promise<void> {
    const running = this.#verifying.get(id);
    if (running) return running;
    const run = this.#verify(id).finally(() => this.#verifying.delete(id));
    this.#verifying.set(id, run);
    return run;
  }

  async #verify(id: number): Promise<void> {
    const { database, store, log } = this.#parts;
    const { signal } = this.#closing;
    for (;;) {
      signal.throwIfAborted();
      const batch = await nextUnverified(database, id, BATCH);
      if (batch.length === 0) break;
      const found = await Promise.all(
        batch.map((one) =>
          this.#turns.take(async () => {
            const { failureReason, fault } = await checkInstance(store, one, signal);
            if (fault !== undefined)
              log.error({ sopInstanceUid: one.sopInstanceUid, fault }, 'an instance cannot be committed to');
            return { position: one.position, failureReason };
          }),
        ),
      );
      await recordVerified(database, id, found);
    }
    await database.transaction(async (tx) => {
      if (!(await completeVerification(tx, id))) return;
      const commitment = await readCommitment(tx, id);
      if (commitment?.door === 'dimse') await enqueueReport(tx, id);
      await dropJob(tx, verificationKey(id));
    });
    await dropOldCommitments(database, KEPT_DAYS, 100);
  }

  /** Resolves to whether the verification that runs here has ended within the time. */
  async verifiedWithin(id: number, milliseconds: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), milliseconds);
    });
    const ended = Promise.resolve(this.#verifying.get(id)).then(
      () => true,
      () => false,
    );
    const inTime = await Promise.race([ended, late]);
    clearTimeout(timer);
    return inTime;
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
    for (let other = this.#reporting.get(id); other; other = this.#reporting.get(id)) await other.catch(() => undefined);
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

  /** Nobody will be told any more. */
  giveUp(id: number, reason: string): Promise<void> {
    return failReport(this.#parts.database, id, reason, true);
  }

  /** Breaks off what is read; the queue takes it up again after the next start. */
  async close(): Promise<void> {
    this.#closing.abort(new VoxgateError('out-of-resources', 'the node is stopped'));
    await Promise.allSettled([...this.#verifying.values(), ...this.#reporting.values()]);
  }
}

/** Told on one association: more wait for the next. */
const MOST_REPORTS = 50;

const verificationKey = (id: number): string => `commit ${id}`;

function enqueueVerification(tx: Database | Transaction, commitmentId: number): Promise<void> {
  return enqueue(
    tx,
    'verify-commitment',
    { commitmentId },
    { key: verificationKey(commitmentId), delaySeconds: TAKE_OVER_SECONDS },
  );
}

function enqueueReport(tx: Transaction, commitmentId: number): Promise<void> {
  return enqueue(
    tx,
    'report-commitment',
    { commitmentId },
    { key: `report ${commitmentId}`, delaySeconds: REPORT_AFTER_SECONDS, maxAttempts: REPORT_ATTEMPTS },
  );
}

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
