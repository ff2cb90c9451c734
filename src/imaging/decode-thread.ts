import { parentPort, workerData } from 'node:worker_threads';
import { sentenceOf, VoxgateError } from '../errors.ts';
import type { DecodedSlice, DecodeWork } from './decode-slices.ts';
import { openSlice } from './open-slice.ts';

/** Beside the volume process's own thread: takes the next slice that nobody has taken, until there is none. */
const { slices, channels, asShown, next } = workerData as DecodeWork;
const turn = new Int32Array(next);

async function work(): Promise<void> {
  for (let at = Atomics.add(turn, 0, 1); at < slices.length; at = Atomics.add(turn, 0, 1)) {
    const slice = await openSlice(slices[at]!, { channels, asShown });
    // A typed array on a part of a larger buffer would take all of it along.
    const { samples } = slice;
    const own = samples.byteLength === samples.buffer.byteLength ? samples : samples.slice();
    const message: DecodedSlice = { at, slice: { ...slice, samples: own } };
    parentPort!.postMessage(message, [own.buffer as ArrayBuffer]);
  }
}

work().then(
  () => parentPort!.close(),
  (error: unknown) => {
    // The others need not go on.
    Atomics.store(turn, 0, slices.length);
    const failure: DecodedSlice = {
      code: error instanceof VoxgateError ? error.code : undefined,
      message: sentenceOf(error),
    };
    parentPort!.postMessage(failure);
    parentPort!.close();
  },
);
