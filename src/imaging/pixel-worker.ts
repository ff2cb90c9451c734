import { parentPort } from 'node:worker_threads';
import { sentenceOf, VoxgateError } from '../errors.ts';
import type { PixelReply, PixelRequest } from './pixel-messages.ts';
import { PIXEL_TASKS } from './pixel-tasks.ts';

/**
 * An answer whose arrays of bytes each have a buffer to themselves, and those buffers, to be moved. Sent as it is, a view
 * would take along the whole buffer that it is a part of.
 */
function prepared(output: unknown): { readonly output: unknown; readonly move: ArrayBuffer[] } {
  const move: ArrayBuffer[] = [];
  const own = (value: unknown): unknown => {
    if (!(value instanceof Uint8Array)) return value;
    const isWhole = value.buffer instanceof ArrayBuffer && value.length === value.buffer.byteLength;
    const { buffer } = isWhole ? value : new Uint8Array(value);
    if (buffer instanceof ArrayBuffer) move.push(buffer);
    return new Uint8Array(buffer);
  };
  if (typeof output !== 'object' || output === null || output instanceof Uint8Array)
    return { output: own(output), move };
  const entries = Object.entries(output).map(([name, value]) => [name, own(value)]);
  return { output: Object.fromEntries(entries), move };
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
    (result) => {
      const { output, move } = prepared(result);
      answer({ ok: true, output }, move);
    },
    (error: unknown) =>
      answer({ ok: false, code: error instanceof VoxgateError ? error.code : undefined, message: sentenceOf(error) }),
  );
});
