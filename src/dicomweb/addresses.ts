import type { Request } from 'express';
import type { Place } from '../archive/archive.ts';
import { isUsableAsUid } from '../dicom/uid.ts';
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
  if (typeof text !== 'string' || !isUsableAsUid(text))
    throw new VoxgateError('bad-request', `the ${title} in the path is not a UID (PS3.5 9.1)`);
  return { [name]: text };
}

/** The query of the address, read as forms are: "+" is a space. */
export function parametersOf(request: Request): URLSearchParams {
  const at = request.originalUrl.indexOf('?');
  return new URLSearchParams(at === -1 ? '' : request.originalUrl.slice(at + 1));
}

/** A name, an IPv4 address or an IPv6 address in brackets, with or without a port (RFC 3986 3.2.2 and 3.2.3). */
const HOST = /^([A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/;

/**
 * The DICOMweb root as this client knows it: scheme and host of the address that it has used, which a proxy passes on as
 * Forwarded (RFC 7239) or X-Forwarded-Proto and X-Forwarded-Host. Anybody can say these, as anybody can say Host; they
 * change no answer but one's own. What is no host is refused (RFC 9112 3.2), not quoted.
 * @throws VoxgateError bad-request
 */
export function rootOf(request: Request): string {
  const forwarded = forwardedBy(request);
  const host = forwarded.get('host') ?? request.headers.host ?? '';
  if (!HOST.test(host) || host.length > 255)
    throw new VoxgateError('bad-request', 'the Host header is not a host with an optional port');
  const scheme = forwarded.get('proto') === 'https' ? 'https' : request.protocol;
  return `${scheme}://${host}${request.baseUrl}`;
}

/** What the outermost proxy says of the client's request: it stands first in each list. */
function forwardedBy(request: Request): Map<string, string> {
  const firstOf = (name: string): string | undefined => request.get(name)?.split(',')[0]?.trim();
  const pairs: [string, string | undefined][] = [
    ['host', firstOf('x-forwarded-host')],
    ['proto', firstOf('x-forwarded-proto')],
    ...(firstOf('forwarded') ?? '').split(';').map((pair): [string, string] => {
      const [name = '', value = ''] = pair.split('=');
      return [name.trim().toLowerCase(), value.trim().replace(/^"(.*)"$/, '$1')];
    }),
  ];
  return new Map(pairs.flatMap(([name, value]) => (value ? [[name, value]] : [])));
}

export function retrieveUrl(root: string, { studyInstanceUid, seriesInstanceUid, sopInstanceUid }: Place): string {
  const parts = [root, 'studies', studyInstanceUid];
  if (seriesInstanceUid) parts.push('series', seriesInstanceUid);
  if (sopInstanceUid) parts.push('instances', sopInstanceUid);
  return parts.join('/');
}

/**
 * Bulk data are named relative to their instance when its JSON text is prepared; the address of this server is known
 * only now. A text value cannot be taken for such a name: its quotes would be escaped.
 */
export function withBulkAddresses(json: string, instanceUrl: string): string {
  return json.replaceAll('"BulkDataURI":"bulkdata/', () => `"BulkDataURI":"${instanceUrl}/bulkdata/`);
}

const BULK_NAME = Buffer.from('"BulkDataURI":"bulkdata/');

/** The same of JSON text as UTF-8, in pieces of what it was and addresses between them. */
export function piecesWithBulkAddresses(json: Buffer, instanceUrl: string): Buffer[] {
  const pieces: Buffer[] = [];
  let from = 0;
  for (let at = json.indexOf(BULK_NAME); at !== -1; at = json.indexOf(BULK_NAME, from)) {
    pieces.push(json.subarray(from, at), Buffer.from(`"BulkDataURI":"${instanceUrl}/bulkdata/`));
    from = at + BULK_NAME.length;
  }
  pieces.push(json.subarray(from));
  return pieces;
}
