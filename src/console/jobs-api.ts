import express, { type Request, type Response, type Router } from 'express';
import type { Database } from '../catalog/database.ts';
import { listDeadLetters, readFailureCounts } from '../catalog/dead-letters.ts';
import { countJobs, readBacklog } from '../catalog/job-overview.ts';
import { cancelAnalysis } from '../pipeline/cancel-analysis.ts';
import { dismissDeadLetter, replayDeadLetter, replayModel } from '../pipeline/replay.ts';
import { changes, pageOf, reasonOf, refuse, whoAsks } from './archive-requests.ts';

export interface JobsParts {
  readonly database: Database;
  /** Ends the job of this key where it runs in this process. */
  readonly cancelRunning: (key: string, reason: string) => void;
}

/** What waits, runs and was given up; replaying and cancelling. No patient. */
export function createJobsApi({ database, cancelRunning }: JobsParts): Router {
  const router = express.Router();

  router.get('/jobs', async (_request, response) => {
    const [jobs, backlog, failures] = await Promise.all([
      countJobs(database),
      readBacklog(database),
      readFailureCounts(database),
    ]);
    response.json({ jobs, backlog, failures });
  });

  router.get('/dead-letters', async (request: Request, response: Response) => {
    const page = pageOf(request);
    if (!page) return refuse(response, 400, 'limit is a number from 1 to 500, before the id of a dead letter');
    const { limit, before } = page;
    const model = request.query['model'];
    const only = typeof model === 'string' ? { modelId: model } : {};
    response.json({
      deadLetters: await listDeadLetters(database, { limit, ...(before === undefined ? {} : { before }), ...only }),
    });
  });

  router.post('/dead-letters/:id/replay', changes, async (request: Request<{ id: string }>, response: Response) => {
    const id = numberOf(request.params.id);
    if (id !== undefined && (await replayDeadLetter(database, id, whoAsks(request)))) response.status(202).json({ id });
    else refuse(response, 404, 'no job of that number waits to be tried again');
  });

  router.post('/dead-letters/:id/dismiss', changes, async (request: Request<{ id: string }>, response: Response) => {
    const id = numberOf(request.params.id);
    if (id !== undefined && (await dismissDeadLetter(database, id, whoAsks(request)))) response.json({ id });
    else refuse(response, 404, 'no job of that number waits to be tried again');
  });

  router.post('/models/:model/replay', changes, async (request: Request<{ model: string }>, response: Response) => {
    response.status(202).json({ replayed: await replayModel(database, request.params.model, whoAsks(request)) });
  });

  router.post('/analyses/:id/cancel', changes, async (request: Request<{ id: string }>, response: Response) => {
    const id = numberOf(request.params.id);
    const told = { by: whoAsks(request), reason: reasonOf(request) };
    const done = id === undefined ? 'unknown' : await cancelAnalysis(database, id, told, cancelRunning);
    if (done === 'cancelled') response.json({ id });
    else if (done === 'over') refuse(response, 409, 'the analysis has come to its end');
    else refuse(response, 404, 'there is no analysis of that number');
  });

  return router;
}

function numberOf(text: string): number | undefined {
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}
