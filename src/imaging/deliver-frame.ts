import { EXPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transfer-syntaxes.ts';
import { VoxgateError } from '../errors.ts';
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

export interface DeliveredFrame {
  readonly bytes: Uint8Array;
  /** How colour lies in the pixels, which decoding may have changed. */
  readonly photometricInterpretation: string;
  readonly planarConfiguration: 0 | 1;
}

/** @throws VoxgateError not-found, not-dicom, undecodable, too-large, not-acceptable */
export async function deliverFrame({ file, frame, ranges, transferSyntaxUid }: FrameOrder): Promise<DeliveredFrame> {
  if (transferSyntaxUid !== EXPLICIT_VR_LITTLE_ENDIAN)
    throw new VoxgateError('not-acceptable', `frames are not written in transfer syntax ${transferSyntaxUid}`);
  return decodedFrame(file, openImage(file), frame, ranges);
}
