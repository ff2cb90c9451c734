import type { Request, Response } from 'express';
import { VoxgateError } from '../errors.ts';
import { byteRangeOf } from './byte-range.ts';
import { isAnswered, isStillThat, type Validators } from './conditional.ts';

/** Writes and waits while the client is slow. @throws VoxgateError bad-request when the client has left */
export async function sendPiece(response: Response, piece: Uint8Array): Promise<void> {
  if (response.destroyed) throw new VoxgateError('bad-request', 'the client has left');
  if (response.write(piece)) return;
  // once() of node:events would leave its listener for the event that did not come: one for each slow piece.
  await new Promise<void>((resolve) => {
    const goOn = (): void => {
      response.off('drain', goOn).off('close', goOn);
      resolve();
    };
    response.on('drain', goOn).on('close', goOn);
  });
}

/**
 * Sends pieces as they are read; who leaves ends the reading.
 * @param size what they must amount to: a file that has become shorter must not leave the client waiting for the rest
 * @param head what stands before them
 * @throws VoxgateError bad-request when the client has left; not-found when there was less
 */
export async function sendStream(
  response: Response,
  pieces: AsyncIterable<Buffer>,
  size: number,
  head?: Buffer,
): Promise<void> {
  let sent = 0;
  for await (const piece of onDisk(pieces)) {
    // A few lines and what stands behind them leave at once.
    const withHead = sent === 0 && head !== undefined;
    if (withHead) {
      response.cork();
      response.write(head);
    }
    const taken = sendPiece(response, piece);
    if (withHead) response.uncork();
    await taken;
    sent += piece.length;
  }
  if (sent !== size) throw new VoxgateError('not-found', `the stored object ends after ${sent} of ${size} bytes`);
}

/** What was deleted since it was located is nothing found, and no fault of ours. */
async function* onDisk(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  try {
    yield* pieces;
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'ENOENT')) throw cause;
    throw new VoxgateError('not-found', 'the stored object is not on disk', { cause });
  }
}

/** Aborted when the client leaves before its answer is complete. */
export function leaving(response: Response): AbortSignal {
  const controller = new AbortController();
  const left = (): void => {
    if (!response.writableFinished) controller.abort(new VoxgateError('bad-request', 'the client has left'));
  };
  if (response.destroyed) left();
  else response.once('close', left);
  return controller.signal;
}

/** Bytes of which any part can be had. */
export interface SizedBody {
  readonly contentType: string;
  readonly size: number;
  readonly validators: Validators;
  /** The bytes from `start` up to, and not with, `end`. */
  read(start: number, end: number): AsyncIterable<Buffer>;
}

/**
 * Answers with a body alone: conditions, HEAD, and one range of it (RFC 9110 13 and 14); several ranges at once are
 * answered with the whole.
 * @throws VoxgateError bad-request when the client has left
 */
export async function sendSized(request: Request, response: Response, body: SizedBody): Promise<void> {
  const { contentType, size, validators } = body;
  response.vary('Accept').setHeader('accept-ranges', 'bytes');
  if (isAnswered(request, response, validators)) return;
  response.setHeader('content-type', contentType);
  const asksRange = request.method === 'GET' && isStillThat(request.get('if-range'), validators);
  const range = asksRange ? byteRangeOf(request.headers.range, size) : undefined;
  if (range === 'unsatisfiable') {
    response.status(416).setHeader('content-range', `bytes */${size}`);
    response.json({ error: `the range is not within the ${size} bytes that there are` });
    return;
  }
  const { start, end } = range ?? { start: 0, end: size };
  if (range !== undefined) {
    response.status(206).setHeader('content-range', `bytes ${start}-${end - 1}/${size}`);
  }
  response.setHeader('content-length', end - start);
  if (request.method !== 'HEAD' && end > start) await sendStream(response, body.read(start, end), end - start);
  response.end();
}
