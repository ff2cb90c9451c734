import { number, text } from '../dicom/read-values.ts';
import { VoxgateError } from '../errors.ts';
import { type DecodedFrame, type FrameLayout, isNative, nativeFrame } from './decode.ts';
import { decodeAsStored, layoutOf } from './frame-layout.ts';
import { fromPalette, toRgb } from './render-colour.ts';
import {
  type GreySteps,
  identity,
  inverse,
  modalityStep,
  type Padding,
  type Range,
  type StoredValues,
  toGrey,
  voiStep,
  windowStep,
  wordsToGrey,
} from './render-grey.ts';
import type { OpenedObject } from './render-object.ts';
import type { Picture, Window } from './render-request.ts';
import { paletteOf } from './render-tables.ts';
import { samplesOf } from './samples.ts';

/**
 * One frame as it is to be seen, in the pixels that it was stored in. A window that is asked for takes the place of the
 * image's own; it means nothing to colour (PS3.4 N.2).
 *
 * @param greySteps of a presentation state, in place of what the image itself and the window say
 * @throws VoxgateError not-found, not-dicom, undecodable, too-large
 */
export async function renderFrame(
  object: OpenedObject,
  frame: number,
  { window, greySteps }: { readonly window?: Window | undefined; readonly greySteps?: GreySteps | undefined } = {},
): Promise<Picture> {
  const layout = layoutOf(object.dataset, object.transferSyntaxUid);
  const size = { width: layout.columns, height: layout.rows };
  if (layout.samplesPerPixel === 3) {
    const decoded = await decodeAsStored(object.readFrame(frame), layout);
    return { ...size, channels: 3, data: toRgb(decoded, layout) };
  }
  if (layout.samplesPerPixel !== 1)
    throw new VoxgateError('undecodable', `images of ${layout.samplesPerPixel} samples a pixel cannot be shown here`);
  const signed = layout.pixelRepresentation === 1;
  switch (layout.photometricInterpretation) {
    case 'PALETTE COLOR': {
      const values = await storedValues(object, frame, layout);
      return { ...size, channels: 3, data: fromPalette(values, paletteOf(object, object.dataset, signed)) };
    }
    case 'MONOCHROME1':
    case 'MONOCHROME2':
      break;
    default:
      throw new VoxgateError(
        'undecodable',
        `images of one sample a pixel in ${layout.photometricInterpretation} cannot be shown here`,
      );
  }
  const steps = (): GreySteps => greySteps ?? stepsOf(object, frame, layout, window);
  const native = nativeGreys(object, frame, layout, steps);
  if (native) return { ...size, channels: 1, data: native };
  const values = await storedValues(object, frame, layout);
  return { ...size, channels: 1, data: toGrey(values, steps(), storable(layout), paddingOf(object, layout)) };
}

/** Most pictures in turn are of one size: their frames are read into one place, since new memory costs more than reading. */
const LARGEST_ROOM = 8 * 2 ** 20;
let room = Buffer.alloc(0);

/** Words of 16 bits that need no decoder, at once: nothing else is read into the room before they are done with. */
function nativeGreys(
  object: OpenedObject,
  frame: number,
  layout: FrameLayout,
  stepsOfFrame: () => GreySteps,
): Uint8Array | undefined {
  if (layout.bitsAllocated !== 16 || object.pixelTag !== '7FE00010' || !isNative(layout.transferSyntaxUid))
    return undefined;
  const size = layout.rows * layout.columns * 2;
  if (room.length < size && size <= LARGEST_ROOM) room = Buffer.allocUnsafeSlow(size);
  const bytes = nativeFrame(object.readFrame(frame, room), layout);
  const steps = stepsOfFrame();
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  const words = new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.length / 2);
  const greys = wordsToGrey(words, steps, layout);
  if (greys) return greys;
  const { photometricInterpretation, planarConfiguration } = layout;
  const values = samplesOf({ bytes, photometricInterpretation, planarConfiguration }, layout);
  return toGrey(values, steps, storable(layout), paddingOf(object, layout));
}

