import type { Database } from '../catalog/database.ts';
import { type InstanceRecord, type Outcome, type Recorded, recordInstances } from '../catalog/record-instances.ts';
import { isUnavailable } from '../catalog/unavailable.ts';
import { VoxgateError } from '../errors.ts';
import { enqueue } from '../jobs/queue.ts';
import type { FileStore, StagedObject } from '../storage/file-store.ts';
import type { IdleSettle } from './idle-settle.ts';

interface Waiting {
  readonly staged: StagedObject;
  readonly record: InstanceRecord;
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/** Instances that share one transaction at most: bounds the statement's size. */
const LARGEST_GROUP = 200;

/**
 * Group commit. While one group is on its way to the disk and the database, the instances that arrive form the next:
 * many share one folder sync and one transaction, and a lone one waits for nobody.
 */
export class CommitQueue {
  readonly #store: FileStore;
  readonly #database: Database;
  readonly #idleSettle: IdleSettle;
  #waiting: Waiting[] = [];
  #running: Promise<void> | undefined;

  constructor(store: FileStore, database: Database, idleSettle: IdleSettle) {
    this.#store = store;
    this.#database = database;
    this.#idleSettle = idleSettle;
  }

  /**
   * Makes an instance durable: resolves only after its bytes are synced and its rows committed.
   * On failure nothing is recorded and the staged bytes are gone.
   */
  commit(staged: StagedObject, record: InstanceRecord): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ staged, record, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when nothing is on its way. */
  async idle(): Promise<void> {
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#nextGroup();
      await this.#commitGroup(group).catch((error: unknown) => this.#failGroup(group, passing(error)));
    }
    this.#running = undefined;
  }

  /** The oldest waiting, each SOP Instance UID once: a repeat belongs to the next group, where it finds the first. */
  #nextGroup(): Waiting[] {
    const uids = new Set<string>();
    const group: Waiting[] = [];
    const later: Waiting[] = [];
    for (const waiting of this.#waiting) {
      const uid = waiting.record.sopInstanceUid;
      if (group.length < LARGEST_GROUP && !uids.has(uid)) {
        uids.add(uid);
        group.push(waiting);
      } else {
        later.push(waiting);
      }
    }
    this.#waiting = later;
    return group;
  }

  async #commitGroup(group: readonly Waiting[]): Promise<void> {
    await this.#store.publish(group.map(({ staged, record }) => ({ staged, key: record.instance.storageKey })));
    const records = group.map(({ record }) => record);
    const { replacements } = this.#idleSettle;
    const { recorded, keys } = await this.#database.transaction(async (tx) => {
      const recorded = await recordInstances(tx, records);
      // In key order: two nodes that leave the same jobs must not wait for each other.
      const settle = [...seriesToSettle(records, recorded)]
        .filter(([key]) => !this.#idleSettle.isFresh(key))
        .sort(([a], [b]) => (a < b ? -1 : 1));
      for (const [key, { studyInstanceUid, seriesInstanceUid }] of settle) {
        const series = { studyInstanceUid, seriesInstanceUid };
        await enqueue(tx, 'settle-series', series, { key, delaySeconds: this.#idleSettle.delaySeconds });
      }
      return { recorded, keys: settle.map(([key]) => key) };
    });
    this.#idleSettle.left(keys, replacements);
    await this.#dropSecondCopies(records, recorded);
    for (const [i, { resolve }] of group.entries()) resolve(recorded[i]!.outcome);
  }

  /** The same data set behind other file meta information is another file; the first one stays. */
  async #dropSecondCopies(records: readonly InstanceRecord[], recorded: readonly Recorded[]): Promise<void> {
    const second = records.filter(
      ({ instance }, i) => recorded[i]!.outcome === 'duplicate' && recorded[i]!.storageKey !== instance.storageKey,
    );
    await Promise.all(second.map(({ instance }) => this.#store.remove(instance.storageKey)));
  }

  async #failGroup(group: readonly Waiting[], error: unknown): Promise<void> {
    await Promise.all(group.map(({ staged }) => staged.discard().catch(() => undefined)));
    for (const { reject } of group) reject(error);
  }
}

/** A database that is away is no fault of the object: the sender is told to come again (A700H, 503). */
function passing(error: unknown): unknown {
  if (!isUnavailable(error)) return error;
  return new VoxgateError('out-of-resources', 'the object cannot be recorded now: the database does not answer', {
    cause: error,
  });
}

/** One settle job a series: a later one of the same key replaces the earlier. */
export function settleKey(studyInstanceUid: string, seriesInstanceUid: string): string {
  return `settle ${studyInstanceUid} ${seriesInstanceUid}`;
}

/** Series that gained an instance from outside, by settle key: the node's own results are never analysed again. */
function seriesToSettle(
  records: readonly InstanceRecord[],
  recorded: readonly Recorded[],
): Map<string, InstanceRecord> {
  const gained = records.filter(
    (record, i) => recorded[i]!.outcome === 'stored' && record.instance.origin === 'received',
  );
  return new Map(gained.map((record) => [settleKey(record.studyInstanceUid, record.seriesInstanceUid), record]));
}
