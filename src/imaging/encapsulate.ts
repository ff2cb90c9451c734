import { type FrameIndex, frameIndex, readFrame } from '../dicom/frames.ts';
import type { ByteSource, ParsedObject } from '../dicom/parse.ts';
import { readableSyntax } from '../dicom/transfer-syntaxes.ts';
import { VoxgateError } from '../errors.ts';
import type { DecodedFrame, FrameLayout } from './decode.ts';
import { encodeFrame } from './encode.ts';
import { decodeAsStored, layoutOf } from './frame-layout.ts';
import type { WrittenPixels } from './transcode-pixels.ts';

const UNDEFINED_LENGTH = 0xffffffff;
const PIXEL_REPRESENTATION = '00280103';

/**
 * The pixel data of an object as they will be in a lossless encapsulated transfer syntax, frame by frame; undefined for one
 * without Pixel Data. The first frame is encoded here, since what it is like decides what the header says.
 *
 * @throws VoxgateError undecodable, not-acceptable: why it cannot be done
 */
export async function encapsulatedPixels(
  parsed: ParsedObject,
  source: ByteSource,
  targetSyntaxUid: string,
): Promise<WrittenPixels | undefined> {
  const { pixelData, dataset, transferSyntaxUid } = parsed;
  if (pixelData === undefined) return undefined;
  const index = frameIndex(parsed, source);
  const why = cannot(parsed, index?.count ?? 0, index?.warnings ?? []);
  if (index === undefined || why !== undefined)
    throw new VoxgateError('not-acceptable', `the object cannot be had in transfer syntax ${targetSyntaxUid}: ${why}`);
  const layout = layoutOf(dataset, transferSyntaxUid);
  const plain = inflated(index);
  const encode = async (frame: number): Promise<DecodedFrame> => {
    const stored = readFrame(plain, frame, source);
    return encodeFrame(await decoded(stored, layout), layout, targetSyntaxUid);
  };
  const first = await encode(1);
  async function* items(): AsyncGenerator<Uint8Array, void> {
    // The Basic Offset Table is left empty (PS3.5 Annex A.4): how long the frames are is known when they are encoded.
    yield itemOf(0);
    for (let number = 1; number <= plain.count; number++) {
      const frame = number === 1 ? first : await encode(number);
      if (frame.photometricInterpretation !== first.photometricInterpretation)
        throw new VoxgateError('undecodable', `frame ${number} is of another colour than the first`);
      yield itemOf(frame.bytes.length + (frame.bytes.length % 2));
      yield frame.bytes;
      if (frame.bytes.length % 2 === 1) yield new Uint8Array(1);
    }
    yield SEQUENCE_DELIMITATION;
  }
  const changed = first.photometricInterpretation !== layout.photometricInterpretation;
  return {
    vr: 'OB',
    length: UNDEFINED_LENGTH,
    photometricInterpretation: changed ? first.photometricInterpretation : undefined,
    planarConfiguration: layout.samplesPerPixel > 1 ? first.planarConfiguration : undefined,
    frames: items,
  };
}

function cannot({ dataset, pixelData }: ParsedObject, count: number, warnings: readonly string[]): string | undefined {
  if (pixelData?.tag !== '7FE00010' || dataset[PIXEL_REPRESENTATION] === undefined) return 'its pixels are no integers';
  if (count === 0 || warnings.length > 0) return warnings[0] ?? 'it has no frames';
  return undefined;
}

async function decoded(stored: Uint8Array, layout: FrameLayout): Promise<DecodedFrame> {
  if (readableSyntax(layout.transferSyntaxUid).encapsulated) return decodeAsStored(stored, layout);
  return { ...layout, bytes: stored };
}

/** The source is inflated already, if the data set was deflated. */
function inflated(index: FrameIndex): FrameIndex {
  if (index.kind === 'compressed') return index;
  const { deflatedFrom: _, ...plain } = index;
  return plain;
}

function itemOf(length: number): Uint8Array {
  const head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
  head.writeUInt32LE(length, 4);
  return head;
}

const SEQUENCE_DELIMITATION = Buffer.from([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
