import type { Database } from '../catalog/database.ts';
import { bringBack, type Undone } from '../catalog/deletions-undo.ts';
import { enqueue } from '../jobs/queue.ts';
import { settleKey } from './commit-queue.ts';

export interface RestoreParts {
  readonly database: Database;
  readonly settleSeconds: number;
}

/**
 * Undoes a deletion: what is in the trash is held again, byte for byte and row for row. An instance whose SOP Instance UID
 * was received again stays in the trash, and is named. The series are settled anew: what was found out about the
 * same instances before is not found out twice.
 * Resolves to undefined where there is no such deletion.
 */
export function restoreDeletion(
  { database, settleSeconds }: RestoreParts,
  deletionId: number,
  by: string,
): Promise<Undone | undefined> {
  return database.transaction(async (tx) => {
    const undone = await bringBack(tx, deletionId, by);
    for (const series of undone?.series ?? []) {
      const key = settleKey(series.studyInstanceUid, series.seriesInstanceUid);
      await enqueue(tx, 'settle-series', series, { key, delaySeconds: settleSeconds });
    }
    return undone;
  });
}
