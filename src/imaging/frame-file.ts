import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { frameIndex, readFrame } from '../dicom/frames.ts';
import { fileSource, parsePart10 } from '../dicom/parse.ts';
import { VoxgateError } from '../errors.ts';
import type { SliceSource } from './volume-messages.ts';

/**
 * The bytes of a slice's frame, for `decodeFrame`.
 *
 * @throws VoxgateError undecodable where the file has no such frame, not-dicom where it cannot be parsed
 */
export function readSliceFrame(slice: SliceSource): Uint8Array {
  const fd = openSync(slice.path, 'r');
  try {
    const { size } = fstatSync(fd);
    return slice.ranges ? readRanges(fd, size, slice.ranges) : parsedFrame(fd, size, slice.frame ?? 1);
  } finally {
    closeSync(fd);
  }
}

function readRanges(fd: number, size: number, ranges: NonNullable<SliceSource['ranges']>): Uint8Array {
  for (const [offset, length] of ranges) {
    if (!(offset >= 0 && length >= 0 && offset + length <= size)) {
      throw new VoxgateError(
        'undecodable',
        `A frame at ${offset} + ${length} lies beyond the ${size} bytes of its file.`,
      );
    }
  }
  const frame = new Uint8Array(ranges.reduce((sum, [, length]) => sum + length, 0));
  let at = 0;
  for (const [offset, length] of ranges) {
    readFully(fd, frame.subarray(at, at + length), offset);
    at += length;
  }
  return frame;
}

function parsedFrame(fd: number, size: number, frame: number): Uint8Array {
  const source = fileSource(fd, size);
  const index = frameIndex(parsePart10(source), source);
  if (!index || index.count < frame) throw new VoxgateError('undecodable', 'A slice has no whole frame in its file.');
  return readFrame(index, frame, source);
}

/** Fills `target` with the bytes of the file from `offset`. */
export function readFully(fd: number, target: Uint8Array, offset: number): void {
  for (let done = 0; done < target.length; ) {
    const got = readSync(fd, target, done, target.length - done, offset + done);
    if (got === 0) throw new VoxgateError('out-of-resources', 'A file became shorter while it was read.');
    done += got;
  }
}
