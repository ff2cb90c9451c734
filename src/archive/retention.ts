import { statfs } from 'node:fs/promises';
import type { Database } from '../catalog/database.ts';
import { noteRetentionFailure, retentionCandidates } from '../catalog/deletions-candidates.ts';
import { oldestInTrash } from '../catalog/deletions-purge.ts';
import { sentenceOf } from '../errors.ts';
import type { Log } from '../log.ts';
import type { RetentionRules } from '../retention-settings.ts';
import { type DeletionParts, deletePlace } from './delete-place.ts';
import { type PurgeParts, purgeDeletion } from './delete-purge.ts';

export interface Disk {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

export interface RetentionParts extends DeletionParts, PurgeParts {
  readonly database: Database;
  readonly rules: RetentionRules;
  /** How full the disk with the objects is. */
  readonly disk: () => Promise<Disk>;
  readonly log: Log;
}

/** What one run did. */
export interface RetentionRun {
  readonly studies: number;
  /** Deletions whose time to undo was cut short, because the disk is nearly full. */
  readonly purged: number;
  readonly failed: number;
}

/** Studies of one run at most: what is left has its turn in the next. */
const MOST_STUDIES = 200;

/** A full disk is no reason to lose what has only just come; the doors refuse more until a person helps. */
const QUIET_DAYS_FOR_DISK = 1;

const BY = 'retention';

/**
 * Applies the rules once: studies to which nothing was added for so many days, and, where the disk is nearly full, the
 * trash first and then the oldest studies until enough is free. A study that cannot be deleted is noted with the
 * reason and does not keep the others.
 */
export async function applyRetention(parts: RetentionParts): Promise<RetentionRun> {
  const { rules } = parts;
  const byAge = rules.maxAgeDays === undefined ? NOTHING : await deleteByAge(parts, rules.maxAgeDays);
  const byDisk = rules.keepFree === undefined ? NOTHING : await freeDisk(parts);
  return {
    studies: byAge.studies + byDisk.studies,
    purged: byAge.purged + byDisk.purged,
    failed: byAge.failed + byDisk.failed,
  };
}

const NOTHING: RetentionRun = { studies: 0, purged: 0, failed: 0 };

async function deleteByAge(parts: RetentionParts, maxAgeDays: number): Promise<RetentionRun> {
  const reason = `nothing was added for more than ${maxAgeDays} days (retention.maxAgeDays)`;
  let [studies, failed] = [0, 0];
  for (const next of await candidates(parts, maxAgeDays)) {
    if ((await deleteStudy(parts, next, maxAgeDays, reason)) === undefined) failed += 1;
    else studies += 1;
  }
  return { studies, purged: 0, failed };
}

async function freeDisk(parts: RetentionParts): Promise<RetentionRun> {
  let [studies, purged, failed] = [0, 0, 0];
  if (!isShort(await parts.disk(), parts.rules, 'startBelow')) return NOTHING;
  const reason = 'the disk is nearly full (retention.keepFree)';
  const oldest = await candidates(parts, QUIET_DAYS_FOR_DISK);
  while (studies + purged + failed < MOST_STUDIES && isShort(await parts.disk(), parts.rules, 'stopAbove')) {
    const waiting = await oldestInTrash(parts.database);
    if (waiting !== undefined) {
      await purgeDeletion(parts, waiting, { doneBy: BY, reason });
      purged += 1;
      continue;
    }
    const next = oldest.shift();
    if (next === undefined) {
      parts.log.warn(
        'the disk is nearly full and no study may be deleted: they are on hold, protected, recent or not delivered',
      );
      break;
    }
    const deletion = await deleteStudy(parts, next, QUIET_DAYS_FOR_DISK, reason);
    if (deletion === undefined) {
      failed += 1;
      continue;
    }
    // Before the disk is looked at again: what is still there would cost another study.
    await purgeDeletion(parts, deletion, { doneBy: BY, reason });
    studies += 1;
  }
  return { studies, purged, failed };
}

async function candidates({ database, rules }: RetentionParts, quietDays: number): Promise<string[]> {
  const found = await retentionCandidates(database, { quietDays, protect: rules.protect, limit: MOST_STUDIES });
  return found.map(({ studyInstanceUid }) => studyInstanceUid);
}

/** Resolves to the number of the deletion; to undefined, with the reason noted, where the study could not be deleted. */
async function deleteStudy(
  { database, undoDays, rules, log }: RetentionParts,
  studyInstanceUid: string,
  quietDays: number,
  reason: string,
): Promise<number | undefined> {
  const still = { quietDays, protect: rules.protect, limit: 1, studyInstanceUid };
  try {
    const answer = await deletePlace(
      { database, undoDays },
      { studyInstanceUid },
      {
        reason,
        by: BY,
        cause: 'retention',
        onlyIf: async (tx) => (await retentionCandidates(tx, still)).length > 0,
      },
    );
    if (answer.outcome === 'deleted') return answer.deletionId;
    if (answer.outcome !== 'not-wanted') await noteRetentionFailure(database, studyInstanceUid, answer.sentence);
  } catch (error) {
    log.error({ study: studyInstanceUid, reason: sentenceOf(error) }, 'retention could not delete a study');
    await noteRetentionFailure(database, studyInstanceUid, sentenceOf(error));
  }
  return undefined;
}

function isShort({ freeBytes, totalBytes }: Disk, rules: RetentionRules, mark: 'startBelow' | 'stopAbove'): boolean {
  if (rules.keepFree === undefined) return false;
  const { unit, [mark]: limit } = rules.keepFree;
  return (unit === 'percent' ? (100 * freeBytes) / totalBytes : freeBytes) < limit;
}

/** How full the disk is that a folder lies on. */
export async function diskOf(folder: string): Promise<Disk> {
  const { bavail, blocks, bsize } = await statfs(folder);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize };
}
