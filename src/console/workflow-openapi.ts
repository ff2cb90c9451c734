/** Storage commitment, procedure steps and orders, for the description of the admin API (OpenAPI 3.1). */
export function workflowPaths(): object {
  const path = (name: string) => ({ name, in: 'path', required: true, schema: { type: 'string' } });
  const json = (description: string) => ({
    200: { description, content: { 'application/json': { schema: { type: 'object' } } } },
  });
  return {
    '/api/commitments': {
      get: {
        summary: 'Storage commitment: what others asked of this node, and what it asked of its peers',
        responses: json('The newest 50 of each, with state, attempts and the last error'),
      },
    },
    '/api/commitments/{id}/report': {
      post: {
        summary: 'Tell the requestor the result once more',
        parameters: [path('id')],
        responses: { 202: { description: 'It is being told' }, 404: { description: 'No result of that number' } },
      },
    },
    '/api/procedure-steps': {
      get: { summary: 'Modality performed procedure steps', responses: json('The newest 50, without the patient') },
    },
    '/api/studies/{StudyInstanceUID}/order': {
      get: {
        summary: 'The order of a study in the worklist of a peer',
        parameters: [path('StudyInstanceUID')],
        responses: {
          ...json('The order, by what it was matched, and why if there is none'),
          400: { description: 'Not a UID' },
          404: { description: 'No order was looked for' },
        },
      },
    },
  };
}
