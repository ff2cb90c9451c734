import { deflateRawSync } from 'node:zlib';
import { readableSyntax } from '../dicom/transfer-syntaxes.ts';
import { VoxgateError } from '../errors.ts';
import { type Encoder, encodeWithCodec } from './codecs.ts';
import { type DecodedFrame, decodeFrame, type FrameLayout } from './decode.ts';
import { interleaved } from './frame-layout.ts';

/** What can be written, all of it without loss (PS3.5 Annex A.4). JPEG XL is not: nobody else here could judge it. */
const ENCODERS: Readonly<Record<string, Encoder | 'deflate'>> = {
  '1.2.840.10008.1.2.5': 'rle',
  '1.2.840.10008.1.2.4.57': 'jpeg-lossless',
  '1.2.840.10008.1.2.4.70': 'jpeg-lossless',
  '1.2.840.10008.1.2.4.80': 'jpeg-ls',
  '1.2.840.10008.1.2.4.90': 'jpeg-2000',
  '1.2.840.10008.1.2.4.201': 'htj2k',
  '1.2.840.10008.1.2.4.202': 'htj2k-rpcl',
  '1.2.840.10008.1.2.8.1': 'deflate',
};

/** Transfer syntaxes in which frames can be written. */
export const ENCODABLE: readonly string[] = Object.keys(ENCODERS);

export function isEncodable(transferSyntaxUid: string): boolean {
  return Object.hasOwn(ENCODERS, transferSyntaxUid);
}

/**
 * One decoded frame in a lossless transfer syntax. It is decoded again and compared before it is given out: codecs leave
 * out bits above Bits Stored, and some fail at sizes of samples that they are not often given.
 *
 * @throws VoxgateError not-acceptable where that syntax cannot hold these pixels exactly
 */
export async function encodeFrame(
  frame: DecodedFrame,
  layout: FrameLayout,
  transferSyntaxUid: string,
): Promise<DecodedFrame> {
  const encoder = ENCODERS[transferSyntaxUid];
  if (encoder === undefined) throw refused(transferSyntaxUid, 'there is no encoder for it here');
  const colour = frame.photometricInterpretation;
  if (encoder === 'deflate') return { ...frame, bytes: deflateRawSync(frame.bytes) };
  const { rows, columns, samplesPerPixel, bitsAllocated } = layout;
  if (![8, 16, 32].includes(bitsAllocated) || (bitsAllocated === 32 && encoder !== 'rle'))
    throw refused(transferSyntaxUid, `Bits Allocated is ${bitsAllocated}`);
  if (frame.bytes.length !== (rows * columns * samplesPerPixel * bitsAllocated) / 8)
    throw refused(transferSyntaxUid, 'the colour of the image is subsampled');
  const mixes = samplesPerPixel === 3 && ['jpeg-2000', 'htj2k', 'htj2k-rpcl'].includes(encoder);
  if (mixes && colour !== 'RGB') throw refused(transferSyntaxUid, `it is not written of ${colour} pixels`);
  const bytes = frame.planarConfiguration === 1 ? interleaved(frame.bytes, layout) : frame.bytes;
  // Colour is taken as it is: RGB means that nobody converts it on the way back.
  const plain: FrameLayout = {
    ...layout,
    planarConfiguration: 0,
    transferSyntaxUid,
    photometricInterpretation: samplesPerPixel === 3 ? 'RGB' : colour,
  };
  const encoded = await attempt(transferSyntaxUid, () => encodeWithCodec(encoder, bytes, withColour(plain, colour)));
  const again = await attempt(transferSyntaxUid, () => decodeFrame(encoded, plain));
  if (again.planarConfiguration !== 0 || Buffer.compare(again.bytes, bytes) !== 0)
    throw refused(transferSyntaxUid, 'what is decoded of it is not what was encoded');
  return { bytes: encoded, planarConfiguration: 0, photometricInterpretation: mixes ? 'YBR_RCT' : colour };
}

function withColour(layout: FrameLayout, photometricInterpretation: string): FrameLayout {
  return { ...layout, photometricInterpretation };
}

async function attempt<T>(transferSyntaxUid: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    throw refused(transferSyntaxUid, 'the encoder refused the frame', cause);
  }
}

function refused(transferSyntaxUid: string, why: string, cause?: unknown): VoxgateError {
  const { name } = readableSyntax(transferSyntaxUid);
  return new VoxgateError('not-acceptable', `the frame cannot be had in ${name} (${transferSyntaxUid}): ${why}`, {
    cause,
  });
}
