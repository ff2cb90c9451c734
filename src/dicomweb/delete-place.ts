import type { Request, Response } from 'express';
import { type DeletionParts, deletePlace } from '../archive/delete-place.ts';
import { VoxgateError } from '../errors.ts';
import { placeOf } from './addresses.ts';
import type { DicomwebParts } from './router.ts';

export interface DicomwebDeletion extends DeletionParts {
  /** VOXGATE_DICOMWEB_DELETE: nobody logs in yet, so it is off unless somebody has turned it on. */
  readonly allowed: boolean;
}

const STATUS = { 'not-found': 404, 'on-hold': 409, 'not-wanted': 409 } as const;
const REASON = 'asked for by DICOMweb DELETE';

/**
 * Deletes a study, a series or an instance: 204, and it is in no answer any more. PS3.18 has no such transaction; the
 * address and the answers are those of other servers. Undone, within its time, by the admin API.
 */
export async function deleteResource({ deletion }: DicomwebParts, request: Request, response: Response): Promise<void> {
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid } = placeOf(request);
  if (studyInstanceUid === undefined) throw new VoxgateError('bad-request', 'the path names no study');
  if (!deletion.allowed) {
    response.status(403).json({ error: 'deleting by DICOMweb is not allowed on this node (VOXGATE_DICOMWEB_DELETE)' });
    return;
  }
  const by = `DICOMweb, ${request.socket.remoteAddress ?? 'unknown address'}`;
  const place = { studyInstanceUid, seriesInstanceUid, sopInstanceUid };
  const answer = await deletePlace(deletion, place, { reason: REASON, by });
  if (answer.outcome === 'deleted') response.status(204).end();
  else response.status(STATUS[answer.outcome]).json({ error: answer.sentence });
}
