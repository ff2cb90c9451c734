/** The model library, for the description of the admin API (OpenAPI 3.1). */
export function modelPaths(): object {
  const json = (description: string) => ({
    200: { description, content: { 'application/json': { schema: { type: 'object' } } } },
  });
  const name = { name: 'name', in: 'path', required: true, schema: { type: 'string' } };
  return {
    '/api/models': {
      get: {
        summary: 'The model library: every version with its digest and last check, and what was left out and why',
        responses: json('Manifests with digest, state, hasResults, lastCheck and checkedAt; broken packages'),
      },
    },
    '/api/models/reload': {
      post: {
        summary: 'Look at the library folders now, also at what was left out before',
        responses: json('What was added, changed and removed ("id@version"), and what is broken'),
      },
    },
    '/api/models/{name}/check': {
      post: {
        summary: 'Run the golden pair of a model ("id" or "id@version") on the engines it allows',
        parameters: [name],
        responses: {
          ...json('Difference and times on each engine, faults and warnings of the networks'),
          404: { description: 'No such model' },
        },
      },
    },
  };
}
