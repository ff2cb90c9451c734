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
    '/api/models/{id}/agreement': {
      get: {
        summary:
          'How a model agrees with those it runs in the shadow of, by segment and class, and a verdict by the limits of the route',
        parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
        responses: {
          ...json('Means and percentiles of Dice, volume and probability differences; agrees, hold or undecided'),
          404: { description: 'No such model, and none of that id was compared' },
        },
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
