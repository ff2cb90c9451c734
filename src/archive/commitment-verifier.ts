import {
  completeVerification,
  dropOldCommitments,
  type HeldInstance,
  nextUnverified,
  readCommitment,
  recordVerified,
} from '../catalog/commitments.ts';
import type { Database } from '../catalog/database.ts';
import { VoxgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { FileStore } from '../storage/file-store.ts';
import { checkInstance } from './commitment-check.ts';
import { dropVerification, enqueueReport, enqueueVerification } from './commitment-jobs.ts';
import { Turns } from './turns.ts';

export interface VerifierParts {
  readonly store: Pick<FileStore, 'pathOf' | 'stream'>;
  readonly database: Database;
  readonly log: Log;
}

/** Files read again at once, by all requests together. */
const FILES_AT_ONCE = 2;
/** Instances whose findings are written down together: what a restart may have to read again. */
const BATCH = 250;
const JOB_WAITS_MS = 10_000;
/** A result can be asked for so long. */
const KEPT_DAYS = 30;

/** Reads what requests name, a few files at a time, and writes down what it found as it goes. */
export class CommitmentVerifier {
  readonly #parts: VerifierParts;
  readonly #turns = new Turns(FILES_AT_ONCE);
  readonly #running = new Map<number, Promise<void>>();
  readonly #closing = new AbortController();

  constructor(parts: VerifierParts) {
    this.#parts = parts;
  }

  /** Verifies what is not verified yet of a request; once at a time in this process. */
  begin(id: number): Promise<void> {
    const running = this.#running.get(id);
    if (running) return running;
    const run = this.#verify(id).finally(() => this.#running.delete(id));
    this.#running.set(id, run);
    // Behind it, for the next request of that id is not to wait for it.
    run.then(() => dropOldCommitments(this.#parts.database, KEPT_DAYS, 100)).catch(() => undefined);
    return run;
  }

  /**
   * The job that sees to a verification: begins it where it does not run, and looks again later, so that a request of
   * hours holds up no other job.
   * @throws what it failed with, for the queue to try again
   */
  async takeOver(id: number): Promise<void> {
    const run = this.begin(id);
    if (await this.endedWithin(id, JOB_WAITS_MS)) return run;
    run.catch(() => undefined);
    await enqueueVerification(this.#parts.database, id);
  }

  /** Resolves to whether the verification that runs here has ended within the time. */
  async endedWithin(id: number, milliseconds: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => {
      timer = setTimeout(() => resolve(false), milliseconds);
    });
    const ended = Promise.resolve(this.#running.get(id)).then(
      () => true,
      () => true,
    );
    const inTime = await Promise.race([ended, late]);
    clearTimeout(timer);
    return inTime;
  }

  /** Breaks off what is read; the queue takes it up again after the next start. */
  async close(): Promise<void> {
    this.#closing.abort(new VoxgateError('out-of-resources', 'the node is stopped'));
    await Promise.allSettled(this.#running.values());
  }

  async #verify(id: number): Promise<void> {
    const { database } = this.#parts;
    for (let after = -1; ; ) {
      this.#closing.signal.throwIfAborted();
      const batch = await nextUnverified(database, id, after, BATCH);
      const last = batch.at(-1);
      if (!last) break;
      after = last.position;
      const found = await Promise.all(batch.map((one) => this.#turns.take(() => this.#check(one))));
      await recordVerified(database, id, found);
    }
    await database.transaction(async (tx) => {
      if (!(await completeVerification(tx, id))) return;
      const commitment = await readCommitment(tx, id);
      if (commitment?.door === 'dimse') await enqueueReport(tx, id);
      await dropVerification(tx, id);
    });
  }

  async #check(one: HeldInstance): Promise<{ position: number; failureReason: number }> {
    const { store, log } = this.#parts;
    const { failureReason, fault } = await checkInstance(store, one, this.#closing.signal);
    if (fault !== undefined)
      log.error({ sopInstanceUid: one.sopInstanceUid, fault }, 'an instance cannot be committed to');
    return { position: one.position, failureReason };
  }
}
