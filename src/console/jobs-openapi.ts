/** Jobs, dead letters and cancelling, for the description of the admin API (OpenAPI 3.1). */
export function jobPaths(): object {
  const path = (name: string) => ({ name, in: 'path', required: true, schema: { type: 'string' } });
  const query = (name: string, description: string) => ({ name, in: 'query', description, schema: { type: 'string' } });
  const json = (description: string) => ({
    200: { description, content: { 'application/json': { schema: { type: 'object' } } } },
  });
  return {
    '/api/jobs': {
      get: {
        summary: 'How many jobs of each kind wait and run, what waits to be analysed, failures by class',
        responses: json('Counts, ages in seconds, bytes'),
      },
    },
    '/api/dead-letters': {
      get: {
        summary: 'Jobs that were given up, newest first, with class, code and reason',
        parameters: [
          query('limit', '1 to 500, 50 unless told'),
          query('before', 'The id of the last one of the page before'),
          query('model', 'Only analyses of this model id'),
        ],
        responses: { ...json('Those that wait for a person'), 400: { description: 'A parameter is wrong' } },
      },
    },
    '/api/dead-letters/{id}/replay': {
      post: {
        summary: 'Try a job again that was given up',
        parameters: [path('id')],
        responses: { 202: { description: 'It is tried again' }, 404: { description: 'Nothing of that number waits' } },
      },
    },
    '/api/dead-letters/{id}/dismiss': {
      post: {
        summary: 'Take a job that was given up from the list without trying it again',
        parameters: [path('id')],
        responses: { ...json('It is off the list'), 404: { description: 'Nothing of that number waits' } },
      },
    },
    '/api/models/{model}/replay': {
      post: {
        summary: 'Try every analysis again that failed with a model: after it was put right',
        parameters: [path('model')],
        responses: { 202: { description: 'How many are tried again' } },
      },
    },
    '/api/analyses/{id}/cancel': {
      post: {
        summary: 'Cancel an analysis that waits or runs; a reason may be given',
        parameters: [path('id')],
        responses: {
          ...json('It is cancelled'),
          404: { description: 'No such analysis' },
          409: { description: 'It has come to its end' },
        },
      },
    },
  };
}
