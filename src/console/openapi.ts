import { VERSION } from '../version.ts';
import { callerPaths } from './callers-openapi.ts';
import { deletionPaths } from './deletions-openapi.ts';
import { jobPaths } from './jobs-openapi.ts';
import { modelPaths } from './models-openapi.ts';
import { routePaths } from './routes-openapi.ts';
import { workflowPaths } from './workflow-openapi.ts';

/** What the admin API answers, for programs: OpenAPI 3.1. */
export function openApi(): object {
  const json = (description: string) => ({
    200: { description, content: { 'application/json': { schema: { type: 'object' } } } },
  });
  return {
    openapi: '3.1.0',
    info: { title: 'Voxgate admin API', version: VERSION },
    paths: {
      '/api/series/{SeriesInstanceUID}/analyses': {
        get: {
          summary: 'For each model considered: state, reason, timings, results',
          parameters: [{ name: 'SeriesInstanceUID', in: 'path', required: true, schema: { type: 'string' } }],
          responses: {
            ...json('The analyses of the series, newest first'),
            400: { description: 'Not a UID' },
            404: { description: 'No such series' },
          },
        },
      },
      '/api/analyses': { get: { summary: 'The newest analyses', responses: json('At most 50') } },
      ...deletionPaths(),
      ...callerPaths(),
      ...workflowPaths(),
      ...jobPaths(),
      ...modelPaths(),
      ...routePaths(),
      '/healthz': { get: { summary: 'The process lives', responses: json('Live') } },
      '/readyz': {
        get: {
          summary: 'Database and storage answer',
          responses: { ...json('Ready'), 503: { description: 'Not ready' } },
        },
      },
    },
  };
}
