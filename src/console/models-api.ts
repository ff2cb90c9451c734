import express, { type Request, type Router } from 'express';
import { readAgreementStatistics } from '../catalog/agreements.ts';
import type { Database } from '../catalog/database.ts';
import { readModelVersions } from '../catalog/model-versions.ts';
import { findModel } from '../inference/model-library.ts';
import { judgeAgreement } from '../pipeline/judge-agreement.ts';
import type { KeptModels } from '../pipeline/keep-models.ts';
import type { RouteSettings } from '../route-settings.ts';
import { changes, refuse } from './archive-requests.ts';

/** The model library: what is in it and what was left out, looking at it again, and running golden pairs. */
export function createModelsApi(
  database: Database,
  { library, check }: KeptModels,
  routes: readonly RouteSettings[],
): Router {
  const router = express.Router();
  router.use('/models', changes);

  router.get('/models', async (_request, response) => {
    const versions = await readModelVersions(database);
    response.json({
      models: library.models.map(({ manifest, key }) => {
        const version = versions.get(`${manifest.id}@${manifest.version}`);
        return {
          ...manifest,
          digest: key,
          state: 'ready',
          hasResults: version?.hasResults ?? false,
          lastCheck: version?.lastCheck ?? null,
          checkedAt: version?.checkedAt ?? null,
        };
      }),
      broken: library.broken,
    });
  });

  router.get('/models/:id/agreement', async (request: Request<{ id: string }>, response) => {
    const { id } = request.params;
    const statistics = await readAgreementStatistics(database, id);
    if (statistics.length === 0 && findModel(library, id) === undefined)
      return refuse(response, 404, 'there is no model of that id, and none has run in the shadow of another');
    response.json({ model: id, agreements: judgeAgreement(statistics, routes) });
  });

  router.post('/models/reload', async (_request, response) => {
    response.json(await library.reload({ retry: true }));
  });

  router.post('/models/:name/check', async (request: Request<{ name: string }>, response) => {
    const model = findModel(library, request.params.name);
    if (model === undefined) return refuse(response, 404, 'there is no model of that name ("id" or "id@version")');
    response.json({ model: `${model.manifest.id}@${model.manifest.version}`, ...(await check(model)) });
  });

  return router;
}
