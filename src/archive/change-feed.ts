import { setTimeout as sleep } from 'node:timers/promises';
import { type Change, type ChangeRange, numberChanges, readChangeRange, readChanges } from '../catalog/changes.ts';
import type { Database } from '../catalog/database.ts';
import { sentenceOf } from '../errors.ts';
import type { Log } from '../log.ts';

export type { Change } from '../catalog/changes.ts';

export interface ChangeFeedParts {
  readonly database: Database;
  readonly log: Log;
}

/** Changes after a number, in their order, and where to go on. */
export interface ChangePage {
  readonly changes: readonly Change[];
  /** The number to ask from next. */
  readonly last: number;
  /** Whether that was all for now. */
  readonly done: boolean;
}

/** The number is not one to go on from: forgotten, or never given. */
export interface OutOfRange extends ChangeRange {
  readonly outOfRange: true;
}

/** One of those who are told as it happens. */
export interface Follower {
  /** Resolves when there may be a change behind number `after`, at the latest after so many milliseconds. */
  news(after: number, withinMs: number): Promise<void>;
  end(): void;
  /** Aborted when the node stops. */
  readonly stopping: AbortSignal;
}

/** Each follows with a connection and reads pages of its own. */
const MOST_FOLLOWERS = 100;
/** How late a follower hears of a change; nobody asks the database while there is none. */
const LOOK_EVERY_MS = 300;

/**
 * What was stored, deleted, superseded and restored, numbered without gaps in the order in which it became true.
 * Any number of nodes on one database tell the same numbers.
 */
export class ChangeFeed {
  readonly #database: Database;
  readonly #log: Log;
  readonly #closing = new AbortController();
  readonly #wake = new Set<() => void>();
  #followers = 0;
  /** As last looked at, for followers. */
  #newest = 0;
  #looking: Promise<void> | undefined;

  constructor({ database, log }: ChangeFeedParts) {
    this.#database = database;
    this.#log = log;
  }

  /** Where the feed begins and ends now. */
  async range(): Promise<ChangeRange> {
    await numberChanges(this.#database);
    return readChangeRange(this.#database);
  }

  /** At most `limit` changes after number `since` (0 is the beginning). */
  async page(since: number, limit: number): Promise<ChangePage | OutOfRange> {
    const range = await this.range();
    if (since < range.oldest - 1 || since > range.newest) return { outOfRange: true, ...range };
    const changes = await readChanges(this.#database, since, limit);
    const last = changes.at(-1)?.sequence ?? since;
    return { changes, last, done: last >= range.newest };
  }

  /** A place among those who are told; undefined where all are taken, or the node is about to stop. */
  follow(): Follower | undefined {
    if (this.#followers >= MOST_FOLLOWERS || this.#closing.signal.aborted) return undefined;
    this.#followers++;
    this.#looking ??= this.#look();
    let wake: (() => void) | undefined;
    let ended = false;
    return {
      news: (after, withinMs) =>
        new Promise((resolve) => {
          const timer = setTimeout(() => wake?.(), withinMs);
          wake = () => {
            clearTimeout(timer);
            if (wake) this.#wake.delete(wake);
            wake = undefined;
            resolve();
          };
          this.#wake.add(wake);
          if (ended || this.#newest > after || this.#closing.signal.aborted) wake();
        }),
      end: () => {
        if (ended) return;
        ended = true;
        this.#followers--;
        wake?.();
      },
      stopping: this.#closing.signal,
    };
  }

  /** Every follower is told to leave: a stopping node waits for no listener. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#wakeAll();
    await this.#looking;
  }

  #wakeAll(): void {
    for (const wake of [...this.#wake]) wake();
  }

  /** While there is a follower: numbers what is new, and wakes them where there was something. */
  async #look(): Promise<void> {
    let failing = false;
    while (this.#followers > 0 && !this.#closing.signal.aborted) {
      try {
        const { newest } = await this.range();
        const isNews = newest !== this.#newest;
        this.#newest = newest;
        if (isNews) this.#wakeAll();
        failing = false;
      } catch (error) {
        if (!failing) this.#log.warn({ reason: sentenceOf(error) }, 'the change feed cannot be read');
        failing = true;
      }
      await sleep(LOOK_EVERY_MS, undefined, { signal: this.#closing.signal }).catch(() => undefined);
    }
    this.#looking = undefined;
  }
}
