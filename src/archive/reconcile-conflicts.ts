import { closeSync, openSync } from 'node:fs';
import type { Database, Transaction } from '../catalog/database.ts';
import { lockStudies, moveToTrash } from '../catalog/deletions.ts';
import { addEvent } from '../catalog/deletions-events.ts';
import { readHold } from '../catalog/deletions-holds.ts';
import { type KeptApart, readOneKeptApart, takeKeptApart } from '../catalog/reconcile.ts';
import { type InstanceRecord, recordInstances } from '../catalog/record-instances.ts';
import { frameIndex } from '../dicom/frames.ts';
import { fileSource, parsePart10 } from '../dicom/parse.ts';
import { text } from '../dicom/read-values.ts';
import { VoxgateError } from '../errors.ts';
import { enqueue } from '../jobs/queue.ts';
import { settleKey } from './commit-queue.ts';
import { leavePurge } from './delete-place.ts';
import { describeInstance } from './describe-instance.ts';
import { forgetLocated } from './located-instances.ts';

export interface ReconcileParts {
  readonly database: Database;
  readonly store: { pathOf(key: string): string };
  readonly undoDays: number;
  readonly settleSeconds: number;
}

export type ReconcileAnswer =
  | { readonly outcome: 'done'; readonly deletionId: number | null }
  | { readonly outcome: 'not-found' | 'on-hold'; readonly sentence: string };

const NOT_FOUND: ReconcileAnswer = { outcome: 'not-found', sentence: 'no object of that number is kept apart' };
const ON_HOLD: ReconcileAnswer = {
  outcome: 'on-hold',
  sentence: 'the study is on hold (legal hold) and nothing of it may be replaced; release it first',
};

/**
 * The object kept apart takes the place of the one that is held under its SOP Instance UID, which goes into the trash:
 * one transaction, so that there is always exactly one. Its series is settled anew, as if it had come now.
 *
 * @throws VoxgateError not-dicom, not-found when its file cannot be read any more; nothing is changed then
 */
export async function acceptConflict(
  parts: ReconcileParts,
  id: number,
  { by, reason }: { readonly by: string; readonly reason: string },
): Promise<ReconcileAnswer> {
  const { database, undoDays, settleSeconds } = parts;
  const apart = await readOneKeptApart(database, id);
  if (!apart) return NOT_FOUND;
  const record = describeKeptApart(parts, apart);
  const replacing = database.transaction(async (tx): Promise<ReconcileAnswer> => {
    const now = await lockBoth(tx, apart);
    if (!now) return NOT_FOUND;
    if (await anyOnHold(tx, now)) return ON_HOLD;
    const held = heldPlace(now);
    const why = { cause: 'reconcile', reason, by, undoDays } as const;
    const deleted = held && (await moveToTrash(tx, held, why, ['instance']));
    if (!(await takeKeptApart(tx, id))) return NOT_FOUND;
    const [recorded] = await recordInstances(tx, [record]);
    if (recorded?.outcome !== 'stored')
      throw new VoxgateError(
        'out-of-resources',
        'another object came under that SOP Instance UID meanwhile; try again',
      );
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = now;
    const series = { studyInstanceUid, seriesInstanceUid };
    const key = settleKey(studyInstanceUid, seriesInstanceUid);
    await enqueue(tx, 'settle-series', series, { key, delaySeconds: settleSeconds });
    if (deleted) await leavePurge(tx, deleted.deletionId, undoDays);
    const told = { ...series, sopInstanceUid, instances: 1, bytes: now.size };
    await addEvent(tx, 'accepted', { ...told, doneBy: by, reason, deletionId: deleted?.deletionId });
    return { outcome: 'done', deletionId: deleted?.deletionId ?? null };
  });
  return replacing.finally(() => forgetLocated(database));
}

/** The object kept apart goes into the trash; undone, it is kept apart again. */
export function dismissConflict(
  { database, undoDays }: ReconcileParts,
  id: number,
  { by, reason }: { readonly by: string; readonly reason: string },
): Promise<ReconcileAnswer> {
  return database.transaction(async (tx): Promise<ReconcileAnswer> => {
    const first = await readOneKeptApart(tx, id);
    const apart = first && (await lockBoth(tx, first));
    if (!apart) return NOT_FOUND;
    if (await anyOnHold(tx, apart)) return ON_HOLD;
    const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = apart;
    const place = { studyInstanceUid, seriesInstanceUid, sopInstanceUid, conflictId: id };
    const deleted = await moveToTrash(tx, place, { cause: 'reconcile', reason, by, undoDays }, ['conflict']);
    if (!deleted) return NOT_FOUND;
    await leavePurge(tx, deleted.deletionId, undoDays);
    const told = { studyInstanceUid, seriesInstanceUid, sopInstanceUid, instances: 1, bytes: apart.size };
    await addEvent(tx, 'dismissed', { ...told, doneBy: by, reason, deletionId: deleted.deletionId });
    return { outcome: 'done', deletionId: deleted.deletionId };
  });
}

/** Has both studies, and resolves to the conflict as it is then; to undefined where it is gone. */
async function lockBoth(tx: Transaction, before: KeptApart): Promise<KeptApart | undefined> {
  const studies = studiesOf(before);
  await lockStudies(tx, studies);
  const now = await readOneKeptApart(tx, before.id);
  // What is held was moved to a study that is not locked: whoever asked sees it as it is when he asks again.
  return now && studiesOf(now).every((uid) => studies.includes(uid)) ? now : undefined;
}

function studiesOf(apart: KeptApart): string[] {
  return [apart.studyInstanceUid, ...(apart.heldStudyInstanceUid === null ? [] : [apart.heldStudyInstanceUid])];
}

async function anyOnHold(tx: Transaction, apart: KeptApart): Promise<boolean> {
  for (const uid of studiesOf(apart)) if (await readHold(tx, uid)) return true;
  return false;
}

function heldPlace({ heldStudyInstanceUid, heldSeriesInstanceUid, sopInstanceUid }: KeptApart) {
  return heldStudyInstanceUid === null || heldSeriesInstanceUid === null
    ? undefined
    : { studyInstanceUid: heldStudyInstanceUid, seriesInstanceUid: heldSeriesInstanceUid, sopInstanceUid };
}

/** What ingest would have recorded of it, read from its file as that lies there. */
function describeKeptApart({ store }: ReconcileParts, apart: KeptApart): InstanceRecord {
  const fd = open(store.pathOf(apart.storageKey));
  try {
    const source = fileSource(fd, apart.size);
    const parsed = parsePart10(source);
    const frames = frameIndex(parsed, source);
    const warnings = [...parsed.warnings, ...(frames?.warnings ?? [])];
    const sopClassUid = text(parsed.dataset, 'SOPClassUID') ?? text(parsed.meta, 'MediaStorageSOPClassUID') ?? '';
    return describeInstance(
      parsed.dataset,
      { ...apart, sopClassUid },
      {
        transferSyntaxUid: parsed.transferSyntaxUid,
        storageKey: apart.storageKey,
        size: apart.size,
        digest: apart.digest,
        dataSetOffset: parsed.dataSetOffset,
        warnings: warnings.length > 0 ? JSON.stringify(warnings) : null,
        origin: 'received',
      },
    );
  } finally {
    closeSync(fd);
  }
}

function open(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw new VoxgateError('not-found', 'the file of the object kept apart is not on disk', { cause });
  }
}
