import { EXPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transfer-syntaxes.ts';
import { VoxgateError } from '../errors.ts';
import type { DecodedFrame } from './decode.ts';
import { encodeFrame } from './encode.ts';
import { decodedFrame, type FrameRanges, type ImageFile, openImage } from './stored-image.ts';

/** One frame of a stored object, in a transfer syntax that it is not stored in. */
export interface FrameOrder {
  readonly file: ImageFile;
  /** Counted from 1. */
  readonly frame: number;
  /** Where it lies, if that is known. */
  readonly ranges: FrameRanges | undefined;
  readonly transferSyntaxUid: string;
}

/** Its bytes, and how colour lies in them, which decoding and encoding may have changed. */
export type DeliveredFrame = DecodedFrame;

/** @throws VoxgateError not-found, not-dicom, undecodable, too-large, not-acceptable */
export async function deliverFrame({ file, frame, ranges, transferSyntaxUid }: FrameOrder): Promise<DeliveredFrame> {
  const image = openImage(file);
  const decoded = await decodedFrame(file, image, frame, ranges);
  if (transferSyntaxUid === EXPLICIT_VR_LITTLE_ENDIAN) return decoded;
  // Float Pixel Data have no Pixel Representation (PS3.3 C.7.6.24); encodings are of integers (PS3.5 8.2).
  if (image.dataset[PIXEL_REPRESENTATION] === undefined)
    throw new VoxgateError(
      'not-acceptable',
      'the object has no Pixel Representation, so that its pixels are not encoded',
    );
  return encodeFrame(decoded, image.layout, transferSyntaxUid);
}

const PIXEL_REPRESENTATION = '00280103';
