import type { Database } from '../catalog/database.ts';
import { VoxgateError } from '../errors.ts';
import { enqueue, wakeQueue } from '../jobs/queue.ts';
import type { FileStore, StagedObject } from '../storage/file-store.ts';
import { type Arrival, Arrivals, type ArrivingTransfer, type Pauses, type TransferEnd } from './arrivals.ts';
import { CommitQueue, settleKey } from './commit-queue.ts';
import type { Describer } from './describer.ts';
import { IdleSettle } from './idle-settle.ts';
import { type Announced, IncomingInstance, type Receipt, type ReceiverParts } from './receive-instance.ts';

export interface IngestOptions {
  readonly store: FileStore;
  readonly database: Database;
  readonly describer: Describer;
  /** Quiet time after the sender said that it is done, where nothing is known of it. */
  readonly settleSeconds: number;
  /** Quiet time where it never said so. */
  readonly idleSettleSeconds: number;
  /** Quiet time where all evidence agrees: what a sender needs to begin its next association. */
  readonly leastQuietSeconds?: number | undefined;
  /** Why nothing more is to be received just now; undefined when all is well. */
  readonly overload?: (() => string | undefined) | undefined;
}

export interface Beginning {
  /** Of texts in objects that name none, as it is known of the sender. */
  readonly characterSet?: readonly string[] | undefined;
  /** Who sends: AE title and address. */
  readonly source?: string | undefined;
}

/** An open transfer that pauses so long on a series may have brought all of it: the evidence is looked at. */
const PROBE_AFTER_MS = 700;
/** A pause is one that is longer than so many times the longest that this series went on after. */
const PROBE_PAUSES = 4;
const LEAST_QUIET_SECONDS = 0.25;

/** The archive's one gate: DIMSE associations, STOW requests and the node's own results all come in by it. */
export class Ingest {
  readonly #options: IngestOptions;
  readonly #commits: CommitQueue;
  readonly #idleSettle: IdleSettle;
  readonly #open = new Set<Transfer>();
  readonly #arrivals = new Arrivals();
  readonly #probes = new Map<string, NodeJS.Timeout>();
  readonly #leastQuiet: number;

  constructor(options: IngestOptions) {
    this.#options = options;
    this.#leastQuiet = Math.min(options.leastQuietSeconds ?? LEAST_QUIET_SECONDS, options.settleSeconds);
    this.#idleSettle = new IdleSettle(options.idleSettleSeconds);
    const { store, database } = options;
    this.#commits = new CommitQueue({ store, log: store.metadata, database, idleSettle: this.#idleSettle });
  }

