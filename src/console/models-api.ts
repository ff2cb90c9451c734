import express, { type Request, type Router } from 'express';
import type { Database } from '../catalog/database.ts';
import { readModelVersions } from '../catalog/model-versions.ts';
import { findModel } from '../inference/model-library.ts';
import type { KeptModels } from '../pipeline/keep-models.ts';
import { changes, refuse } from './archive-requests.ts';

/** The model library: what is in it and what was left out, looking at it again, and running golden pairs. */
export function createModelsApi(database: Database, { library, check }: KeptModels): Router {
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
