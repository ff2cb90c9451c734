import type { Request, Response } from 'express';
import { VoxgateError } from '../errors.ts';
import { acceptJson } from './accept.ts';
import { placeOf, retrieveUrl, rootOf } from './addresses.ts';
import type { DicomwebParts } from './router.ts';
import { sendPiece } from './send-body.ts';

/** Metadata of study, series or instance (PS3.18 10.4.1.1.2): what was prepared at ingest, served as it lies. */
export async function retrieveMetadata(
  { archive }: DicomwebParts,
  request: Request,
  response: Response,
): Promise<void> {
  const type = acceptJson(request.headers.accept);
  const place = placeOf(request);
  const described = await archive.metadata(place);
  if (described.length === 0) throw new VoxgateError('not-found', 'nothing is held under this address');
  const root = rootOf(request);
  response.setHeader('content-type', type);
  let separator = '[';
  for (const { located, json } of described) {
    await sendPiece(response, Buffer.from(separator + withAddresses(json, retrieveUrl(root, located))));
    separator = ',';
  }
  response.end(']');
}

/**
 * Bulk data are named relative to their instance when metadata are prepared; the address of this server is known only
 * now. A text value cannot be taken for such a name: its quotes would be escaped.
 */
function withAddresses(json: string, instanceUrl: string): string {
  return json.replaceAll(
    '"BulkDataURI":"bulkdata/',
    `"BulkDataURI":${JSON.stringify(`${instanceUrl}/bulkdata/`).slice(0, -1)}`,
  );
}
