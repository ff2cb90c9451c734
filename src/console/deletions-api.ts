import express, { type Request, type Response, type Router } from 'express';
import { type DeleteAnswer, type DeletionParts, deletePlace, leavePurge } from '../archive/delete-place.ts';
import { restoreDeletion } from '../archive/restore-deletion.ts';
import { lockStudies } from '../catalog/deletions.ts';
import { readRetentionFailures } from '../catalog/deletions-candidates.ts';
import { readEvents } from '../catalog/deletions-events.ts';
import { addHold, isKnown, readHolds, removeHold } from '../catalog/deletions-holds.ts';
import { readDeletion, readDeletions } from '../catalog/deletions-list.ts';
import { isUsableAsUid } from '../dicom/uid.ts';
import type { RetentionRules } from '../retention-settings.ts';
import { changes, pageOf, reasonOf, refuse, whoAsks } from './archive-requests.ts';

export interface DeletionsParts extends DeletionParts {
  readonly settleSeconds: number;
  readonly retention: RetentionRules;
}

type Uids = { readonly study: string; readonly series?: string; readonly instance?: string };

const STATUS = { 'not-found': 404, 'on-hold': 409, 'not-wanted': 409 } as const;

/** Deleting, bringing back, purging and holding, each with who asked and why. */
export function createDeletionsApi(parts: DeletionsParts): Router {
  const { database } = parts;
  const router = express.Router();
  router.use(['/studies', '/deletions'], changes);

  router.delete(
    ['/studies/:study', '/studies/:study/series/:series', '/studies/:study/series/:series/instances/:instance'],
    async (request: Request<Uids>, response) => {
      const { study, series, instance } = request.params;
      const place = { studyInstanceUid: study, seriesInstanceUid: series, sopInstanceUid: instance };
      if (![study, series, instance].every((uid) => uid === undefined || isUsableAsUid(uid)))
        return refuse(response, 400, 'the address holds something that is not a UID (PS3.5 9.1)');
      const reason = reasonOf(request);
      if (reason === undefined) return refuse(response, 400, NO_REASON);
      answer(response, await deletePlace(parts, place, { reason, by: whoAsks(request) }));
    },
  );

  router.get('/deletions', async (request, response) => {
    const page = pageOf(request);
    if (page === undefined) return refuse(response, 400, WRONG_PAGE);
    response.json({ deletions: await readDeletions(database, page.limit, page.before) });
  });

  router.post('/deletions/:id/undo', async (request: Request<{ id: string }>, response) => {
    const undone = await restoreDeletion(parts, numberOf(request.params.id), whoAsks(request));
    if (undone === undefined) return refuse(response, 404, 'there is no deletion of that number');
    const { restored, left } = undone;
    const why = 'something was received under these SOP Instance UIDs since; they stay in the trash';
    response.json({ restored, left, ...(left.length > 0 ? { reason: why } : {}) });
  });

  router.post('/deletions/:id/purge', async (request: Request<{ id: string }>, response) => {
    const deletion = await readDeletion(database, numberOf(request.params.id));
    if (deletion === undefined) return refuse(response, 404, 'there is no deletion of that number');
    const holds = await readHolds(database);
    if (holds.some(({ studyInstanceUid }) => studyInstanceUid === deletion.studyInstanceUid))
      return refuse(
        response,
        409,
        'the study is on hold (legal hold) and keeps what is in the trash; release it first',
      );
    await leavePurge(database, deletion.id, 0, {
      doneBy: whoAsks(request),
      reason: reasonOf(request) ?? 'purged early',
    });
    response.status(202).json({ purging: deletion.waiting });
  });

  router.get('/holds', async (_request, response) => {
    response.json({ holds: await readHolds(database) });
  });

  router.post('/studies/:study/hold', async (request: Request<Uids>, response) => {
    const { study } = request.params;
    const reason = reasonOf(request);
    if (reason === undefined) return refuse(response, 400, NO_REASON);
    const known = await database.transaction(async (tx) => {
      await lockStudies(tx, [study]);
      if (!(await isKnown(tx, study))) return false;
      await addHold(tx, { studyInstanceUid: study, reason, heldBy: whoAsks(request) });
      return true;
    });
    if (!known) return refuse(response, 404, 'no study of that UID is here');
    response.json({ studyInstanceUid: study, onHold: true });
  });

  router.post('/studies/:study/release', async (request: Request<Uids>, response) => {
    const { study } = request.params;
    const reason = reasonOf(request);
    if (reason === undefined) return refuse(response, 400, NO_REASON);
    const released = await database.transaction((tx) => removeHold(tx, study, { doneBy: whoAsks(request), reason }));
    if (!released) return refuse(response, 404, 'the study is not on hold');
    response.json({ studyInstanceUid: study, onHold: false });
  });

  router.get('/retention', async (_request, response) => {
    response.json({ rules: parts.retention, failed: await readRetentionFailures(database, 50) });
  });

  router.get('/events', async (request, response) => {
    const page = pageOf(request);
    if (page === undefined) return refuse(response, 400, WRONG_PAGE);
    response.json({ events: await readEvents(database, page.limit, page.before) });
  });

  return router;
}

const NO_REASON = 'say why: "reason" in the JSON body or the query, 1 to 500 characters, without a patient’s name';
const WRONG_PAGE = '"limit" is a number from 1 to 500, "before" the number of an entry';

function answer(response: Response, given: DeleteAnswer): void {
  if (given.outcome === 'deleted') {
    const { deletionId, instances, bytes, purgeAfter } = given;
    response.json({ deletionId, instances, bytes, purgeAfter });
  } else {
    refuse(response, STATUS[given.outcome], given.sentence);
  }
}

/** What is no number names nothing. */
function numberOf(text: string): number {
  return /^\d{1,15}$/.test(text) ? Number(text) : 0;
}
