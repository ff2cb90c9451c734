import express, { type Request, type Router } from 'express';
import { listRequests } from '../catalog/commitment-requests.ts';
import { listCommitments } from '../catalog/commitments.ts';
import type { Database } from '../catalog/database.ts';
import { listSteps } from '../catalog/procedure-steps.ts';
import { readOrder } from '../catalog/worklist.ts';
import { isUsableAsUid } from '../dicom/uid.ts';

const NEWEST = 50;

/** What was promised, asked for, performed and ordered: storage commitment, procedure steps, orders. No patient. */
export function createWorkflowApi(database: Database): Router {
  const router = express.Router();

  router.get('/commitments', async (_request, response) => {
    const [received, requested] = await Promise.all([
      listCommitments(database, NEWEST),
      listRequests(database, NEWEST),
    ]);
    response.json({ received, requested });
  });

  router.get('/procedure-steps', async (_request, response) => {
    response.json({ procedureSteps: await listSteps(database, NEWEST) });
  });

  router.get('/studies/:study/order', async (request: Request<{ study: string }>, response) => {
    const { study } = request.params;
    if (!isUsableAsUid(study)) {
      response.status(400).json({ error: 'the Study Instance UID is not a UID (PS3.5 9.1)' });
      return;
    }
    const order = await readOrder(database, study);
    if (order) response.json(order);
    else response.status(404).json({ error: 'no order was looked for: the study is not held, or no peer has a worklist' });
  });

  return router;
}
