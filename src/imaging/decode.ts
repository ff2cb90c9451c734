import { inflateRawSync } from 'node:zlib';
import { readableSyntax } from '../dicom/transfer-syntaxes.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';
import { type Codec, decodeWithCodec } from './codecs.ts';
import { type Codestream, codestreamOf, isWhole } from './codestream.ts';
import { decodeRle } from './rle.ts';
import type { SliceHeader } from './slice-header.ts';

/** What a decoder has to know of an image. */
export type FrameLayout = Pick<
  SliceHeader,
  | 'rows'
  | 'columns'
  | 'samplesPerPixel'
  | 'planarConfiguration'
  | 'photometricInterpretation'
  | 'bitsAllocated'
  | 'bitsStored'
  | 'highBit'
  | 'pixelRepresentation'
  | 'transferSyntaxUid'
>;

/** One frame as native little endian bytes, and how its colour lies in them. */
export interface DecodedFrame {
  readonly bytes: Uint8Array;
  readonly planarConfiguration: 0 | 1;
  readonly photometricInterpretation: string;
}

type Encoding = 'native' | 'deflated-frame' | 'rle' | Codec;

/** PS3.5 Annex A and PS3.6 Table A-1. */
const ENCODINGS: Readonly<Record<string, Encoding>> = {
  '1.2.840.10008.1.2': 'native',
  '1.2.840.10008.1.2.1': 'native',
  '1.2.840.10008.1.2.1.98': 'native',
  '1.2.840.10008.1.2.1.99': 'native',
  '1.2.840.10008.1.2.2': 'native',
  '1.2.840.10008.1.2.5': 'rle',
  '1.2.840.10008.1.2.4.50': 'jpeg',
  '1.2.840.10008.1.2.4.51': 'jpeg',
  '1.2.840.10008.1.2.4.53': 'jpeg',
  '1.2.840.10008.1.2.4.55': 'jpeg',
  '1.2.840.10008.1.2.4.57': 'jpeg',
  '1.2.840.10008.1.2.4.70': 'jpeg',
  '1.2.840.10008.1.2.4.80': 'jpeg-ls',
  '1.2.840.10008.1.2.4.81': 'jpeg-ls',
  '1.2.840.10008.1.2.4.90': 'jpeg-2000',
  '1.2.840.10008.1.2.4.91': 'jpeg-2000',
  '1.2.840.10008.1.2.4.110': 'jpeg-xl',
  '1.2.840.10008.1.2.4.111': 'jpeg-xl',
  '1.2.840.10008.1.2.4.112': 'jpeg-xl',
  '1.2.840.10008.1.2.4.201': 'htj2k',
  '1.2.840.10008.1.2.4.202': 'htj2k',
  '1.2.840.10008.1.2.4.203': 'htj2k',
  '1.2.840.10008.1.2.8.1': 'deflated-frame',
};

/** A whole-slide or mammography frame is far below it; what is above is a mistake or an attack. */
const LARGEST_FRAME_BYTES = 2 ** 29;

/** Whether frames of that transfer syntax can be decoded here. */
export function isDecodable(transferSyntaxUid: string): boolean {
  return Object.hasOwn(ENCODINGS, transferSyntaxUid);
}

/** Whether frames of that transfer syntax are their pixels. */
export function isNative(transferSyntaxUid: string): boolean {
  return ENCODINGS[transferSyntaxUid] === 'native';
}

/** What `decodeFrame` makes of a frame of such a syntax, at once. @throws VoxgateError undecodable, too-large */
export function nativeFrame(bytes: Uint8Array, layout: FrameLayout): Uint8Array {
  return exactly(bytes, frameBytes(layout, 'native'), layout);
}

/**
 * One frame as native little endian bytes of rows × columns × samples × bits allocated. `encoded` is what `readFrame` of
 * dicom/frames.ts gives: fragments joined, native frames inflated and in little endian already.
 * Colour of JPEG, JPEG 2000 and JPEG XL comes out as RGB; of other encodings it stays as stored. Stored values are
 * not inverted for MONOCHROME1: that interpretation concerns display only (PS3.3 C.7.6.3.1.2).
 *
 * @throws VoxgateError undecodable, naming the transfer syntax; too-large for a frame above 512 MiB
 */
