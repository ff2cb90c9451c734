import { once } from 'node:events';
import type { Response } from 'express';
import { VoxgateError } from '../errors.ts';

/** Writes and waits while the client is slow. @throws VoxgateError bad-request when the client has left */
export async function sendPiece(response: Response, piece: Uint8Array): Promise<void> {
  if (response.destroyed) throw new VoxgateError('bad-request', 'the client has left');
  if (response.write(piece)) return;
  await Promise.race([once(response, 'drain'), once(response, 'close')]);
}

export async function sendStream(response: Response, pieces: AsyncIterable<Buffer>): Promise<void> {
  for await (const piece of pieces) await sendPiece(response, piece);
}
