import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGzip, gzip } from 'node:zlib';
import type { Request, Response } from 'express';
import type { JsonDataset } from '../dicom/dataset.ts';
import { jsonText } from '../dicom/json-text.ts';
import { MultipartWriter } from '../dicom/multipart.ts';
import { nativeXml } from '../dicom/native-xml.ts';
import { VoxgateError } from '../errors.ts';
import { choose, REPRESENTATIONS } from './accept.ts';
import { takesGzip } from './content-coding.ts';

export interface SendModelOptions {
  /** 200 unless given. */
  readonly status?: number;
  /** Of parts, where the same answer must be the same bytes; see MultipartWriter. */
  readonly boundary?: string;
}

/** An answer up to this size is made whole, with its length; a longer one leaves in pieces of it. */
const PIECE = 64 * 1024;
/** What is shorter is not worth the while. */
const COMPRESS_ABOVE = 1024;
/** Level 1: a tenth of the text is left, and a better one would take several times as long. */
const GZIP = { level: 1 };

/** What a stream says when its other side is gone. */
const LEFT = ['ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED', 'ECONNRESET', 'EPIPE'];

const compress = promisify<Buffer, typeof GZIP, Buffer>(gzip);

/** Compressed apart from the event loop. */
export function gzipped(body: Buffer): Promise<Buffer> {
  return compress(body, GZIP);
}

/**
 * In which model data sets are wanted, to be known before any work begins.
 * @throws VoxgateError not-acceptable
 */
export function acceptModel(request: Request): 'json' | 'xml' {
  return choose(request, REPRESENTATIONS.models).multipart ? 'xml' : 'json';
}

/**
 * Answers with any number of data sets, each given as DICOM JSON text: a JSON array (PS3.18 F.2), or Native DICOM Models
 * as multipart/related (8.7.3.2; none at all is 204 there, a multipart has parts), as the client wants. It is
 * compressed where the client takes that, and stops reading the data sets where the client leaves. What the data sets
 * throw before the first 64 kB are there is thrown while the answer can still be another.
 *
 * @throws VoxgateError not-acceptable; bad-request when the client has left
 */
export async function sendModels(
  request: Request,
  response: Response,
  datasets: AsyncIterable<string> | Iterable<string>,
  { status = 200, boundary }: SendModelOptions = {},
): Promise<void> {
  const form = choose(request, REPRESENTATIONS.models);
  response.status(status);
  if (!form.multipart) {
    response.setHeader('content-type', form.type);
    await sendText(request, response, arrayOf(datasets));
    return;
  }
  const multipart = new MultipartWriter(boundary);
  response.setHeader('content-type', multipart.contentType(form.type));
  await sendText(request, response, partsOf(datasets, multipart, form.type));
}

/**
 * Answers with one data set, as JSON or as a Native DICOM Model.
 * @throws VoxgateError not-acceptable; bad-request when the client has left
 */
export async function sendModel(
  request: Request,
  response: Response,
  dataset: JsonDataset,
  { status = 200 }: SendModelOptions = {},
): Promise<void> {
  const { type } = choose(request, REPRESENTATIONS.model);
  response.status(status).setHeader('content-type', type);
  await sendText(request, response, [type === 'application/dicom+xml' ? nativeXml(dataset) : jsonText(dataset)]);
}

async function* arrayOf(datasets: AsyncIterable<string> | Iterable<string>): AsyncGenerator<string> {
  let before = '[';
  for await (const json of datasets) {
    yield before + json;
    before = ',';
  }
  yield before === '[' ? '[]' : ']';
}

async function* partsOf(
  datasets: AsyncIterable<string> | Iterable<string>,
  multipart: MultipartWriter,
  type: string,
): AsyncGenerator<string> {
  let parts = 0;
  for await (const json of datasets) {
    const dataset: JsonDataset = JSON.parse(json);
    yield multipart.head({ 'Content-Type': type }).toString() + nativeXml(dataset);
    parts += 1;
  }
  if (parts > 0) yield multipart.end().toString();
}

async function sendText(
  request: Request,
  response: Response,
  texts: AsyncIterable<string> | Iterable<string>,
): Promise<void> {
  const compressed = takesGzip(request);
  response.vary('Accept').vary('Accept-Encoding');
  const pieces = inPieces(texts);
  const first = await pieces.next();
  const second = first.done === true ? first : await pieces.next();
  if (first.done === true) {
    response.status(204).removeHeader('content-type');
    response.end();
  } else if (second.done === true) {
    await sendWhole(response, first.value, compressed);
  } else {
    await sendPieces(response, rest([first.value, second.value], pieces), compressed);
  }
}

/** Texts joined to pieces of a size that is worth a call. */
async function* inPieces(texts: AsyncIterable<string> | Iterable<string>): AsyncGenerator<Buffer, void, undefined> {
  let held: string[] = [];
  let length = 0;
  for await (const text of texts) {
    held.push(text);
    length += text.length;
    if (length < PIECE) continue;
    yield Buffer.from(held.join(''));
    held = [];
    length = 0;
  }
  if (length > 0) yield Buffer.from(held.join(''));
}

async function* rest(taken: readonly Buffer[], pieces: AsyncGenerator<Buffer, void, undefined>) {
  try {
    yield* taken;
    yield* pieces;
  } finally {
    await pieces.return();
  }
}

async function sendWhole(response: Response, text: Buffer, compressed: boolean): Promise<void> {
  const worthIt = compressed && text.length > COMPRESS_ABOVE;
  const body = worthIt ? await gzipped(text) : text;
  if (worthIt) response.setHeader('content-encoding', 'gzip');
  response.setHeader('content-length', body.length);
  response.end(body);
}

async function sendPieces(response: Response, pieces: AsyncGenerator<Buffer>, compressed: boolean): Promise<void> {
  if (compressed) response.setHeader('content-encoding', 'gzip');
  try {
    await (compressed ? pipeline(pieces, createGzip(GZIP), response) : pipeline(pieces, response));
  } catch (cause) {
    // Where the data sets failed, that is what is thrown.
    if (!(cause instanceof Error && 'code' in cause && LEFT.includes(String(cause.code)))) throw cause;
    throw new VoxgateError('bad-request', 'the client has left', { cause });
  }
}
