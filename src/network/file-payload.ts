import { close, open, read } from 'node:fs';
import { promisify } from 'node:util';
import { VoxgateError } from '../errors.ts';
import type { PayloadSource } from './message-writer.ts';

// A handle of the promise API costs three times as much, once for each object that is sent.
const openFile = promisify(open);
const readFile = promisify(read);
const closeFile = promisify(close);

/** Up to this an object is one piece: a CT slice is read at one go. Longer ones come in pieces of it. */
const PIECE_BYTES = 1024 * 1024;
/** From here on a buffer is worth keeping. */
const KEPT_FROM = 64 * 1024;
const MOST_KEPT = 8;

/**
 * Buffers that are read into again and again: fresh memory costs a page fault for each of its pages, which was three
 * quarters of the time of a C-MOVE after a pause.
 */
const kept: Buffer[] = [];

function takeBuffer(length: number): Buffer {
  if (length < KEPT_FROM) return Buffer.allocUnsafeSlow(length);
  return kept.pop() ?? Buffer.allocUnsafeSlow(PIECE_BYTES);
}

/**
 * A data set as it lies in a file, read while it is sent: at most two pieces of it are in memory. The first is read when
 * it is opened, so that it is there when its turn comes. Whoever opened it closes it.
 */
export class FilePayload implements PayloadSource {
  readonly length: number;
  readonly #fd: number;
  readonly #offset: number;
  readonly #buffers: Buffer[];
  #read: number;
  #open = true;

  private constructor(fd: number, offset: number, length: number, first: Buffer) {
    this.#fd = fd;
    this.#offset = offset;
    this.length = length;
    this.#buffers = [first];
    this.#read = Math.min(length, PIECE_BYTES);
  }

  /** @throws VoxgateError not-found when the file is not there or too short */
  static async open(path: string, offset: number, length: number): Promise<FilePayload> {
    const fd = await openFile(path, 'r').catch((cause: NodeJS.ErrnoException) => {
      throw new VoxgateError('not-found', `the stored object is not on disk (${cause.code})`, { cause });
    });
    try {
      const first = takeBuffer(Math.min(length, PIECE_BYTES));
      await readExactly(fd, first, offset, Math.min(length, PIECE_BYTES));
      return new FilePayload(fd, offset, length, first);
    } catch (error) {
      await closeFile(fd);
      throw error;
    }
  }

  /** The writer has given each piece to the network before it asks for the next, so its buffer is read into again. */
  async *pieces(): AsyncGenerator<Buffer, void> {
    let piece = this.#buffers[0]!.subarray(0, this.#read);
    for (let turn = 1; ; turn = 1 - turn) {
      const size = Math.min(PIECE_BYTES, this.length - this.#read);
      if (size > 0) this.#buffers[turn] ??= takeBuffer(PIECE_BYTES);
      const into = this.#buffers[turn];
      const reading = size > 0 && into ? readExactly(this.#fd, into, this.#offset + this.#read, size) : undefined;
      // Awaited after the piece before it has been written; an error is no less one then.
      reading?.catch(() => undefined);
      yield piece;
      if (!reading) return;
      piece = await reading;
      this.#read += size;
    }
  }

  /** @param sent the peer has answered, so that nothing of it is on its way any more: the memory is used again */
  async close(sent = false): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    if (sent)
      for (const buffer of this.#buffers)
        if (buffer.length === PIECE_BYTES && kept.length < MOST_KEPT) kept.push(buffer);
    await closeFile(this.#fd);
  }
}

async function readExactly(fd: number, into: Buffer, offset: number, length: number): Promise<Buffer> {
  for (let filled = 0; filled < length; ) {
    const { bytesRead } = await readFile(fd, into, filled, length - filled, offset + filled);
    if (bytesRead === 0)
      throw new VoxgateError('not-found', 'the stored object is shorter on disk than it is recorded');
    filled += bytesRead;
  }
  return into.subarray(0, length);
}
