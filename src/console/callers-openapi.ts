/** Callers and TLS, for the description of the admin API (OpenAPI 3.1). */
export function callerPaths(): object {
  const json = (description: string) => ({
    200: { description, content: { 'application/json': { schema: { type: 'object' } } } },
  });
  return {
    '/api/callers': {
      get: {
        summary: 'Who called the DIMSE door, and who was turned away and why',
        responses: json('At most 200 of each, the newest first; "allow" says what to change in the settings'),
      },
    },
    '/api/callers/{ae}': {
      get: {
        summary: 'What was agreed with a caller on its last association, by address',
        parameters: [{ name: 'ae', in: 'path', required: true, schema: { type: 'string' } }],
        responses: {
          ...json('Implementation, TLS, certificate, presentation contexts with their results; its refusals'),
          404: { description: 'Nobody has called under that AE title' },
        },
      },
    },
    '/api/tls': {
      get: { summary: 'The certificate of the DIMSE door and the days left', responses: json('null without TLS') },
    },
  };
}
