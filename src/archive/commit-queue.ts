import type { Database } from '../catalog/database.ts';
import { GroupTransaction } from '../catalog/group-transaction.ts';
import type { InstanceRecord, Outcome, Recorded } from '../catalog/record-instances.ts';
import { isUnavailable } from '../catalog/unavailable.ts';
import { VoxgateError } from '../errors.ts';
import { enqueue } from '../jobs/queue.ts';
import type { FileStore } from '../storage/file-store.ts';
import type { Metadata, MetadataLog } from '../storage/metadata-log.ts';
import type { StagedObject } from '../storage/staged-object.ts';
import type { IdleSettle } from './idle-settle.ts';

/** An object that is received as a whole and described. */
export interface Arrival {
  readonly staged: StagedObject;
  readonly record: InstanceRecord;
  readonly metadata: Metadata;
}

interface Waiting extends Arrival {
  readonly resolve: (outcome: Outcome) => void;
  readonly reject: (error: unknown) => void;
}

/** Instances that share one transaction at most: bounds the statement's size. */
const LARGEST_GROUP = 200;
/** While the commit of one group is on its way to the disk, the files of another are. */
const GROUPS_AT_ONCE = 2;

export interface CommitParts {
  readonly store: FileStore;
  readonly log: MetadataLog;
  readonly database: Database;
  readonly idleSettle: IdleSettle;
}

/**
 * Group commit. While groups are on their way to the disk and the database, the instances that arrive form the next:
 * many share one folder sync and one transaction, and a lone one waits for nobody.
 */
export class CommitQueue {
  readonly #parts: CommitParts;
  #waiting: Waiting[] = [];
  /** SOP Instance UIDs of the groups on their way: a repeat waits, and finds the first. */
  readonly #underWay = new Set<string>();
  readonly #running = new Set<Promise<void>>();

  constructor(parts: CommitParts) {
    this.#parts = parts;
  }

  /**
   * Makes an instance durable: resolves only after its bytes are synced and its rows committed.
   * On failure nothing is recorded and the staged bytes are gone.
   */
  commit(arrival: Arrival): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...arrival, resolve, reject });
      this.#startGroup();
    });
  }

  /** Resolves when nothing is on its way. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #startGroup(): void {
    if (this.#waiting.length === 0 || this.#running.size >= GROUPS_AT_ONCE) return;
    const group = this.#nextGroup();
    if (group.length === 0) return;
    for (const { record } of group) this.#underWay.add(record.sopInstanceUid);
    const run = this.#commitGroup(group).finally(() => {
      for (const { record } of group) this.#underWay.delete(record.sopInstanceUid);
      this.#running.delete(run);
      this.#startGroup();
    });
    this.#running.add(run);
  }

  /** The oldest waiting, each SOP Instance UID once. */
  #nextGroup(): Waiting[] {
    const uids = new Set<string>();
    const group: Waiting[] = [];
    const later: Waiting[] = [];
    for (const waiting of this.#waiting) {
      const uid = waiting.record.sopInstanceUid;
      if (group.length < LARGEST_GROUP && !uids.has(uid) && !this.#underWay.has(uid)) {
        uids.add(uid);
        group.push(waiting);
      } else {
        later.push(waiting);
      }
    }
    this.#waiting = later;
    return group;
  }

  /** Never rejects: each of the group is told what became of it. */
  async #commitGroup(group: readonly Waiting[]): Promise<void> {
    let recorded: Recorded[];
    const undecided = { commitSent: false };
    try {
      recorded = await this.#record(group, undecided);
    } catch (error) {
      await this.#failGroup(group, passing(error), undecided.commitSent);
      return;
    }
    for (const [i, { staged, resolve }] of group.entries()) {
      // Its file is its own: that of the first copy has another name.
      if (recorded[i]!.fileNamed) staged.settle();
      else await staged.discard().catch(() => undefined);
      resolve(recorded[i]!.outcome);
    }
  }

  async #record(group: readonly Waiting[], undecided: { commitSent: boolean }): Promise<Recorded[]> {
    const { store, log, database, idleSettle } = this.#parts;
    const published = store.publish(group.map(({ staged }) => staged));
    // Whatever becomes of the rows, the files are waited for: who gives them up closes them.
    published.catch(() => undefined);
    let transaction: GroupTransaction | undefined;
    try {
      const places = log.append(group.map(({ record, metadata }) => ({ key: record.instance.storageKey, metadata })));
      const records = group.map(({ record }, i) => ({
        ...record,
        instance: { ...record.instance, metadata: places[i]! },
      }));
      const { replacements } = idleSettle;
      transaction = await GroupTransaction.begin(database, records);
      const recorded = await transaction.recorded;
      const keys = await this.#leaveJobs(transaction, seriesToSettle(records, recorded));
      await published;
      undecided.commitSent = true;
      await transaction.commit();
      idleSettle.left(keys, replacements);
      // No row names them: a second copy's, and those of what is kept apart.
      const unnamed = records
        .map(({ instance }, i) => ({ key: instance.storageKey, place: places[i]! }))
        .filter((_, i) => recorded[i]!.outcome !== 'stored');
      if (unnamed.length > 0) await log.erase(unnamed).catch(() => undefined);
      return recorded;
    } catch (error) {
      await Promise.allSettled([published, transaction?.rollback()]);
      throw error;
    }
  }

  /** In key order: two nodes that leave the same jobs must not wait for each other. */
  async #leaveJobs(transaction: GroupTransaction, series: Map<string, InstanceRecord>): Promise<string[]> {
    const { idleSettle } = this.#parts;
    const settle = [...series].filter(([key]) => !idleSettle.isFresh(key)).sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [key, { studyInstanceUid, seriesInstanceUid }] of settle) {
      const place = { studyInstanceUid, seriesInstanceUid, because: 'idle' as const };
      const { delaySeconds } = idleSettle;
      await enqueue(transaction.statements, 'settle-series', place, { key, delaySeconds });
    }
    return settle.map(([key]) => key);
  }

  /** A commit without an answer may be true: its files stay then, and the sweep finds out. */
  async #failGroup(group: readonly Waiting[], error: unknown, mayBeCommitted: boolean): Promise<void> {
    for (const { staged, reject } of group) {
      if (mayBeCommitted) staged.settle();
      else await staged.discard().catch(() => undefined);
      reject(error);
    }
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
