import type { Database } from '../catalog/database.ts';
import { locateRows, selectInstances, type UniqueKeys } from '../catalog/select-instances.ts';
import type { FileStore } from '../storage/file-store.ts';

export type { UniqueKeys } from '../catalog/select-instances.ts';

/** A stored instance, as whoever sends it needs it. */
export interface SendableInstance {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly path: string;
  readonly size: number;
  readonly dataSetOffset: number;
}

/** The instances that a retrieval means. */
export interface SelectedInstances {
  readonly total: number;
  readonly kinds: readonly { readonly sopClassUid: string; readonly transferSyntaxUid: string }[];
  /** By series and instance number. What was deleted since they were counted does not come. */
  objects(): AsyncGenerator<SendableInstance, void>;
}

/** Rows in memory at once; the first few instances do not wait for the others. */
const BATCH = 200;

export async function selectForSending(
  { database, store }: { readonly database: Database; readonly store: FileStore },
  keys: UniqueKeys,
): Promise<SelectedInstances> {
  const { ids, kinds } = await selectInstances(database, keys);
  async function* objects(): AsyncGenerator<SendableInstance, void> {
    for (let at = 0; at < ids.length; at += BATCH) {
      for (const located of await locateRows(database, ids.slice(at, at + BATCH))) {
        const { sopClassUid, sopInstanceUid, transferSyntaxUid, size, dataSetOffset } = located;
        const path = store.pathOf(located.storageKey);
        yield { sopClassUid, sopInstanceUid, transferSyntaxUid, path, size, dataSetOffset };
      }
    }
  }
  return { total: ids.length, kinds, objects };
}
