import express, { type Request, type Response, type Router } from 'express';
import {
  acceptConflict,
  dismissConflict,
  type ReconcileAnswer,
  type ReconcileParts,
} from '../archive/reconcile-conflicts.ts';
import { type KeptApart, readKeptApart, readPatientMismatches, readWarned } from '../catalog/reconcile.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';
import { changes, pageOf, reasonOf, refuse, whoAsks } from './archive-requests.ts';

const WRONG_PAGE = '"limit" is a number from 1 to 500, "before" the number of an entry';

/** What did not fit together, and what was stored although something was wrong with it; for a person to decide. */
export function createReconcileApi(parts: ReconcileParts): Router {
  const { database } = parts;
  const router = express.Router();
  router.use('/conflicts', changes);

  router.get('/conflicts', async (request, response) => {
    const page = pageOf(request);
    if (page === undefined) return refuse(response, 400, WRONG_PAGE);
    const [apart, patientMismatches] = await Promise.all([
      readKeptApart(database, page.limit, page.before),
      readPatientMismatches(database, page.limit),
    ]);
    response.json({ conflicts: apart.map(present), patientMismatches });
  });

  const decide =
    (decision: typeof acceptConflict, byDefault: string) =>
    async (request: Request<{ id: string }>, response: Response): Promise<void> => {
      const id = /^\d{1,15}$/.test(request.params.id) ? Number(request.params.id) : 0;
      const told = { by: whoAsks(request), reason: reasonOf(request) ?? byDefault };
      answer(response, await decision(parts, id, told).catch(unreadable));
    };
  router.post('/conflicts/:id/accept', decide(acceptConflict, 'the object kept apart is the right one'));
  router.post('/conflicts/:id/dismiss', decide(dismissConflict, 'the object held is the right one'));

  router.get('/warnings', async (request, response) => {
    const page = pageOf(request);
    if (page === undefined) return refuse(response, 400, WRONG_PAGE);
    response.json({ warnings: await readWarned(database, page.limit, page.before) });
  });

  return router;
}

/** Where it lies on this node's disk is nobody's business. */
function present({ storageKey: _, ...apart }: KeptApart) {
  return apart;
}

function unreadable(error: unknown): { outcome: 'unreadable'; sentence: string } {
  if (!(error instanceof VoxgateError)) throw error;
  return { outcome: 'unreadable', sentence: sentenceOf(error) };
}

function answer(response: Response, given: ReconcileAnswer | ReturnType<typeof unreadable>): void {
  if (given.outcome === 'done') response.json({ done: true, deletionId: given.deletionId });
  else refuse(response, given.outcome === 'not-found' ? 404 : 409, given.sentence);
}
