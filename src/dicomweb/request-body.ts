import { pipeline, type Transform } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Request } from 'express';
import { sentenceOf, VoxgateError } from '../errors.ts';

export interface BodyLimits {
  /** Of one body, inflated where it was compressed. */
  readonly bodyBytes: number;
  /** How many times its size a compressed body may become. */
  readonly inflateRatio: number;
}

/** Up to here a body may be all zeros for all we care. */
const RATIO_FROM = 64 * 1024 * 1024;
/** What is left of a body that was refused is read for so long: who sends it reads our answer only then. */
const LINGER_MS = 5000;

const CODINGS: Readonly<Record<string, (() => Transform) | undefined>> = {
  identity: undefined,
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

/** Codings of a body that are undone, for the header that says so (RFC 9110 15.5.16). */
export const ACCEPTED_CODINGS = 'gzip, deflate, br';

export function hasBody({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** @throws VoxgateError unsupported-media-type for a Content-Encoding that is not undone here */
export function checkCoding(request: Request): void {
  codingOf(request);
}

function codingOf({ headers }: Request): (() => Transform) | undefined {
  const coding = headers['content-encoding']?.trim().toLowerCase() || 'identity';
  if (!Object.hasOwn(CODINGS, coding))
    throw new VoxgateError('unsupported-media-type', `the Content-Encoding is not one of ${ACCEPTED_CODINGS}`);
  return CODINGS[coding];
}

/**
 * The body of a request as it comes, its Content-Encoding undone. Read to its end or ended before, the request stays
 * open, so that its answer can be sent.
 *
 * @throws VoxgateError too-large above a limit, bad-request where the client leaves or the coding is broken,
 *   unsupported-media-type for another coding
 */
export async function* bodyOf(request: Request, limits: BodyLimits): AsyncGenerator<Buffer, void, undefined> {
  const coding = codingOf(request);
  try {
    if (Number(request.headers['content-length'] ?? 0) > limits.bodyBytes) throw tooLong(limits.bodyBytes);
    const came = piecesOf(request, limits.bodyBytes);
    yield* coding === undefined ? came : inflated(came, coding(), limits);
  } finally {
    if (!request.complete) passOver(request);
  }
}

/** As `bodyOf`, gathered, of no more than `most` bytes. */
export async function wholeBody(request: Request, limits: BodyLimits, most: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of bodyOf(request, { ...limits, bodyBytes: Math.min(most, limits.bodyBytes) }))
    pieces.push(piece);
  return Buffer.concat(pieces);
}

async function* piecesOf(request: Request, most: number): AsyncGenerator<Buffer, void, undefined> {
  let bytes = 0;
  try {
    // Destroying the request when the reading ends early would take the connection from the answer.
    for await (const piece of request.iterator({ destroyOnReturn: false })) {
      const buffer: Buffer = piece;
      bytes += buffer.length;
      if (bytes > most) throw tooLong(most);
      yield buffer;
    }
  } catch (cause) {
    if (cause instanceof VoxgateError) throw cause;
    throw new VoxgateError('bad-request', `the body broke off: ${sentenceOf(cause)}`, { cause });
  }
}

async function* inflated(
  came: AsyncIterable<Buffer>,
  decoder: Transform,
  { bodyBytes, inflateRatio }: BodyLimits,
): AsyncGenerator<Buffer, void, undefined> {
  let [taken, given] = [0, 0];
  const counted = async function* (): AsyncGenerator<Buffer, void, undefined> {
    for await (const piece of came) {
      taken += piece.length;
      yield piece;
    }
  };
  // What goes wrong is heard of where the decoder is read.
  pipeline(counted(), decoder, () => undefined);
  try {
    for await (const piece of decoder) {
      given += piece.length;
      if (given > bodyBytes) throw tooLong(bodyBytes);
      if (given > RATIO_FROM && given > taken * inflateRatio)
        throw new VoxgateError('too-large', `the body becomes more than ${inflateRatio} times its size`);
      yield piece;
    }
  } catch (cause) {
    if (cause instanceof VoxgateError) throw cause;
    throw new VoxgateError('bad-request', 'the body is not in the Content-Encoding that it names', { cause });
  } finally {
    decoder.destroy();
  }
}

function passOver(request: Request): void {
  request.resume();
  const cut = setTimeout(() => request.socket.destroy(), LINGER_MS).unref();
  request.once('close', () => clearTimeout(cut)).once('end', () => clearTimeout(cut));
}

function tooLong(most: number): VoxgateError {
  return new VoxgateError('too-large', `the body is longer than ${most} bytes`);
}
