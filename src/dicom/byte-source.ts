import { readSync } from 'node:fs';

/** Bytes that can be read at any place, one after the other in the same thread. */
export interface ByteSource {
  readonly size: number;
  /** The bytes from `offset`; fewer than `length` only where the source ends. They must not be written to. */
  read(offset: number, length: number): Buffer;
}

export function bufferSource(buffer: Uint8Array): ByteSource {
  const bytes = Buffer.from(buffer.buffer, buffer.byteOffset, buffer.length);
  return {
    size: bytes.length,
    read: (offset, length) => bytes.subarray(Math.max(0, offset), Math.max(0, offset + length)),
  };
}

/** Headers fit into one page or two; a page is also what walking over fragments costs. */
const PAGE = 64 * 1024;

/**
 * A file that is open for reading, through a cache of one page. Reads block: 0.2 ms a file against 1.4 ms through
 * the promise API, so this belongs into a worker. The caller keeps and closes the descriptor.
 */
export function fileSource(fd: number, size: number): ByteSource {
  let page: Buffer = Buffer.alloc(0);
  let pageStart = 0;
  return {
    size,
    read(offset, length) {
      const wanted = Math.max(0, Math.min(length, size - offset));
      if (wanted === 0) return Buffer.alloc(0);
      if (wanted >= PAGE) return readAt(fd, offset, wanted);
      if (offset < pageStart || offset + wanted > pageStart + page.length) {
        const aligned = offset - (offset % PAGE);
        pageStart = offset + wanted > aligned + PAGE ? offset : aligned;
        page = readAt(fd, pageStart, Math.min(PAGE, size - pageStart));
      }
      return page.subarray(offset - pageStart, offset - pageStart + wanted);
    },
  };
}

/** A page is never written to again, so what was handed out stays as it is. */
function readAt(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafeSlow(length);
  return bytes.subarray(0, readInto(fd, bytes, offset));
}

/** Fills `bytes` from `offset` of a file on, and says how far: less than its length only where the file ends. */
export function readInto(fd: number, bytes: Buffer, offset: number): number {
  let filled = 0;
  while (filled < bytes.length) {
    const got = readSync(fd, bytes, filled, bytes.length - filled, offset + filled);
    if (got === 0) break;
    filled += got;
  }
  return filled;
}
