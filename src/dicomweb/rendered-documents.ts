import type { Request, Response } from 'express';
import type { Archive, LocatedInstance } from '../archive/archive.ts';
import { readableSyntax } from '../dicom/transfer-syntaxes.ts';
import { VoxgateError } from '../errors.ts';
import { VERSION } from '../version.ts';
import { choose, notAcceptable } from './accept.ts';
import { asStored } from './as-stored.ts';
import { entityTag, type Validators } from './conditional.ts';
import { categoryOf } from './rendered-pictures.ts';
import { reportHtml, reportText } from './report-text.ts';
import { reportOf } from './report-tree.ts';
import type { DicomwebParts } from './router.ts';
import { sendSized } from './send-body.ts';

/** What others wrote must not run in the name of this node when a browser shows it. */
const SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:";

export interface DocumentAnswer {
  readonly request: Request;
  readonly response: Response;
  readonly instance: LocatedInstance;
  /** The media type, where that is settled already; otherwise what the request accepts decides. */
  readonly type?: string;
}

/**
 * What is no picture: a report as a page or plain text, an encapsulated document as it is, a film as it is.
 * @throws VoxgateError not-acceptable, not-found: why there is nothing to be shown
 */
export async function sendDocument({ archive }: Pick<DicomwebParts, 'archive'>, answer: DocumentAnswer): Promise<void> {
  const { response, instance } = answer;
  response.setHeader('x-content-type-options', 'nosniff');
  switch (categoryOf(instance)) {
    case 'report':
      return sendReport(archive, answer);
    case 'document':
      return sendEncapsulated(archive, answer);
    case 'video':
      return sendVideo(archive, answer);
    default:
      throw new VoxgateError('not-found', 'the object has no image, text or film that could be shown');
  }
}

/** @throws VoxgateError not-acceptable */
function typeOf({ request, type }: DocumentAnswer, types: readonly string[]): string {
  const offers = types.map((one) => ({ type: one, multipart: false }));
  if (type === undefined) return choose(request, offers).type;
  if (!types.includes(type)) throw notAcceptable(offers);
  return type;
}

function validatorsOf({ storageKey, receivedAt }: LocatedInstance, type: string): Validators {
  return { etag: entityTag(['rendered', VERSION, storageKey, type]), lastModified: receivedAt, dateDecides: false };
}

async function datasetOf(archive: Archive, { studyInstanceUid, seriesInstanceUid, sopInstanceUid }: LocatedInstance) {
  const [described] = await archive.describe({ studyInstanceUid, seriesInstanceUid, sopInstanceUid });
  if (!described) throw new VoxgateError('not-found', 'the object is held no longer');
  return described.dataset;
}

async function sendReport(archive: Archive, answer: DocumentAnswer) {
  const { request, response, instance } = answer;
  const type = typeOf(answer, ['text/html', 'text/plain']);
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
async function sendEncapsulated(archive: Archive, answer: DocumentAnswer) {
  const { request, response, instance } = answer;
  const { documentType, whole } = await asStored(archive.value(instance, '00420011'));
  const type = DOCUMENT_TYPES.find((known) => known === documentType?.trim().toLowerCase());
  if (!type) throw new VoxgateError('not-acceptable', 'the object holds a document that is neither PDF nor XML');
  typeOf(answer, [type]);
  if (type === 'text/xml') response.setHeader('content-security-policy', SANDBOX);
  const validators = validatorsOf(instance, type);
  const read = (start: number, end: number) => whole.read(start, end);
  await sendSized(request, response, { contentType: type, size: whole.size, validators, read });
}

/** A film as it is stored, where a player understands what stands around it: an MP4 file, or an MPEG-2 stream. */
async function sendVideo(archive: Archive, answer: DocumentAnswer) {
  const { request, response, instance } = answer;
  const { mediaType, name } = readableSyntax(instance.transferSyntaxUid);
  const { fragments } = await asStored(archive.value(instance, '7FE00010'));
  if (!fragments) throw new VoxgateError('not-found', 'the object has no film in fragments, as its syntax has it');
  const head = await bytesOf(fragments.read(0, Math.min(fragments.size, 12)));
  if (mediaType === 'video/mp4' ? !isMp4(head) : !isMpeg(head))
    throw new VoxgateError('not-acceptable', `the film (${name}) is a bare stream, not a file that players read`);
  typeOf(answer, [mediaType]);
  const validators = validatorsOf(instance, mediaType);
  const read = (start: number, end: number) => fragments.read(start, end);
  await sendSized(request, response, { contentType: mediaType, size: fragments.size, validators, read });
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

async function bytesOf(stream: AsyncIterable<Buffer>): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer, void> {
  yield bytes;
}
