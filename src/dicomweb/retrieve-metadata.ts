import type { Request, Response } from 'express';
import type { Archive, LocatedInstance } from '../archive/archive.ts';
import { VoxgateError } from '../errors.ts';
import { choose, REPRESENTATIONS } from './accept.ts';
import { piecesWithBulkAddresses, placeOf, retrieveUrl, rootOf, withBulkAddresses } from './addresses.ts';
import { CompressedAnswers } from './compressed-answers.ts';
import { entityTag, isAnswered } from './conditional.ts';
import { takesGzip } from './content-coding.ts';
import type { DicomwebParts } from './router.ts';
import { gzipped, sendModels } from './send-model.ts';

/** Metadata in memory at once; some 10 kB an instance, up to 1 MB and more of enhanced objects. */
const INSTANCES_AT_ONCE = 100;
/** Answers up to this size, before they are compressed, are compressed once and kept. */
const LARGEST_KEPT = 8 * 1024 * 1024;
/** What is not compressed is made whole up to this size; longer answers wait for slow clients in pieces. */
const LARGEST_WHOLE = 1024 * 1024;

const compressed = new CompressedAnswers();

/**
 * Metadata of study, series or instance (PS3.18 10.4.1.1.2), as prepared at ingest, with the addresses of bulk data as
 * this client reaches them. Who has them already is told so before any is read.
 */
export async function retrieveMetadata(
  { archive }: DicomwebParts,
  request: Request,
  response: Response,
): Promise<void> {
  const { type } = choose(request, REPRESENTATIONS.models);
  const root = rootOf(request);
  const instances = await archive.locate(placeOf(request));
  if (instances.length === 0) throw new VoxgateError('not-found', 'nothing is held under this address');
  const coding = takesGzip(request) ? 'gzip' : 'identity';
  response.vary('Accept').vary('Accept-Encoding');
  const etag = tagOf(instances, [type, root, coding]);
  const newest = instances.reduce((latest, { receivedAt }) => Math.max(latest, receivedAt.getTime()), 0);
  if (isAnswered(request, response, { etag, lastModified: new Date(newest), dateDecides: false })) return;
  const packed = instances.reduce((sum, { metadata }) => sum + (metadata?.length ?? 0), 0);
  if (type === 'application/dicom+xml' || packed > (coding === 'gzip' ? LARGEST_KEPT : LARGEST_WHOLE)) {
    const texts = metadataTexts(archive, instances, root);
    await sendModels(request, response, texts, { boundary: etag.replaceAll('"', '') });
    return;
  }
  const whole = (): Promise<Buffer> => jsonArray(archive, instances, root);
  const body = coding === 'gzip' ? await compressed.get(etag, async () => gzipped(await whole())) : await whole();
  if (coding === 'gzip') response.setHeader('content-encoding', 'gzip');
  response.setHeader('content-type', type).setHeader('content-length', body.length).end(body);
}

/** What was written down anew lies elsewhere, and may read otherwise. */
function tagOf(instances: readonly LocatedInstance[], representation: readonly string[]): string {
  const parts = [...representation];
  for (const { storageKey, metadata } of instances)
    parts.push(storageKey, metadata === null ? '' : `${metadata.segment}:${metadata.offset}`);
  return entityTag(parts);
}

async function* metadataTexts(archive: Archive, instances: readonly LocatedInstance[], root: string) {
  for (let at = 0; at < instances.length; at += INSTANCES_AT_ONCE) {
    const texts = await archive.metadataOf(instances.slice(at, at + INSTANCES_AT_ONCE));
    for (const { located, json } of texts) yield withBulkAddresses(json, retrieveUrl(root, located));
  }
}

async function jsonArray(archive: Archive, instances: readonly LocatedInstance[], root: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (const { located, json } of await archive.metadataBytesOf(instances)) {
    pieces.push(pieces.length === 0 ? OPEN : NEXT, ...piecesWithBulkAddresses(json, retrieveUrl(root, located)));
  }
  return Buffer.concat([...pieces, CLOSE]);
}

const OPEN = Buffer.from('[');
const NEXT = Buffer.from(',');
const CLOSE = Buffer.from(']');
