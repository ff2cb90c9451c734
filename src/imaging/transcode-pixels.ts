import type { JsonDataset } from '../dicom/dataset.ts';
import { encapsulatedFrames } from '../dicom/encapsulated-frames.ts';
import { declaredFrames } from '../dicom/frame-size.ts';
import { frameIndex, readFrame } from '../dicom/frames.ts';
import type { ByteSource, ParsedObject, PixelDataLocation } from '../dicom/parse.ts';
import { number } from '../dicom/read-values.ts';
import { readableSyntax } from '../dicom/transfer-syntaxes.ts';
import { VoxgateError } from '../errors.ts';
import { type DecodedFrame, isDecodable } from './decode.ts';
import { decodeAsStored, layoutOf } from './frame-layout.ts';

/** Pixel data as they will be in the object that is written. */
export interface WrittenPixels {
  readonly vr: 'OB' | 'OW';
  /** Bytes of the value, the padding to even length included; FFFFFFFFH for fragments, which end by themselves. */
  readonly length: number;
  /** Where decoding changed how colour lies in the samples (PS3.3 C.7.6.3.1.2 and .3). */
  readonly photometricInterpretation: string | undefined;
  readonly planarConfiguration: 0 | 1 | undefined;
  /** One frame at a time, or what stands around it. @throws VoxgateError undecodable */
  frames(): AsyncGenerator<Uint8Array, void>;
}

const MAX_LENGTH = 0xfffffffe;
/**
 * Encapsulated pixel data of a data set, or of an item (an icon), to be decoded frame by frame. The first frame is
 * decoded here, since what it is like decides what the header says.
 *
 * @throws VoxgateError undecodable, too-large
 */
export async function plainPixels(
  { dataset, pixelData, transferSyntaxUid }: PixelObject,
  source: ByteSource,
): Promise<WrittenPixels> {
  const layout = layoutOf(dataset, transferSyntaxUid);
  if (!isDecodable(transferSyntaxUid)) throw undecodable(transferSyntaxUid, 'there is no decoder for it here');
  const parsed = { dataset, pixelData, transferSyntaxUid, bulk: new Map() };
  const { frames } = encapsulatedFrames(asObject(parsed), source);
  const declared = declaredFrames(dataset) ?? frames.length;
  if (frames.length === 0 || frames.length !== declared)
    throw undecodable(transferSyntaxUid, `${declared} frames are declared and ${frames.length} found`);
  const index = { kind: 'compressed', count: frames.length, frames, warnings: [] } as const;
  const decode = (frame: number): Promise<DecodedFrame> => decodeAsStored(readFrame(index, frame, source), layout);
  const first = await decode(1);
  const bits =
    layout.bitsAllocated === 1 ? layout.rows * layout.columns * layout.samplesPerPixel : first.bytes.length * 8;
  const bytes = Math.ceil((bits * frames.length) / 8);
  if (bytes > MAX_LENGTH)
    throw new VoxgateError('too-large', 'the pixel data do not fit into 4 GiB without compression');
  async function* each(): AsyncGenerator<Uint8Array, void> {
    for (let frame = 1; frame <= frames.length; frame++) {
      const decoded = frame === 1 ? first : await decode(frame);
      if (
        decoded.photometricInterpretation !== first.photometricInterpretation ||
        decoded.planarConfiguration !== first.planarConfiguration
      )
        throw undecodable(transferSyntaxUid, `frame ${frame} is of another colour than the first`);
      yield decoded.bytes;
    }
  }
  const changed = first.photometricInterpretation !== layout.photometricInterpretation;
  return {
    vr: layout.bitsAllocated > 8 ? 'OW' : 'OB',
    length: bytes + (bytes % 2),
    photometricInterpretation: changed ? first.photometricInterpretation : undefined,
    planarConfiguration: layout.samplesPerPixel > 1 ? first.planarConfiguration : undefined,
    frames: () => (bits % 8 === 0 ? each() : joinBits(each(), bits)),
  };
}

/** Pixel data and what is said of them. */
export interface PixelObject {
  readonly dataset: JsonDataset;
  readonly pixelData: PixelDataLocation;
  readonly transferSyntaxUid: string;
}

/** Only what finding frames asks for is looked at. */
function asObject(one: PixelObject & Pick<ParsedObject, 'bulk'>): ParsedObject {
  const rest = { meta: {}, dataSetOffset: 0, characterSet: [], deflated: false, warnings: [], complete: true };
  return { ...rest, ...one };
}

/** Frames of single bits follow each other without a gap (PS3.5 Section 8.1.1), where decoded ones begin at a byte. */
async function* joinBits(frames: AsyncIterable<Uint8Array>, bitsPerFrame: number): AsyncGenerator<Uint8Array, void> {
  let carried = 0;
  let carry = 0;
  for await (const frame of frames) {
    const bits = carried + bitsPerFrame;
    const joined = new Uint8Array(Math.ceil(bits / 8));
    joined[0] = carry;
    for (let i = 0; i < frame.length; i++) {
      joined[i] = joined[i]! | (frame[i]! << carried);
      if (i + 1 < joined.length) joined[i + 1] = frame[i]! >>> (8 - carried);
    }
    carried = bits % 8;
    carry = carried === 0 ? 0 : joined[joined.length - 1]! & ((1 << carried) - 1);
    yield carried === 0 ? joined : joined.subarray(0, -1);
  }
  if (carried > 0) yield new Uint8Array([carry]);
}

/** Native pixel data that lie in pieces, or whose words are of another size than their VR says, frame for frame. */
export function nativePixels(parsed: ParsedObject, source: ByteSource): WrittenPixels | undefined {
  const { pixelData, dataset } = parsed;
  if (pixelData?.tag !== '7FE00010' || (pixelData.swap === 1 && !pixelData.encapsulated)) return undefined;
  const index = frameIndex(parsed, source);
  if (index?.kind !== 'native' || index.count === 0 || index.bitsPerFrame % 8 !== 0)
    throw undecodable(parsed.transferSyntaxUid, 'its frames are not to be told apart');
  const length = (index.count * index.bitsPerFrame) / 8;
  // Inflated already, if it was deflated.
  const { deflatedFrom: _, ...plain } = index;
  async function* frames(): AsyncGenerator<Uint8Array, void> {
    for (let frame = 1; frame <= plain.count; frame++) yield readFrame(plain, frame, source);
  }
  return {
    vr: (number(dataset, 'BitsAllocated') ?? 16) > 8 ? 'OW' : 'OB',
    length: length + (length % 2),
    photometricInterpretation: undefined,
    planarConfiguration: undefined,
    frames,
  };
}

function undecodable(transferSyntaxUid: string, why: string): VoxgateError {
  const { name } = readableSyntax(transferSyntaxUid);
  return new VoxgateError('undecodable', `pixels in ${name} (${transferSyntaxUid}) cannot be decoded: ${why}`);
}
