/** Deleting, holding and reconciling, for the description of the admin API (OpenAPI 3.1). */
export function deletionPaths(): object {
  const path = (name: string) => ({ name, in: 'path', required: true, schema: { type: 'string' } });
  const query = (name: string, description: string) => ({ name, in: 'query', description, schema: { type: 'string' } });
  const page = [query('limit', 'Entries at most, 1 to 500'), query('before', 'Only entries older than this number')];
  const reason = query('reason', 'Why, for the audit; or "reason" in the JSON body');
  const json = (description: string) => ({
    200: { description, content: { 'application/json': { schema: { type: 'object' } } } },
  });
  const refusals = {
    400: { description: 'Not a UID, or no reason' },
    404: { description: 'Nothing of that name' },
    409: { description: 'The study is on hold' },
  };
  const remove = (what: string, ...names: string[]) => ({
    delete: {
      summary: `Delete ${what}; it can be undone until its files are removed`,
      parameters: [...names.map(path), reason],
      responses: { ...json('Number of the deletion, objects, bytes, and when the files are removed'), ...refusals },
    },
  });
  const list = (summary: string, description: string) => ({
    get: { summary, parameters: page, responses: json(description) },
  });
  const change = (summary: string, name: string, description: string) => ({
    post: { summary, parameters: [path(name), reason], responses: { ...json(description), ...refusals } },
  });
  return {
    '/api/studies/{StudyInstanceUID}': remove('a study', 'StudyInstanceUID'),
    '/api/studies/{StudyInstanceUID}/series/{SeriesInstanceUID}': remove(
      'a series',
      'StudyInstanceUID',
      'SeriesInstanceUID',
    ),
    '/api/studies/{StudyInstanceUID}/series/{SeriesInstanceUID}/instances/{SOPInstanceUID}': remove(
      'an instance',
      'StudyInstanceUID',
      'SeriesInstanceUID',
      'SOPInstanceUID',
    ),
    '/api/deletions': list('What was deleted, by whom and why', 'Newest first, with what can still be brought back'),
    '/api/deletions/{id}/undo': change('Bring back what a deletion took', 'id', 'How many, and which could not be'),
    '/api/deletions/{id}/purge': {
      post: {
        summary: 'Remove the files of a deletion now',
        parameters: [path('id'), reason],
        responses: { 202: { description: 'It is being done' }, ...refusals },
      },
    },
    '/api/holds': { get: { summary: 'Studies that nobody may delete', responses: json('All of them') } },
    '/api/studies/{StudyInstanceUID}/hold': change('Put a study on hold', 'StudyInstanceUID', 'It is on hold'),
    '/api/studies/{StudyInstanceUID}/release': change('Release a study', 'StudyInstanceUID', 'It is not on hold'),
    '/api/retention': {
      get: { summary: 'The rules of retention, and what it could not delete', responses: json('Both') },
    },
    '/api/events': list('The audit of deleting, bringing back, purging, holding and reconciling', 'Newest first'),
    '/api/conflicts': list(
      'Objects kept apart because their SOP Instance UID was taken, and what they disagree about',
      'Newest first',
    ),
    '/api/conflicts/{id}/accept': change('The object kept apart replaces the one held', 'id', 'Done'),
    '/api/conflicts/{id}/dismiss': change('The object kept apart goes into the trash', 'id', 'Done'),
    '/api/warnings': list('Objects stored although something was wrong with them', 'Newest first, with the sentences'),
  };
}
