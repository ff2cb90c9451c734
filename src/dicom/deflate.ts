import { constants, inflateRawSync, inflateSync } from 'node:zlib';
import type { ByteSource } from './byte-source.ts';

/** No more of a deflated data set is ever held in memory; a small file can claim to be a thousand times its size. */
export const INFLATE_LIMIT = 64 * 1024 * 1024;

export interface Inflated {
  readonly bytes: Buffer;
  /** False when the stream is broken, or longer than the limit; `bytes` is then a beginning of it. */
  readonly whole: boolean;
}

/**
 * Inflates a deflated data set (PS3.5 Annex A.5): RFC 1951, or with the RFC 1950 header that some writers add. Of a
 * stream that is broken or exceeds the limit, as much of the beginning as halving the input finds.
 */
export function inflate(source: ByteSource, offset: number, limit: number = INFLATE_LIMIT): Inflated {
  const compressed = source.read(offset, Math.min(source.size - offset, limit));
  const method = hasZlibHeader(compressed) ? inflateSync : inflateRawSync;
  try {
    // without Z_SYNC_FLUSH a truncated stream throws here, so what comes back is whole
    const bytes = method(compressed, { maxOutputLength: limit });
    return { bytes, whole: offset + compressed.length === source.size };
  } catch {
    return { bytes: beginning(compressed, method, limit), whole: false };
  }
}

function beginning(compressed: Buffer, method: typeof inflateRawSync, limit: number): Buffer {
  for (let length = compressed.length; length > 0; length = Math.floor(length / 2)) {
    try {
      const options = { maxOutputLength: limit, finishFlush: constants.Z_SYNC_FLUSH };
      return method(compressed.subarray(0, length), options);
    } catch {
      // half of it may do
    }
  }
  return Buffer.alloc(0);
}

/** RFC 1950 Section 2.2: method 8, check bits. A raw stream would begin with a stored block and odd bits behind it. */
function hasZlibHeader(bytes: Buffer): boolean {
  return bytes.length >= 2 && (bytes[0]! & 0x8f) === 0x08 && (bytes[0]! * 256 + bytes[1]!) % 31 === 0;
}
