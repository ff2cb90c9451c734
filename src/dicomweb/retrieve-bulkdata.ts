import type { Request, Response } from 'express';
import type { LocatedInstance } from '../archive/archive.ts';
import type { StoredBytes, StoredValue } from '../archive/stored-value.ts';
import { formatMediaType } from '../dicom/media-types.ts';
import { MultipartWriter } from '../dicom/multipart.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN, readableSyntax } from '../dicom/transfer-syntaxes.ts';
import { VoxgateError } from '../errors.ts';
import { choose, type Offer, REPRESENTATIONS } from './accept.ts';
import { placeOf, retrieveUrl, rootOf } from './addresses.ts';
import { asStored } from './as-stored.ts';
import { entityTag, isAnswered, type Validators } from './conditional.ts';
import type { DicomwebParts } from './router.ts';
import { sendPiece, sendSized, sendStream } from './send-body.ts';
import { sendFrames } from './send-frames.ts';

const OCTETS = 'application/octet-stream';
const PDF = 'application/pdf';

/**
 * A value that the metadata name by a BulkDataURI (PS3.18 10.4.1.1.5), read as it is sent: a document or a film as what
 * it is, compressed frames each for itself, all else as octets, little endian.
 */
export async function retrieveBulkData(parts: DicomwebParts, request: Request, response: Response): Promise<void> {
  const { archive } = parts;
  const [instance] = await archive.locate(placeOf(request));
  if (!instance) throw new VoxgateError('not-found', 'no such instance is held');
  const path = pathOf(request);
  const value = await asStored(archive.value(instance, path));
  const frames = archive.frameCount(instance);
  if (value.fragments && frames > 0 && !readableSyntax(instance.transferSyntaxUid).video) {
    const numbers = Array.from({ length: frames }, (_, i) => i + 1);
    await sendFrames(parts, request, response, { instance, numbers });
    return;
  }
  const offer = choose(request, offersOf(value, instance));
  const body = value.fragments ?? value.whole;
  const etag = entityTag([instance.storageKey, path, offer.type, offer.multipart ? rootOf(request) : '']);
  const validators = { etag, lastModified: instance.receivedAt, dateDecides: true };
  guardBrowser(response, offer);
  if (offer.multipart) {
    const url = `${retrieveUrl(rootOf(request), instance)}/bulkdata/${path}`;
    await sendOnePart(request, response, { offer, body, validators, url });
    return;
  }
  const read = (start: number, end: number) => body.read(start, end);
  await sendSized(request, response, { contentType: typeOf(offer), size: body.size, validators, read });
}

/** Tags and item indexes; hexadecimal digits in either case. */
function pathOf(request: Request): string {
  const { path } = request.params;
  return (Array.isArray(path) ? path.join('/') : (path ?? '')).toUpperCase();
}

/** Single parts first: links and browsers, which take anything, cannot read the others. */
function offersOf(value: StoredValue, { transferSyntaxUid }: LocatedInstance): readonly Offer[] {
  const octets = [...REPRESENTATIONS.bulkData];
  if (!value.encapsulated) {
    const native = octets.map((offer) => ({ ...offer, transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN }));
    return value.documentType === undefined ? native : [...bothOf(value.documentType), ...native];
  }
  const { video, mediaType } = readableSyntax(transferSyntaxUid);
  const isFilm = video && value.fragments !== undefined;
  // Octets without a transfer syntax mean what is not compressed, unless there is nothing but the lossy film (8.7.3.3).
  const stored = octets.map((offer) => ({ ...offer, transferSyntaxUid, onlyByName: !isFilm }));
  return isFilm ? [...bothOf(mediaType).map((offer) => ({ ...offer, transferSyntaxUid })), ...stored] : stored;
}

function bothOf(type: string): Offer[] {
  return [
    { type, multipart: false },
    { type, multipart: true },
  ];
}

function typeOf({ type, transferSyntaxUid }: Offer): string {
  const isCompressed = transferSyntaxUid !== undefined && transferSyntaxUid !== EXPLICIT_VR_LITTLE_ENDIAN;
  return formatMediaType(type, isCompressed ? { 'transfer-syntax': transferSyntaxUid } : {});
}

/**
 * What somebody has sent as a document is no page of this node: its scripts must not run here. Browsers show PDF in a
 * viewer of their own, which a sandbox would keep shut.
 */
function guardBrowser(response: Response, { type }: Offer): void {
  response.setHeader('x-content-type-options', 'nosniff');
  if (type !== PDF && type !== OCTETS) response.setHeader('content-security-policy', "sandbox; default-src 'none'");
}

interface OnePart {
  readonly offer: Offer;
  readonly body: StoredBytes;
  readonly validators: Validators;
  readonly url: string;
}

async function sendOnePart(
  request: Request,
  response: Response,
  { offer, body, validators, url }: OnePart,
): Promise<void> {
  response.vary('Accept');
  if (isAnswered(request, response, validators)) return;
  // The same tag is the same bytes, the boundary included.
  const multipart = new MultipartWriter(validators.etag.replaceAll('"', ''));
  const head = multipart.head({
    'Content-Type': typeOf(offer),
    'Content-Length': String(body.size),
    'Content-Location': url,
  });
  const end = multipart.end();
  response.setHeader('content-type', multipart.contentType(offer.type));
  response.setHeader('content-length', head.length + body.size + end.length);
  if (request.method !== 'HEAD') {
    await sendPiece(response, head);
    await sendStream(response, body.read(0, body.size), body.size);
  }
  response.end(end);
}