  /** A sender begins: an association is accepted, a STOW request has come. */
  begin(origin: 'received' | 'self' = 'received', { characterSet, source }: Beginning = {}): Transfer {
    const { store, describer, overload } = this.#options;
    const parts = { store, describer, commits: this.#commits, origin, ...(characterSet ? { characterSet } : {}) };
    const transfer = new Transfer(parts, {
      source,
      overload: origin === 'received' ? overload : undefined,
      onStored: (stored, key, series) => this.#stored(stored, key, series),
      onEnd: (ended, how) => this.#ended(ended, how),
    });
    this.#open.add(transfer);
    if (origin === 'received') this.#arrivals.begun(transfer);
    return transfer;
  }

  /**
   * A settle job looks at a series: what is known here of how it comes. An instance that comes from now on leaves a job
   * of its own.
   */
  settling({ studyInstanceUid, seriesInstanceUid }: SeriesName): Arrival | undefined {
    const key = settleKey(studyInstanceUid, seriesInstanceUid);
    this.#idleSettle.replaced(key);
    return this.#arrivals.of(key, studyInstanceUid);
  }

  /** The pauses that a series came with since this was asked last. */
  takePauses({ studyInstanceUid, seriesInstanceUid }: SeriesName): Pauses | undefined {
    return this.#arrivals.takePauses(settleKey(studyInstanceUid, seriesInstanceUid));
  }

  /** Resolves when no instance is between disk and database. */
  idle(): Promise<void> {
    return this.#commits.idle();
  }

  #stored(transfer: Transfer, key: string, series: SeriesName): void {
    this.#arrivals.stored(key, transfer);
    clearTimeout(this.#probes.get(key));
    const longest = this.#arrivals.of(key, series.studyInstanceUid)?.longestWithinMs ?? 0;
    const timer = setTimeout(
      () => {
        this.#probes.delete(key);
        // The sender is still there, and the job that is left for it comes late.
        if (this.#open.has(transfer)) void this.#leave(key, series, 'idle', 0).catch(() => undefined);
      },
      Math.max(PROBE_AFTER_MS, PROBE_PAUSES * longest),
    );
    this.#probes.set(key, timer.unref());
  }

  /** The sender is done: series that no other open transfer adds to are looked at after a short quiet time. */
  async #ended(transfer: Transfer, how: TransferEnd): Promise<void> {
    this.#open.delete(transfer);
    this.#arrivals.ended(transfer, how);
    const done = [...transfer.gained].filter(([key]) => ![...this.#open].some((other) => other.gained.has(key)));
    for (const [key, series] of done) {
      clearTimeout(this.#probes.get(key));
      this.#probes.delete(key);
      await this.#leave(key, series, 'ended', this.#leastQuiet);
    }
    if (done.length > 0) wakeQueue(this.#options.database, this.#leastQuiet * 1000 + 5);
  }

  async #leave(key: string, series: SeriesName, because: 'ended' | 'idle', delaySeconds: number): Promise<void> {
    await enqueue(this.#options.database, 'settle-series', { ...series, because }, { key, delaySeconds });
    this.#idleSettle.replaced(key);
  }
}

interface SeriesName {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
}

/** Bytes on their way that are no object by themselves. What is read must have been flushed. */
export type StagedValue = Pick<StagedObject, 'write' | 'flush' | 'read' | 'discard' | 'size'>;

interface TransferOptions {
  readonly source: string | undefined;
  readonly overload: (() => string | undefined) | undefined;
  readonly onStored: (transfer: Transfer, key: string, series: SeriesName) => void;
  readonly onEnd: (transfer: Transfer, how: TransferEnd) => Promise<void>;
}

/** What one sender brings in one go. */
export class Transfer implements ArrivingTransfer {
  readonly #parts: ReceiverParts;
  readonly #options: TransferOptions;
  readonly begunAt = performance.now();
  /** Series that gained an instance, by settle key. */
  readonly gained = new Map<string, SeriesName>();

  constructor(parts: ReceiverParts, options: TransferOptions) {
    this.#parts = parts;
    this.#options = options;
  }

  get source(): string | undefined {
    return this.#options.source;
  }

  /** @throws VoxgateError out-of-resources when the disk is nearly full, or too much is waiting to be analysed */
  async receiveDataSet(announced: Announced): Promise<IncomingInstance> {
    this.#refuseOverload();
    return IncomingInstance.ofDataSet(this.#parts, announced);
  }

  /** @throws VoxgateError as `receiveDataSet` */
  async receiveFile(): Promise<IncomingInstance> {
    this.#refuseOverload();
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
      const key = settleKey(studyInstanceUid, seriesInstanceUid);
      const series = { studyInstanceUid, seriesInstanceUid };
      this.gained.set(key, series);
      this.#options.onStored(this, key, series);
    }
    return receipt;
  }

  /** @param how `cut` where the connection went before the sender said that it was done */
  end(how: TransferEnd = 'released'): Promise<void> {
    return this.#options.onEnd(this, how);
  }

  #refuseOverload(): void {
    const reason = this.#options.overload?.();
    if (reason !== undefined) throw new VoxgateError('out-of-resources', reason);
  }
}
