import express, { type Request, type Response, type Router } from 'express';
import type { Commitments } from '../archive/commitments.ts';
import { listCommitments } from '../catalog/commitment-reports.ts';
import { listRequests } from '../catalog/commitment-requests.ts';
import type { Database } from '../catalog/database.ts';
import { listSteps } from '../catalog/procedure-steps.ts';
import { readOrder } from '../catalog/worklist.ts';
import { isUsableAsUid } from '../dicom/uid.ts';
import { changes, refuse } from './archive-requests.ts';

const NEWEST = 50;

/** What was promised, asked for, performed and ordered: storage commitment, procedure steps, orders. No patient. */
export function createWorkflowApi(database: Database, commitments: Pick<Commitments, 'reportAgain'>): Router {
  const router = express.Router();

  router.get('/commitments', async (_request, response) => {
    const [received, requested] = await Promise.all([
      listCommitments(database, NEWEST),
      listRequests(database, NEWEST),
    ]);
    response.json({ received, requested });
  });

  router.post('/commitments/:id/report', changes, async (request: Request<{ id: string }>, response: Response) => {
    const { id } = request.params;
    if (/^\d{1,15}$/.test(id) && (await commitments.reportAgain(Number(id)))) response.status(202).json({ id });
    else refuse(response, 404, 'there is no result of that number to tell a requestor');
  });

  router.get('/procedure-steps', async (_request, response) => {
    response.json({ procedureSteps: await listSteps(database, NEWEST) });
  });

  router.get('/studies/:study/order', async (request: Request<{ study: string }>, response) => {
    const { study } = request.params;
    if (!isUsableAsUid(study)) return refuse(response, 400, 'the Study Instance UID is not a UID (PS3.5 9.1)');
    const order = await readOrder(database, study);
    if (order) response.json(order);
    else refuse(response, 404, 'no order was looked for: the study is not held, or no peer has a worklist');
  });

  return router;
}
