import { parentPort } from 'node:worker_threads';
import { sentenceOf, VoxgateError } from '../errors.ts';
import type { PixelReply, PixelRequest } from './pixel-messages.ts';
import { PIXEL_TASKS } from './pixel-tasks.ts';

/** The buffers of an answer that hold nothing else: they are moved. Small ones lie in a pool that others share. */
function ownBuffers(output: unknown): ArrayBuffer[] {
  if (typeof output !== 'object' || output === null) return [];
  const values = output instanceof Uint8Array ? [output] : Object.values(output);
  return values.flatMap((value: unknown) =>
    value instanceof Uint8Array && value.buffer instanceof ArrayBuffer && value.length === value.buffer.byteLength
      ? [value.buffer]
      : [],
  );
}

async function perform({ task, input }: PixelRequest): Promise<unknown> {
  const run: (input: never) => unknown = PIXEL_TASKS[task];
  // The pool gives a task the input of its name.
  return await run(input as never);
}

const answer = (reply: PixelReply, move: ArrayBuffer[] = []): void => {
  try {
    parentPort?.postMessage(reply, move);
  } catch {
    // A buffer that was made outside JavaScript may have to stay where it is.
    parentPort?.postMessage(reply);
  }
};

parentPort?.on('message', (request: PixelRequest) => {
  perform(request).then(
    (output) => answer({ ok: true, output }, ownBuffers(output)),
    (error: unknown) =>
      answer({ ok: false, code: error instanceof VoxgateError ? error.code : undefined, message: sentenceOf(error) }),
  );
});
