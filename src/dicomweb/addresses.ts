import type { Request } from 'express';
import type { Place } from '../archive/archive.ts';
import { isUid } from '../dicom/uid.ts';
import { VoxgateError } from '../errors.ts';

/** The UIDs of a path. @throws VoxgateError bad-request for what is no UID */
export function placeOf(request: Request): Place {
  const { study, series, instance } = request.params;
  return {
    ...uidOf('studyInstanceUid', 'Study Instance UID', study),
    ...uidOf('seriesInstanceUid', 'Series Instance UID', series),
    ...uidOf('sopInstanceUid', 'SOP Instance UID', instance),
  };
}

function uidOf(name: keyof Place, title: string, text: string | string[] | undefined): Place {
  if (text === undefined) return {};
  if (typeof text !== 'string' || !isUid(text))
    throw new VoxgateError('bad-request', `the ${title} in the path is not a UID (PS3.5 9.1)`);
  return { [name]: text };
}

/** The DICOMweb root as this client knows it: what Host says, and the scheme the connection has. */
export function rootOf(request: Request): string {
  return `${request.protocol}://${request.headers.host ?? 'localhost'}${request.baseUrl}`;
}

export function retrieveUrl(root: string, { studyInstanceUid, seriesInstanceUid, sopInstanceUid }: Place): string {
  const parts = [root, 'studies', studyInstanceUid];
  if (seriesInstanceUid) parts.push('series', seriesInstanceUid);
  if (sopInstanceUid) parts.push('instances', sopInstanceUid);
  return parts.join('/');
}
