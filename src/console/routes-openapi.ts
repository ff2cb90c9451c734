/** Routes, for the description of the admin API (OpenAPI 3.1). */
export function routePaths(): object {
  const json = (description: string) => ({
    200: { description, content: { 'application/json': { schema: { type: 'object' } } } },
  });
  return {
    '/api/studies/{StudyInstanceUID}/routes': {
      get: {
        summary: 'Why every route and model does and does not take each series of a study',
        parameters: [{ name: 'StudyInstanceUID', in: 'path', required: true, schema: { type: 'string' } }],
        responses: {
          ...json('For each series its facts, and for each model the decision, the reason, and what each route said'),
          400: { description: 'Not a UID' },
          404: { description: 'No such study' },
        },
      },
    },
    '/api/routes/dry-run': {
      post: {
        summary: 'What other routes would change for the newest studies; nothing is run',
        requestBody: {
          content: {
            'application/json': {
              schema: {
                type: 'object',
                required: ['routes'],
                properties: { routes: { type: 'array' }, studies: { type: 'integer', minimum: 1, maximum: 200 } },
              },
            },
          },
        },
        responses: {
          ...json('How many analyses would run and run now, how often each route takes a series, and each change'),
          400: { description: 'A route is wrong: each fault by its place' },
          429: { description: 'A dry run is under way' },
        },
      },
    },
  };
}