export async function decodeFrame(encoded: Uint8Array, layout: FrameLayout): Promise<DecodedFrame> {
  const encoding = ENCODINGS[layout.transferSyntaxUid];
  if (encoding === undefined) throw undecodable(layout, 'there is no decoder for it here');
  const expected = frameBytes(layout, encoding);
  const { planarConfiguration, photometricInterpretation } = layout;
  const asStored = (bytes: Uint8Array): DecodedFrame => ({ bytes, planarConfiguration, photometricInterpretation });

  switch (encoding) {
    case 'native':
      return asStored(exactly(encoded, expected, layout));
    case 'deflated-frame':
      return asStored(exactly(inflated(encoded, expected, layout), expected, layout));
    case 'rle':
      return { bytes: unpacked(encoded, layout), planarConfiguration: 0, photometricInterpretation };
    default: {
      const stream = encoding === 'jpeg-xl' ? undefined : checkedStream(encoded, layout);
      const frame = await codec(encoded, encoding, layout);
      // CharLS leaves components of separate scans one behind the other.
      const byPlane = encoding === 'jpeg-ls' && stream !== undefined && stream.componentsInScan < stream.components;
      return { ...frame, bytes: exactly(frame.bytes, expected, layout), planarConfiguration: byPlane ? 1 : 0 };
    }
  }
}

function frameBytes(layout: FrameLayout, encoding: Encoding): number {
  const { rows, columns, samplesPerPixel, bitsAllocated, bitsStored, highBit } = layout;
  const bits = [1, 8, 16, 32].includes(bitsAllocated) && bitsStored >= 1 && bitsStored <= bitsAllocated;
  if (!bits || highBit < bitsStored - 1 || highBit >= bitsAllocated) {
    throw undecodable(
      layout,
      `Bits Allocated ${bitsAllocated}, Bits Stored ${bitsStored}, High Bit ${highBit} do not fit`,
    );
  }
  // Subsampled colour stays subsampled in native encodings: two bytes for each pixel (PS3.3 C.7.6.3.1.2).
  const samples = encoding === 'native' && layout.photometricInterpretation === 'YBR_FULL_422' ? 2 : samplesPerPixel;
  const bytes = Math.ceil((rows * columns * samples * bitsAllocated) / 8);
  if (!(bytes > 0)) throw undecodable(layout, 'the image has no pixels');
  if (bytes > LARGEST_FRAME_BYTES) {
    throw new VoxgateError(
      'too-large',
      `A frame of ${columns} x ${rows} pixels takes ${bytes} bytes; the limit is ${LARGEST_FRAME_BYTES}.`,
    );
  }
  return bytes;
}

/** One byte more is the padding of an odd frame to even length (PS3.5 8.1.1). */
function exactly(bytes: Uint8Array, expected: number, layout: FrameLayout): Uint8Array {
  const padded = expected % 2 === 1 && bytes.length === expected + 1;
  if (bytes.length !== expected && !padded) {
    throw undecodable(layout, `a frame holds ${bytes.length} bytes where ${expected} are expected`);
  }
  return bytes.subarray(0, expected);
}

function inflated(encoded: Uint8Array, expected: number, layout: FrameLayout): Uint8Array {
  try {
    return inflateRawSync(encoded, { maxOutputLength: expected + 1 });
  } catch (cause) {
    throw undecodable(layout, 'a deflated frame does not inflate to the size of the image', cause);
  }
}

function unpacked(encoded: Uint8Array, layout: FrameLayout): Uint8Array {
  try {
    return decodeRle(encoded, { ...layout, pixels: layout.rows * layout.columns });
  } catch (cause) {
    throw undecodable(layout, sentenceOf(cause), cause);
  }
}

/** Codecs believe the size in the stream; it has to be that of the image before they allocate for it. */
function checkedStream(encoded: Uint8Array, layout: FrameLayout): Codestream {
  const stream = codestreamOf(encoded);
  if (stream === undefined) throw undecodable(layout, 'the frame does not begin with the header of such a stream');
  const { columns, rows, samplesPerPixel } = layout;
  if (stream.columns !== columns || stream.rows !== rows || stream.components !== samplesPerPixel) {
    throw undecodable(
      layout,
      `the stream is ${stream.columns} x ${stream.rows} x ${stream.components}, the image ${columns} x ${rows} x ${samplesPerPixel}`,
    );
  }
  if (!isWhole(encoded)) throw undecodable(layout, 'the stream is cut off before its end');
  return stream;
}

async function codec(encoded: Uint8Array, name: Codec, layout: FrameLayout): ReturnType<typeof decodeWithCodec> {
  try {
    return await decodeWithCodec(name, encoded, layout);
  } catch (cause) {
    throw undecodable(layout, 'the decoder refused the frame', cause);
  }
}

function undecodable(layout: FrameLayout, why: string, cause?: unknown): VoxgateError {
  const { name } = readableSyntax(layout.transferSyntaxUid);
  return new VoxgateError('undecodable', `Pixels in ${name} (${layout.transferSyntaxUid}) cannot be decoded: ${why}.`, {
    cause,
  });
}
