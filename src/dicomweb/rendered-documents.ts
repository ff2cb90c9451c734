import type { Request, Response } from 'express';
import type { Archive, LocatedInstance } from '../archive/archive.ts';
import { text } from '../dicom/read-values.ts';
import { readableSyntax } from '../dicom/transfer-syntaxes.ts';
import { VoxgateError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { choose } from './accept.ts';
import { asStored } from './as-stored.ts';
import { entityTag, type Validators } from './conditional.ts';
import { categoryOf } from './rendered-pictures.ts';
import { reportHtml, reportText } from './report-text.ts';
import { reportOf } from './report-tree.ts';
import type { DicomwebParts } from './router.ts';
import { sendSized } from './send-body.ts';

/** What others wrote must not run in the name of this node when a browser shows it. */
const SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:";

/**
 * What is no picture: a report as a page or plain text, an encapsulated document as it is, a film as it is.
 * @throws VoxgateError not-acceptable, not-found: why there is nothing to be shown
 */
export async function sendDocument(
  { archive }: Pick<DicomwebParts, 'archive'>,
  request: Request,
  response: Response,
  instance: LocatedInstance,
): Promise<void> {
  response.setHeader('x-content-type-options', 'nosniff');
  switch (categoryOf(instance)) {
    case 'report':
      return sendReport(archive, request, response, instance);
    case 'document':
      return sendEncapsulated(archive, request, response, instance);
    case 'video':
      return sendVideo(archive, request, response, instance);
    default:
      throw new VoxgateError('not-found', 'the object has no image, text or film that could be shown');
  }
}

function validatorsOf({ storageKey, receivedAt }: LocatedInstance, type: string): Validators {
  return { etag: entityTag(['rendered', VERSION, storageKey, type]), lastModified: receivedAt, dateDecides: false };
}

async function datasetOf(archive: Archive, { studyInstanceUid, seriesInstanceUid, sopInstanceUid }: LocatedInstance) {
  const [described] = await archive.describe({ studyInstanceUid, seriesInstanceUid, sopInstanceUid });
  if (!described) throw new VoxgateError('not-found', 'the object is held no longer');
  return described.dataset;
}

async function sendReport(archive: Archive, request: Request, response: Response, instance: LocatedInstance) {
  const { type } = choose(request, [
    { type: 'text/html', multipart: false },
    { type: 'text/plain', multipart: false },
  ]);
  const report = reportOf(await datasetOf(archive, instance));
  const body = Buffer.from(type === 'text/html' ? reportHtml(report) : reportText(report));
  response.setHeader('content-security-policy', SANDBOX);
  await sendSized(request, response, {
    contentType: `${type}; charset=utf-8`,
    size: body.length,
    validators: validatorsOf(instance, type),
    read: (start, end) => once(body.subarray(start, end)),
  });
}

const DOCUMENT_TYPES = ['application/pdf', 'text/xml'];

/** Encapsulated Document (PS3.3 C.24.2): PDF, and CDA as XML. */
async function sendEncapsulated(archive: Archive, request: Request, response: Response, instance: LocatedInstance) {
  const dataset = await datasetOf(archive, instance);
  const said = text(dataset, 'MIMETypeOfEncapsulatedDocument')?.trim().toLowerCase() ?? '';
  const type = DOCUMENT_TYPES.find((known) => known === said);
  if (!type) throw new VoxgateError('not-acceptable', 'the object holds a document that is neither PDF nor XML');
  choose(request, [{ type, multipart: false }]);
  const { whole } = await asStored(archive.value(instance, '00420011'));
  if (type === 'text/xml') response.setHeader('content-security-policy', SANDBOX);
  await sendSized(request, response, {
    contentType: type,
    size: whole.size,
    validators: validatorsOf(instance, type),
    read: (start, end) => whole.read(start, end),
  });
}

/** A film as it is stored, where a player understands what stands around it: an MP4 file, or an MPEG-2 stream. */
async function sendVideo(archive: Archive, request: Request, response: Response, instance: LocatedInstance) {
  const { mediaType, name } = readableSyntax(instance.transferSyntaxUid);
  const ranges = await archive.frameRanges(instance, 1);
  if (!ranges) throw new VoxgateError('not-found', 'the film does not lie in the object as it is');
  const [[offset, length] = [0, 0]] = ranges;
  const head = await firstBytes(archive.stream(instance, offset, offset + Math.min(length, 12)));
  if (mediaType === 'video/mp4' ? !isMp4(head) : !isMpeg(head))
    throw new VoxgateError('not-acceptable', `the film (${name}) is a bare stream, not a file that players read`);
  choose(request, [{ type: mediaType, multipart: false }]);
  await sendSized(request, response, {
    contentType: mediaType,
    size: ranges.reduce((sum, [, bytes]) => sum + bytes, 0),
    validators: validatorsOf(instance, mediaType),
    read: (start, end) => stretch(archive, instance, ranges, start, end),
  });
}

/** The box "ftyp" stands first (ISO/IEC 14496-12 4.3). */
function isMp4(head: Buffer): boolean {
  return head.toString('latin1', 4, 8) === 'ftyp';
}

/** A pack or sequence header, or a packet of a transport stream (ISO/IEC 13818-1 2.4, 13818-2 6.2). */
function isMpeg(head: Buffer): boolean {
  if (head[0] === 0x47) return true;
  return head.length >= 4 && (head.readUInt32BE(0) === 0x1ba || head.readUInt32BE(0) === 0x1b3);
}

async function firstBytes(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer, void> {
  yield bytes;
}

/** Bytes of what lies in pieces in the file. */
async function* stretch(
  archive: Archive,
  instance: LocatedInstance,
  ranges: readonly (readonly [number, number])[],
  start: number,
  end: number,
): AsyncGenerator<Buffer, void> {
  let before = 0;
  for (const [offset, length] of ranges) {
    const from = Math.max(0, start - before);
    const to = Math.min(length, end - before);
    if (from < to) yield* archive.stream(instance, offset + from, offset + to);
    before += length;
  }
}
