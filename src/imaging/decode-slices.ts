import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { type ErrorCode, VoxgateError } from '../errors.ts';
import { spawnable } from '../spawnable.ts';
import { isNative } from './decode.ts';
import { openSlice } from './open-slice.ts';
import type { VolumeSlice } from './volume.ts';
import type { OpenSlot, SliceSource } from './volume-messages.ts';

export interface DecodeWork {
  readonly slices: readonly SliceSource[];
  readonly channels: 1 | 3;
  readonly asShown?: boolean | undefined;
  /** One 32-bit integer: the first slice that nobody has taken yet. */
  readonly next: SharedArrayBuffer;
}

export type DecodedSlice =
  | { readonly at: number; readonly slice: VolumeSlice }
  /** Without a code it is our own bug. */
  | { readonly code: ErrorCode | undefined; readonly message: string };

/** A thread takes 60 ms to begin and its codec 90 ms to load: that many compressed slices of 512 x 512 make it worth. */
const WORTH_A_THREAD_PIXELS = 24 * 512 * 512;

/**
 * All slices decoded, in their order. Compressed ones by two threads, this one and another, where there are two cores.
 * @throws VoxgateError undecodable, too-large, not-dicom
 */
export async function decodeSlices(
  slices: readonly SliceSource[],
  slot: Pick<OpenSlot, 'channels' | 'asShown'>,
): Promise<VolumeSlice[]> {
  const { channels, asShown } = slot;
  const pixels = slices.reduce(
    (sum, { header }) => sum + (isNative(header.transferSyntaxUid) ? 0 : header.rows * header.columns * channels),
    0,
  );
  const work: DecodeWork = { slices, channels, asShown, next: new SharedArrayBuffer(4) };
  const helper = pixels >= WORTH_A_THREAD_PIXELS && availableParallelism() > 1 ? helped(work) : undefined;
  const turn = new Int32Array(work.next);
  const decoded = new Array<VolumeSlice>(slices.length);
  try {
    for (let at = Atomics.add(turn, 0, 1); at < slices.length; at = Atomics.add(turn, 0, 1))
      decoded[at] = await openSlice(slices[at]!, slot);
  } catch (error) {
    Atomics.store(turn, 0, slices.length);
    await helper?.catch(() => undefined);
    throw error;
  }
  for (const [at, slice] of (await helper) ?? []) decoded[at] = slice;
  return decoded;
}

async function helped(work: DecodeWork): Promise<Map<number, VolumeSlice>> {
  const worker = new Worker(spawnable(import.meta.url, './decode-thread.ts'), { workerData: work });
  const slices = new Map<number, VolumeSlice>();
  let failure: Error | undefined;
  worker.on('message', (reply: DecodedSlice) => {
    if ('slice' in reply) slices.set(reply.at, reply.slice);
    else failure = reply.code ? new VoxgateError(reply.code, reply.message) : new Error(reply.message);
  });
  await once(worker, 'exit');
  if (failure) throw failure;
  return slices;
}
