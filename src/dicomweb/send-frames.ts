import type { Request, Response } from 'express';
import type { LocatedInstance } from '../archive/archive.ts';
import { formatMediaType } from '../dicom/media-types.ts';
import { MultipartWriter } from '../dicom/multipart.ts';
import { VoxgateError } from '../errors.ts';
import { acceptedBy, notAcceptable } from './accept.ts';
import { retrieveUrl, rootOf } from './addresses.ts';
import { entityTag, isAnswered, type Validators } from './conditional.ts';
import { type FrameOffer, frameOffers } from './frame-offers.ts';
import { type FrameReaderParts, frameReader, type GivenFrame } from './frame-reader.ts';
import { mostWanted } from './negotiate.ts';
import { leaving, sendPiece, sendSized } from './send-body.ts';

/** Frames are read while those before them are sent. */
const AHEAD = 3;

/**
 * Frames that are there, in the form that the client wants most of those that they can be had in.
 * @throws VoxgateError not-acceptable, not-found for one that is broken, undecodable
 */
export async function sendFrames(
  parts: FrameReaderParts,
  request: Request,
  response: Response,
  { instance, numbers }: { readonly instance: LocatedInstance; readonly numbers: readonly number[] },
): Promise<void> {
  let left: AbortSignal | undefined;
  const signal = (): AbortSignal => {
    left ??= leaving(response);
    return left;
  };
  let offers = frameOffers(instance.transferSyntaxUid, numbers.length);
  let refusal: VoxgateError | undefined;
  for (;;) {
    const offer = mostWanted(acceptedBy(request), offers)?.offer;
    if (!offer) throw refusal ?? notAcceptable(offers);
    const answer: Answer = { request, response, instance, numbers, offer };
    const validators = validatorsOf(answer);
    if (isAnswered(request, response.vary('Accept'), validators)) return;
    const frames = readAhead(numbers, frameReader(parts, instance, offer.transferSyntaxUid, signal));
    try {
      // The first frame is read before the answer begins: a broken object gets a status, not half an answer.
      const { value: first } = await frames.next();
      if (offer.multipart) await sendMultipart(answer, validators, first!, frames);
      else await sendSingle(answer, validators, first!);
      return;
    } catch (error) {
      if (!isOfSyntax(error) || response.headersSent) throw error;
      refusal ??= error;
      offers = offers.filter(({ transferSyntaxUid }) => transferSyntaxUid !== offer.transferSyntaxUid);
    }
  }
}

/** Pixels that one syntax cannot hold may be had in the next that the client takes. */
function isOfSyntax(error: unknown): error is VoxgateError {
  return error instanceof VoxgateError && (error.code === 'not-acceptable' || error.code === 'undecodable');
}

interface Answer {
  readonly request: Request;
  readonly response: Response;
  readonly instance: LocatedInstance;
  readonly numbers: readonly number[];
  readonly offer: FrameOffer;
}

function validatorsOf({ request, instance, numbers, offer }: Answer): Validators {
  const parts = [instance.storageKey, numbers.join(), offer.type, offer.transferSyntaxUid];
  // The parts name their addresses, in which the host is as the client knows it.
  if (offer.multipart) parts.push(rootOf(request));
  return { etag: entityTag(parts), lastModified: instance.receivedAt, dateDecides: true };
}

async function sendSingle({ request, response, offer }: Answer, validators: Validators, frame: GivenFrame) {
  response.setHeaders(new Map(Object.entries(colourOf(frame))));
  const contentType = typeOf(offer);
  const { bytes } = frame;
  async function* read(start: number, end: number): AsyncGenerator<Buffer, void> {
    yield Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  }
  await sendSized(request, response, { contentType, size: bytes.length, validators, read });
}

async function sendMultipart(
  { request, response, instance, numbers, offer }: Answer,
  validators: Validators,
  first: GivenFrame,
  others: AsyncIterable<GivenFrame>,
): Promise<void> {
  // The same tag is the same bytes, the boundary included; it comes from names that only this node knows.
  const multipart = new MultipartWriter(validators.etag.replaceAll('"', ''));
  const url = `${retrieveUrl(rootOf(request), instance)}/frames`;
  const headOf = (number: number, frame: GivenFrame): Buffer =>
    multipart.head({
      'Content-Type': typeOf(offer),
      'Content-Length': String(frame.bytes.length),
      'Content-Location': `${url}/${number}`,
      ...colourOf(frame),
    });
  response.setHeader('content-type', multipart.contentType(offer.type));
  const head = headOf(numbers[0]!, first);
  const end = multipart.end();
  if (numbers.length === 1) response.setHeader('content-length', head.length + first.bytes.length + end.length);
  if (request.method === 'HEAD') {
    response.end();
    return;
  }
  // Small writes go out with the large one between them.
  response.cork();
  response.write(head);
  if (numbers.length === 1) {
    response.write(first.bytes);
    response.end(end);
    return;
  }
  const sent = sendPiece(response, first.bytes);
  response.uncork();
  await sent;
  let at = 1;
  for await (const frame of others) {
    await sendPiece(response, headOf(numbers[at++]!, frame));
    await sendPiece(response, frame.bytes);
  }
  response.end(end);
}

function typeOf({ type, transferSyntaxUid }: FrameOffer): string {
  return formatMediaType(type, { 'transfer-syntax': transferSyntaxUid });
}

/** PS3.18 has no place for it; where pixels were decoded, the metadata may describe others. */
function colourOf({ photometricInterpretation, planarConfiguration }: GivenFrame): Record<string, string> {
  if (photometricInterpretation === undefined) return {};
  return {
    'Photometric-Interpretation': photometricInterpretation,
    'Planar-Configuration': String(planarConfiguration ?? 0),
  };
}

/** In the order asked, some being read already while one is taken. */
async function* readAhead(
  numbers: readonly number[],
  read: (number: number) => Promise<GivenFrame>,
): AsyncGenerator<GivenFrame, void> {
  const begun: Promise<GivenFrame>[] = [];
  for (let next = 0; next < numbers.length || begun.length > 0; ) {
    while (begun.length < AHEAD && next < numbers.length) {
      const frame = read(numbers[next++]!);
      // It fails when it is taken; until then nobody listens.
      frame.catch(() => undefined);
      begun.push(frame);
    }
    yield await begun.shift()!;
  }
}
