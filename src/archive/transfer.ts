import type { Database } from '../catalog/database.ts';
import { enqueue } from '../jobs/queue.ts';
import type { FileStore, StagedObject } from '../storage/file-store.ts';
import { CommitQueue, settleKey } from './commit-queue.ts';
import type { Describer } from './describer.ts';
import { IdleSettle } from './idle-settle.ts';
import { type Announced, IncomingInstance, type Receipt, type ReceiverParts } from './receive-instance.ts';

export interface IngestOptions {
  readonly store: FileStore;
  readonly database: Database;
  readonly describer: Describer;
  /** Quiet time after the sender said that it is done. */
  readonly settleSeconds: number;
  /** Quiet time where it never said so. */
  readonly idleSettleSeconds: number;
}

/** The archive's one gate: DIMSE associations, STOW requests and the node's own results all come in by it. */
export class Ingest {
  readonly #options: IngestOptions;
  readonly #commits: CommitQueue;
  readonly #idleSettle: IdleSettle;
  readonly #open = new Set<Transfer>();

  constructor(options: IngestOptions) {
    this.#options = options;
    this.#idleSettle = new IdleSettle(options.idleSettleSeconds);
    const { store, database } = options;
    this.#commits = new CommitQueue({ store, log: store.metadata, database, idleSettle: this.#idleSettle });
  }

  /**
   * A sender begins: an association is accepted, a STOW request has come.
   * @param characterSet of its texts where its objects name none, as it is known of it
   */
  begin(origin: 'received' | 'self' = 'received', characterSet?: readonly string[]): Transfer {
    const { store, describer } = this.#options;
    const parts = { store, describer, commits: this.#commits, origin };
    const transfer = new Transfer({ ...parts, ...(characterSet ? { characterSet } : {}) }, (ended) =>
      this.#ended(ended),
    );
    this.#open.add(transfer);
    return transfer;
  }

  /** Resolves when no instance is between disk and database. */
  idle(): Promise<void> {
    return this.#commits.idle();
  }

  /** The sender is done: series that no other open transfer adds to are settled after a short quiet time. */
  async #ended(transfer: Transfer): Promise<void> {
    this.#open.delete(transfer);
    const done = [...transfer.gained].filter(([key]) => ![...this.#open].some((other) => other.gained.has(key)));
    for (const [key, series] of done) {
      await enqueue(this.#options.database, 'settle-series', series, {
        key,
        delaySeconds: this.#options.settleSeconds,
      });
      this.#idleSettle.replaced(key);
    }
  }
}

interface SeriesName {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
}

/** Bytes on their way that are no object by themselves. What is read must have been flushed. */
export type StagedValue = Pick<StagedObject, 'write' | 'flush' | 'read' | 'discard' | 'size'>;

/** What one sender brings in one go. */
export class Transfer {
  readonly #parts: ReceiverParts;
  readonly #onEnd: (transfer: Transfer) => Promise<void>;
  /** Series that gained an instance, by settle key. */
  readonly gained = new Map<string, SeriesName>();

  constructor(parts: ReceiverParts, onEnd: (transfer: Transfer) => Promise<void>) {
    this.#parts = parts;
    this.#onEnd = onEnd;
  }

  receiveDataSet(announced: Announced): Promise<IncomingInstance> {
    return IncomingInstance.ofDataSet(this.#parts, announced);
  }

  receiveFile(): Promise<IncomingInstance> {
    return IncomingInstance.ofFile(this.#parts);
  }

  /**
   * A value that comes apart from its data set, kept beside until its object is put together; to be discarded then.
   * @throws VoxgateError out-of-resources when the disk is nearly full
   */
  stageValue(): StagedValue {
    return this.#parts.store.stage();
  }

  /**
   * Finishes an object and remembers its series, so that the end of the transfer can settle it.
   * @param study the only study it may belong to, where the request names one
   */
  async finish(incoming: IncomingInstance, study?: string): Promise<Receipt> {
    const receipt = await incoming.finish(study);
    const { studyInstanceUid, seriesInstanceUid } = receipt;
    if (receipt.outcome === 'stored' && this.#parts.origin === 'received') {
      this.gained.set(settleKey(studyInstanceUid, seriesInstanceUid), { studyInstanceUid, seriesInstanceUid });
    }
    return receipt;
  }

  end(): Promise<void> {
    return this.#onEnd(this);
  }
}
