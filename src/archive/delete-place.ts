import type { Database, Transaction } from '../catalog/database.ts';
import { type Deleted, type DeletedPlace, type DeletionCause, lockStudies, moveToTrash } from '../catalog/deletions.ts';
import { clearRetentionFailure } from '../catalog/deletions-candidates.ts';
import { readHold } from '../catalog/deletions-holds.ts';
import { enqueue } from '../jobs/queue.ts';
import { forgetLocated } from './located-instances.ts';

export type { DeletedPlace } from '../catalog/deletions.ts';

export interface DeletionParts {
  readonly database: Database;
  /** How long a deletion can be undone; 0 removes the files at once. */
  readonly undoDays: number;
}

export interface DeleteRequest {
  /** For the audit: a sentence, and no patient's name in it. */
  readonly reason: string;
  /** Who asked, as far as is known. */
  readonly by: string;
  readonly cause?: DeletionCause;
  /** Asked when nobody else can change the study any more; false leaves everything as it is. */
  readonly onlyIf?: (tx: Transaction) => Promise<boolean>;
}

/** What became of a request to delete. A study on hold is told from one that is not here. */
export type DeleteAnswer =
  | ({ readonly outcome: 'deleted' } & Deleted)
  | { readonly outcome: 'not-found' | 'on-hold' | 'not-wanted'; readonly sentence: string };

const SENTENCES = {
  'not-found': 'nothing of that name is held here',
  'on-hold': 'the study is on hold (legal hold) and nothing of it may be deleted; release it first',
  'not-wanted': 'something has come to the study meanwhile, and it is left as it is',
} as const;

/**
 * Deletes a study, a series or an instance, with what was kept apart under the same UIDs: one transaction moves the
 * rows into the trash, corrects the counts and leaves the job that removes the files when the time to undo is over.
 * Who receives into the study at the same moment waits, and what he brings is either deleted with it or stays.
 */
export function deletePlace(
  parts: DeletionParts,
  place: DeletedPlace,
  { reason, by, cause = 'request', onlyIf }: DeleteRequest,
): Promise<DeleteAnswer> {
  const { database, undoDays } = parts;
  const deleting = database.transaction(async (tx): Promise<DeleteAnswer> => {
    await lockStudies(tx, [place.studyInstanceUid]);
    if (await readHold(tx, place.studyInstanceUid)) return refused('on-hold');
    if (onlyIf && !(await onlyIf(tx))) return refused('not-wanted');
    const deleted = await moveToTrash(tx, place, { cause, reason, by, undoDays });
    if (!deleted) return refused('not-found');
    await clearRetentionFailure(tx, place.studyInstanceUid);
    await leavePurge(tx, deleted.deletionId, undoDays);
    return { outcome: 'deleted', ...deleted };
  });
  return deleting.finally(() => forgetLocated(database));
}

function refused(outcome: keyof typeof SENTENCES): DeleteAnswer {
  return { outcome, sentence: SENTENCES[outcome] };
}

const SECONDS_OF_A_DAY = 86_400;

/** One purge job a deletion: a later one of the same key replaces the earlier. */
export function leavePurge(
  tx: Database | Transaction,
  deletionId: number,
  days: number,
  told: { readonly doneBy: string; readonly reason: string } = WHEN_DUE,
): Promise<void> {
  const delaySeconds = days * SECONDS_OF_A_DAY;
  return enqueue(tx, 'purge-deletion', { deletionId, ...told }, { key: `purge ${deletionId}`, delaySeconds });
}

const WHEN_DUE = { doneBy: 'purge', reason: 'the time to undo is over' };
