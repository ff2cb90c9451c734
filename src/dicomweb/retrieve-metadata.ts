import type { Request, Response } from 'express';
import type { Archive, Place } from '../archive/archive.ts';
import { VoxgateError } from '../errors.ts';
import { acceptJson } from './accept.ts';
import { placeOf, retrieveUrl, rootOf, withBulkAddresses } from './addresses.ts';
import type { DicomwebParts } from './router.ts';
import { sendPiece } from './send-body.ts';

/** Metadata of study, series or instance (PS3.18 10.4.1.1.2): what was prepared at ingest, served as it lies. */
export async function retrieveMetadata(
  { archive }: DicomwebParts,
  request: Request,
  response: Response,
): Promise<void> {
  response.setHeader('content-type', acceptJson(request));
  const root = rootOf(request);
  let before = '[';
  for await (const { located, json } of describedIn(archive, placeOf(request))) {
    await sendPiece(response, Buffer.from(before + withBulkAddresses(json, retrieveUrl(root, located))));
    before = ',';
  }
  if (before === '[') throw new VoxgateError('not-found', 'nothing is held under this address');
  response.end(']');
}

/** Series by series, so that of a large study one is in memory at a time. */
async function* describedIn(archive: Archive, place: Place) {
  if (place.seriesInstanceUid !== undefined) {
    yield* await archive.metadata(place);
    return;
  }
  const held = await archive.locate(place);
  for (const seriesInstanceUid of new Set(held.map((instance) => instance.seriesInstanceUid)))
    yield* await archive.metadata({ ...place, seriesInstanceUid });
}
