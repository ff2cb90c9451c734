import type { Database } from '../catalog/database.ts';
import { addEvent } from '../catalog/deletions-events.ts';
import { pageOfObjects, unnamedKeys } from '../catalog/verification.ts';

/** What of the file store a sweep needs. */
export interface SweptStore {
  walk(): AsyncIterable<{ readonly key: string; readonly size: number; readonly modifiedAt: Date }>;
  remove(key: string): Promise<void>;
  read(key: string, offset: number, length: number): Promise<Buffer>;
  /** Whether the object is being received or recorded just now. */
  isUnderWay(key: string): boolean;
}

export interface SweepParts {
  readonly database: Database;
  readonly store: SweptStore;
  /** Files younger than this are left alone: an ingest may be about to name them. */
  readonly minimumAgeMs?: number;
}

export interface Swept {
  readonly removed: number;
  readonly bytes: number;
  /** SOP Instance UIDs of rows whose file is not there, the first of them; the rows stay. */
  readonly missing: readonly string[];
  readonly missingCount: number;
}

/** No ingest takes so long between the file and its row: the group commit waits for PostgreSQL 30 s at most. */
const MINIMUM_AGE_MS = 60 * 60 * 1000;

/** Keys asked for in one statement, which reads the tables once: some 10 MB of memory. */
const KEYS_OF_ONE_STATEMENT = 100_000;

/** Between two looks at the database while files are removed. */
const REMOVED_AT_ONCE = 200;

/**
 * Removes files that no row names: what a crash between moving a file and committing its row left over. Each is asked
 * for once more right before it goes. Tells of rows whose file is missing, which are for a person to look at.
 */
export async function sweepOrphans(parts: SweepParts): Promise<Swept> {
  const { removed, bytes } = await removeOrphans(parts);
  const missing: string[] = [];
  let missingCount = 0;
  for await (const uid of missingFiles(parts)) {
    missingCount += 1;
    if (missing.length < MISSING_TOLD) missing.push(uid);
  }
  return { removed, bytes, missing, missingCount };
}

const MISSING_TOLD = 20;

async function removeOrphans(parts: SweepParts): Promise<{ removed: number; bytes: number }> {
  const before = Date.now() - (parts.minimumAgeMs ?? MINIMUM_AGE_MS);
  const swept = { removed: 0, bytes: 0 };
  let old = new Map<string, number>();
  for await (const { key, size, modifiedAt } of parts.store.walk()) {
    if (modifiedAt.getTime() > before) continue;
    old.set(key, size);
    if (old.size < KEYS_OF_ONE_STATEMENT) continue;
    await removeUnnamed(parts, old, swept);
    old = new Map();
  }
  await removeUnnamed(parts, old, swept);
  if (swept.removed > 0)
    await addEvent(parts.database, 'swept', {
      doneBy: 'sweep',
      reason: 'files that no row names',
      instances: swept.removed,
      bytes: swept.bytes,
    });
  return swept;
}

async function removeUnnamed(
  { database, store }: SweepParts,
  files: ReadonlyMap<string, number>,
  swept: { removed: number; bytes: number },
): Promise<void> {
  const unnamed = files.size === 0 ? [] : await unnamedKeys(database, [...files.keys()]);
  for (let at = 0; at < unnamed.length; at += REMOVED_AT_ONCE) {
    const idle = unnamed.slice(at, at + REMOVED_AT_ONCE).filter((key) => !store.isUnderWay(key));
    // What is not under way now is never named again: a key is given once, when an object comes.
    for (const key of await unnamedKeys(database, idle)) {
      await store.remove(key);
      swept.removed += 1;
      swept.bytes += files.get(key) ?? 0;
    }
  }
}

const ROWS_OF_A_PAGE = 2000;

/** SOP Instance UIDs of held instances without a file. One byte is read of each: a name in a folder is not yet a file. */
async function* missingFiles({ database, store }: SweepParts): AsyncGenerator<string> {
  for (let after = 0; ; ) {
    const page = await pageOfObjects(database, 'instances', {}, after, ROWS_OF_A_PAGE);
    for (const object of page) {
      const there = await store.read(object.storageKey, 0, 1).then(
        () => true,
        () => false,
      );
      if (!there) yield object.sopInstanceUid;
    }
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.id;
  }
}