/** The stored values of a frame of one sample a pixel. */
export async function storedValues(object: OpenedObject, frame: number, layout: FrameLayout): Promise<StoredValues> {
  const bytes = object.readFrame(frame);
  if (object.pixelTag === '7FE00008' || object.pixelTag === '7FE00009') return floats(bytes, object.pixelTag);
  const decoded = await decodeAsStored(bytes, layout);
  return layout.bitsAllocated === 1 ? bitsOf(decoded, layout) : samplesOf(decoded, layout);
}

function floats(bytes: Buffer, tag: '7FE00008' | '7FE00009'): Float32Array | Float64Array {
  const own = Uint8Array.from(bytes).buffer;
  const width = tag === '7FE00008' ? 4 : 8;
  if (own.byteLength % width !== 0) throw new VoxgateError('undecodable', 'the frame does not hold whole numbers');
  return width === 4 ? new Float32Array(own) : new Float64Array(own);
}

/** Single bits, the first in the lowest bit of the first byte (PS3.5 8.1.1). */
function bitsOf({ bytes }: DecodedFrame, { rows, columns }: FrameLayout): Uint8Array {
  const bits = new Uint8Array(rows * columns);
  for (let i = 0; i < bits.length; i++) bits[i] = (bytes[i >> 3]! >> (i & 7)) & 1;
  return bits;
}

function stepsOf(object: OpenedObject, frame: number, layout: FrameLayout, window: Window | undefined): GreySteps {
  const { dataset } = object;
  const modality = modalityStep(object, frame, layout.pixelRepresentation === 1);
  const voi = window ? windowStep(window) : (voiStep(object, frame) ?? wholeRange(object, layout, modality));
  // Both say the same of an image whose lowest value is white (PS3.3 C.7.6.3.1.2, C.11.6.1.2).
  const isInverse =
    layout.photometricInterpretation === 'MONOCHROME1' || text(dataset, 'PresentationLUTShape')?.trim() === 'INVERSE';
  return { modality, voi, presentation: isInverse ? inverse : identity };
}

/** Values of 8 bits and less that nothing is said about were made to be shown as they are. */
function wholeRange(object: OpenedObject, layout: FrameLayout, modality: GreySteps['modality']): GreySteps['voi'] {
  if (layout.bitsStored > 8 || object.pixelTag !== '7FE00010') return undefined;
  return ofRange(layout, modality);
}

/** All values that could be stored, from black to white: no VOI at all (PS3.4 N.2.1.3). */
export function ofRange(layout: FrameLayout, modality: GreySteps['modality']): (value: number) => number {
  const { low, high } = storable(layout);
  const [a, b] = [modality(low), modality(high)];
  const [from, to] = [Math.min(a, b), Math.max(a, b)];
  return (value) => (value - from) / (to - from || 1);
}

function storable({ bitsStored, pixelRepresentation }: FrameLayout): Range {
  const low = pixelRepresentation === 1 ? -(2 ** (bitsStored - 1)) : 0;
  return { low, high: low + 2 ** bitsStored - 1 };
}

function paddingOf({ dataset }: OpenedObject, layout: FrameLayout): Padding | undefined {
  const value = number(dataset, 'PixelPaddingValue');
  if (value === undefined) return undefined;
  const limit = number(dataset, 'PixelPaddingRangeLimit') ?? value;
  const range = 2 ** layout.bitsAllocated;
  // Some give a signed value as unsigned, and the other way round.
  const signed = layout.pixelRepresentation === 1;
  const resign = (v: number): number => (signed && v >= range / 2 ? v - range : !signed && v < 0 ? v + range : v);
  const [a, b] = [resign(value), resign(limit)];
  return { low: Math.min(a, b), high: Math.max(a, b) };
}
