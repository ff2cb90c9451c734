import type { Response } from 'express';
import { VoxgateError } from '../errors.ts';

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

export async function sendStream(response: Response, pieces: AsyncIterable<Buffer>): Promise<void> {
  for await (const piece of pieces) await sendPiece(response, piece);
}
