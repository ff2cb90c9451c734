import express, { type ErrorRequestHandler, type Request, type Response, type Router } from 'express';
import type { Archive } from '../archive/archive.ts';
import type { Database } from '../catalog/database.ts';
import { isUsableAsUid } from '../dicom/uid.ts';
import type { ModelLibrary } from '../inference/model-library.ts';
import { isReachable, type PeerSettings } from '../peer-settings.ts';
import { dryRun, explainStudy } from '../pipeline/explain-routes.ts';
import { type Routing, unknownModels } from '../pipeline/plan-analyses.ts';
import { parseRoutes, type RouteSettings } from '../route-settings.ts';
import { refuse } from './archive-requests.ts';

export interface RoutesParts {
  readonly database: Database;
  readonly archive: Archive;
  readonly library: ModelLibrary;
  readonly settings: { readonly routes: readonly RouteSettings[]; readonly peers: readonly PeerSettings[] };
}

const MOST_BYTES = '1mb';
/** Newest studies that a dry run looks at: 20 unless said otherwise. */
const [STUDIES, MOST_STUDIES] = [20, 200];

/** Why routes and models take a series or not; what other routes would change. Nothing is run. */
export function createRoutesApi({ database, archive, library, settings }: RoutesParts): Router {
  const router = express.Router();
  const peers = settings.peers.filter(isReachable).map(({ name }) => name);
  const routing = (): Routing => ({ library, routes: settings.routes, peers });
  let running = false;

  router.get('/studies/:uid/routes', async (request: Request<{ uid: string }>, response) => {
    const { uid } = request.params;
    if (!isUsableAsUid(uid)) return refuse(response, 400, 'the Study Instance UID is not a UID (PS3.5 9.1)');
    const explanation = await explainStudy({ database, archive }, uid, routing());
    if (explanation === undefined) return refuse(response, 404, 'no study of that UID is held here');
    response.json(explanation);
  });

  router.post(
    '/routes/dry-run',
    express.json({ limit: MOST_BYTES }),
    unreadable,
    async (request: Request, response: Response) => {
      if (!request.is('application/json')) return refuse(response, 415, 'send it as application/json');
      const body: unknown = request.body;
      const asked = typeof body === 'object' && body !== null ? body : {};
      const studies = 'studies' in asked ? asked.studies : STUDIES;
      if (!Number.isInteger(studies) || Number(studies) < 1 || Number(studies) > MOST_STUDIES)
        return refuse(response, 400, `studies must be a whole number from 1 to ${MOST_STUDIES}`);
      const faults: string[] = [];
      const routes = parseRoutes('routes' in asked ? asked.routes : undefined, peers, faults);
      if (!('routes' in asked)) faults.push('routes: must be a list');
      for (const { route, model } of unknownModels(routes, library))
        faults.push(`route "${route}" names ${model}, which is not in the library`);
      if (faults.length > 0) return refuse(response, 400, faults.join('; '));
      if (running) return refuse(response, 429, 'a dry run is under way; ask again when it has ended');
      running = true;
      try {
        response.json(await dryRun({ database, archive }, routing(), { routes, studies: Number(studies) }));
      } finally {
        running = false;
      }
    },
  );
  return router;
}

const unreadable: ErrorRequestHandler = (error: unknown, _request, response, _next) => {
  const tooLarge = typeof error === 'object' && error !== null && 'status' in error && error.status === 413;
  refuse(response, tooLarge ? 413 : 400, tooLarge ? 'the body is too long' : 'the body is not JSON');
};
