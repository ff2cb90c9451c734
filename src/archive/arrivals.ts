/** How a transfer ended: the sender said so, or the connection went. */
export type TransferEnd = 'released' | 'cut';

/** A transfer as arrivals see it: who sends, since when. */
export interface ArrivingTransfer {
  /** AE title and address of the sender, where it is known. */
  readonly source: string | undefined;
  readonly begunAt: number;
  /** Settle keys of the series that gained an instance by it. */
  readonly gained: ReadonlyMap<string, unknown>;
}

/** What is known in this process of how the instances of one series come. Times in ms. */
export interface Arrival {
  readonly source: string | undefined;
  /** Instances stored since the process knows the series. */
  readonly stored: number;
  /** Since the newest was stored. */
  readonly quietMs: number;
  /** Transfers under way that brought instances of it. */
  readonly open: number;
  /** Of the same sender, others under way that may yet bring some: they brought of its study, or nothing so far. */
  readonly othersOpen: number;
  /** Transfers that brought instances of it, the open ones among them. */
  readonly transfers: number;
  /** How the newest of them that ended did; undefined while none has. */
  readonly lastEnd: TransferEnd | undefined;
  /** Longest pause while a transfer was open, and from the end of the last to the next. */
  readonly longestWithinMs: number;
  readonly longestBetweenMs: number;
}

/** Pauses after which a series went on, of one series: what its sender is learned by. */
export interface Pauses {
  readonly source: string | undefined;
  readonly betweenMs: readonly number[];
}

interface Known {
  source: string | undefined;
  stored: number;
  newestAt: number;
  readonly transfers: Set<ArrivingTransfer>;
  ended: number;
  lastEnd: TransferEnd | undefined;
  longestWithinMs: number;
  longestBetweenMs: number;
  betweenMs: number[];
}

/** Series remembered before those that nobody adds to are looked for and dropped. */
const PRUNE_ABOVE = 2000;
const FORGET_AFTER_MS = 10 * 60_000;
/** Pauses kept of a series until they are learned from. */
const PAUSES_KEPT = 1000;
/** A transfer that has brought nothing for so long is not waited for: some peers keep one open all day. */
const SILENT_MS = 10_000;
/** What comes later than this is another sending, not a pause. */
const LONGEST_PAUSE_MS = 120_000;

/**
 * How the series under way come in: by which transfers, with which pauses. Lost with the process; a series that is not
 * known here is judged by its rows alone.
 */
export class Arrivals {
  readonly #now: () => number;
  readonly #known = new Map<string, Known>();
  readonly #open = new Set<ArrivingTransfer>();

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  begun(transfer: ArrivingTransfer): void {
    this.#open.add(transfer);
  }

  /** An instance of the series was stored. */
  stored(key: string, transfer: ArrivingTransfer): void {
    const now = this.#now();
    const known = this.#known.get(key);
    if (!known) {
      if (this.#known.size >= PRUNE_ABOVE) this.#prune(now);
      this.#known.set(key, {
        source: transfer.source,
        stored: 1,
        newestAt: now,
        transfers: new Set([transfer]),
        ended: 0,
        lastEnd: undefined,
        longestWithinMs: 0,
        longestBetweenMs: 0,
        betweenMs: [],
      });
      return;
    }
    const pause = now - known.newestAt;
    if (pause <= LONGEST_PAUSE_MS) {
      // With one still open the sender was not done, whichever of them goes on.
      const within = known.transfers.size > 0;
      if (within) known.longestWithinMs = Math.max(known.longestWithinMs, pause);
      else known.longestBetweenMs = Math.max(known.longestBetweenMs, pause);
      if (!within && known.betweenMs.length < PAUSES_KEPT) known.betweenMs.push(pause);
    }
    known.source = transfer.source;
    known.stored += 1;
    known.newestAt = now;
    known.transfers.add(transfer);
  }

  ended(transfer: ArrivingTransfer, how: TransferEnd): void {
    this.#open.delete(transfer);
    for (const key of transfer.gained.keys()) {
      const known = this.#known.get(key);
      if (!known) continue;
      known.lastEnd = how;
      known.ended += known.transfers.delete(transfer) ? 1 : 0;
    }
  }

  of(key: string, study: string): Arrival | undefined {
    const known = this.#known.get(key);
    if (!known) return undefined;
    const now = this.#now();
    const others = [...this.#open].filter(
      (transfer) =>
        !known.transfers.has(transfer) &&
        transfer.source === known.source &&
        (transfer.gained.size === 0
          ? now - transfer.begunAt < SILENT_MS
          : [...transfer.gained.keys()].some((gained) => gained.includes(` ${study} `))),
    );
    return {
      source: known.source,
      stored: known.stored,
      quietMs: now - known.newestAt,
      open: known.transfers.size,
      othersOpen: others.length,
      transfers: known.transfers.size + known.ended,
      lastEnd: known.lastEnd,
      longestWithinMs: known.longestWithinMs,
      longestBetweenMs: known.longestBetweenMs,
    };
  }

  /** The pauses of a series since they were taken last. */
  takePauses(key: string): Pauses | undefined {
    const known = this.#known.get(key);
    if (!known) return undefined;
    const { source, betweenMs } = known;
    known.betweenMs = [];
    return { source, betweenMs };
  }

  #prune(now: number): void {
    for (const [key, known] of this.#known)
      if (known.transfers.size === 0 && now - known.newestAt > FORGET_AFTER_MS) this.#known.delete(key);
  }
}
