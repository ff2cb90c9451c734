import { close, open, read } from 'node:fs';
import { promisify } from 'node:util';
import { VoxgateError } from '../errors.ts';
import type { PayloadSource } from './message-writer.ts';

// A handle of the promise API costs three times as much, once for each object that is sent.
const openFile = promisify(open);
const readFile = promisify(read);
const closeFile = promisify(close);

/** Pieces of a long object. */
const PIECE_BYTES = 256 * 1024;
/** Up to this an object is one piece: a CT slice is read at one go. */
const SHORT_BYTES = 1024 * 1024;

/**
 * A data set as it lies in a file, read while it is sent: at most two pieces of it are in memory. The first is read when
 * it is opened, so that it is there when its turn comes. Whoever opened it closes it.
 */
export class FilePayload implements PayloadSource {
  readonly length: number;
  readonly #fd: number;
  readonly #offset: number;
  #first: Buffer;
  #open = true;

  private constructor(fd: number, offset: number, length: number, first: Buffer) {
    this.#fd = fd;
    this.#offset = offset;
    this.length = length;
    this.#first = first;
  }

  /** @throws VoxgateError not-found when the file is not there or too short */
  static async open(path: string, offset: number, length: number): Promise<FilePayload> {
    const fd = await openFile(path, 'r').catch((cause: NodeJS.ErrnoException) => {
      throw new VoxgateError('not-found', `the stored object is not on disk (${cause.code})`, { cause });
    });
    try {
      return new FilePayload(fd, offset, length, await readExactly(fd, offset, firstPiece(length)));
    } catch (error) {
      await closeFile(fd);
      throw error;
    }
  }

  async *pieces(): AsyncGenerator<Buffer, void> {
    let at = this.#first.length;
    let piece = this.#first;
    this.#first = Buffer.alloc(0);
    for (;;) {
      const size = Math.min(PIECE_BYTES, this.length - at);
      const next = size > 0 ? readExactly(this.#fd, this.#offset + at, size) : undefined;
      // Awaited after the piece before it has been written; an error is no less one then.
      next?.catch(() => undefined);
      yield piece;
      if (!next) return;
      piece = await next;
      at += size;
    }
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await closeFile(this.#fd);
  }
}

function firstPiece(length: number): number {
  return length <= SHORT_BYTES ? length : PIECE_BYTES;
}

async function readExactly(fd: number, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(length);
  for (let filled = 0; filled < length; ) {
    const { bytesRead } = await readFile(fd, bytes, filled, length - filled, offset + filled);
    if (bytesRead === 0)
      throw new VoxgateError('not-found', 'the stored object is shorter on disk than it is recorded');
    filled += bytesRead;
  }
  return bytes;
}
