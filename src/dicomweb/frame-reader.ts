import type { Archive, LocatedInstance } from '../archive/archive.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN, readableSyntax } from '../dicom/transfer-syntaxes.ts';
import type { PixelCache } from '../imaging/pixel-cache.ts';
import type { PixelPool } from '../imaging/pixel-pool.ts';
import { asStored } from './as-stored.ts';

/** One frame as it is given out. */
export interface GivenFrame {
  readonly bytes: Uint8Array;
  /** How colour lies in the pixels: known of what was decoded, whose metadata may say otherwise of what is stored. */
  readonly photometricInterpretation?: string;
  readonly planarConfiguration?: 0 | 1;
}

export interface FrameReaderParts {
  readonly archive: Archive;
  readonly pixels: PixelPool;
  readonly pixelCache: PixelCache;
}

/**
 * Reads frames of an instance in a transfer syntax. What lies in the file as it is wanted is read from there, and no pixel is
 * touched; all else is made in the pixel threads, and kept.
 *
 * @returns a function of the frame's number, counted from 1; it throws VoxgateError not-found where there is no such frame
 *   or the object is broken, undecodable or not-acceptable where the frame cannot be had in that syntax
 */
export function frameReader(
  { archive, pixels, pixelCache }: FrameReaderParts,
  instance: LocatedInstance,
  transferSyntaxUid: string,
  signal: () => AbortSignal,
): (frame: number) => Promise<GivenFrame> {
  const { encapsulated } = readableSyntax(instance.transferSyntaxUid);
  const isStored = encapsulated
    ? transferSyntaxUid === instance.transferSyntaxUid
    : transferSyntaxUid === EXPLICIT_VR_LITTLE_ENDIAN;
  return async (frame) => {
    const key = `${instance.storageKey} ${frame} ${transferSyntaxUid}`;
    const { file, ranges } = await archive.framePlace(instance, frame);
    if (isStored && ranges) {
      const read = async (): Promise<GivenFrame> => ({ bytes: await archive.readRanges(instance, ranges) });
      return asStored(lengthOf(ranges) > LARGEST_KEPT_BYTES ? read() : pixelCache.getCheap(key, read));
    }
    const make = (stop: AbortSignal) =>
      pixels.run('deliver-frame', { file, frame, ranges, transferSyntaxUid }, { signal: stop });
    return asStored(pixelCache.get(key, make, signal()));
  };
}

/** Of frames that are given as they lie in the file: opening it is what takes time, not the reading of long ones. */
const LARGEST_KEPT_BYTES = 1024 * 1024;

function lengthOf(ranges: readonly (readonly [number, number])[]): number {
  return ranges.reduce((sum, [, length]) => sum + length, 0);
}
