import type { Database } from '../catalog/database.ts';
import { readHold } from '../catalog/deletions-holds.ts';
import { readDeletion } from '../catalog/deletions-list.ts';
import { dropParents, finishPurge, markForPurge } from '../catalog/deletions-purge.ts';
import type { MetadataPlace } from '../catalog/record-instances.ts';
import { leavePurge } from './delete-place.ts';

export interface PurgeParts {
  readonly database: Database;
  readonly store: {
    remove(key: string): Promise<void>;
    readonly metadata: {
      erase(records: readonly { readonly key: string; readonly place: MetadataPlace }[]): Promise<void>;
    };
  };
}

/** Objects between two commits: bounds what a crash does twice. */
const BATCH = 500;

/** A hold is asked after again this often. */
const HELD_AGAIN_DAYS = 1;

/**
 * Removes the files of a deletion and erases their metadata, and then its rows in the trash; run again after a crash it goes on where it was.
 * Files go before rows and after the mark that they can no longer be brought back, so that there is never a row without
 * its bytes, and the audit says "purged" only of what is gone. A study on hold keeps what is in the trash, too.
 * Resolves to the number of objects purged.
 */
export async function purgeDeletion(
  { database, store }: PurgeParts,
  deletionId: number,
  told: { readonly doneBy: string; readonly reason: string },
): Promise<number> {
  const deletion = await readDeletion(database, deletionId);
  if (!deletion) return 0;
  let done = 0;
  for (;;) {
    if (await readHold(database, deletion.studyInstanceUid)) {
      await leavePurge(database, deletionId, HELD_AGAIN_DAYS);
      return done;
    }
    const batch = await markForPurge(database, deletionId, BATCH);
    if (batch.length === 0) break;
    const gone = batch.filter(({ alone }) => alone);
    for (const { storageKey } of gone) await store.remove(storageKey);
    await store.metadata.erase(
      gone.flatMap(({ storageKey: key, metadata }) => (metadata === null ? [] : [{ key, place: metadata }])),
    );
    await database.transaction((tx) => finishPurge(tx, deletionId, batch, told));
    done += batch.length;
  }
  await database.transaction((tx) => dropParents(tx, deletionId));
  return done;
}
