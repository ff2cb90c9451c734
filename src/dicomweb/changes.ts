import type { Request, Response } from 'express';
import type { Change, ChangePage, OutOfRange } from '../archive/change-feed.ts';
import { includesType } from '../dicom/media-types.ts';
import { VoxgateError } from '../errors.ts';
import { acceptedBy } from './accept.ts';
import { parametersOf } from './addresses.ts';
import type { DicomwebParts } from './router.ts';

const [USUAL_PAGE, LARGEST_PAGE] = [200, 1000];

/** What was stored and deleted after a number, as JSON; DICOMweb has no such thing, and no one form is common. */
export async function readChangeFeed({ changes }: DicomwebParts, request: Request, response: Response): Promise<void> {
  requireJson(request);
  const parameters = parametersOf(request);
  const since = numberOf('since', parameters.get('since') ?? '0');
  const limit = numberOf('limit', parameters.get('limit') ?? String(USUAL_PAGE));
  if (limit < 1 || limit > LARGEST_PAGE)
    throw new VoxgateError('bad-request', `limit is a number from 1 to ${LARGEST_PAGE}`);
  const page = await changes.page(since, limit);
  response.setHeader('cache-control', 'no-store');
  if (isOutOfRange(page)) refuseRange(response, since, page);
  else response.json({ ...page, changes: page.changes.map(told) });
}

/** Where the feed begins and ends: for who reads the archive by QIDO-RS first, and the changes from then on. */
export async function readLatestChange(
  { changes }: DicomwebParts,
  request: Request,
  response: Response,
): Promise<void> {
  requireJson(request);
  response.setHeader('cache-control', 'no-store').json(await changes.range());
}

/** @throws VoxgateError not-acceptable */
function requireJson(request: Request): void {
  if (!acceptedBy(request).some(({ type }) => includesType(type, 'application/json')))
    throw new VoxgateError(
      'not-acceptable',
      'the change feed is application/json, and the Accept header takes none of it',
    );
}

/** @throws VoxgateError bad-request */
export function numberOf(name: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new VoxgateError('bad-request', `${name} is a whole number`);
  return Number(text);
}

export function isOutOfRange(page: ChangePage | OutOfRange): page is OutOfRange {
  return 'outOfRange' in page;
}

/** 410 (RFC 9110 15.5.11): who has missed something is to know, and reads the archive anew. */
export function refuseRange(response: Response, since: number, { oldest, newest }: OutOfRange): void {
  const error =
    since > newest
      ? `the feed has not come to ${since}: this is another archive, or one that was set back; read it anew`
      : `changes up to ${oldest - 1} are not kept any more; read the archive anew, and go on from ${newest}`;
  response.status(410).json({ error, oldest, newest });
}

/** One change as it is told: UIDs, and nothing of a patient. */
export function told({ sequence, at, ...change }: Change): object {
  return { sequence, time: at.toISOString(), ...change };
}
