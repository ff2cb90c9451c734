import { VoxgateError } from '../errors.ts';
import type { DecodedFrame, FrameLayout } from './decode.ts';
import type { StoredValues } from './render-grey.ts';
import type { Palette } from './render-tables.ts';
import { samplesOf } from './samples.ts';

/** Indexes into a palette as red, green and blue (PS3.3 C.7.6.3.1.5). */
export function fromPalette(values: StoredValues, { first, colours }: Palette): Uint8Array {
  const [red, green, blue] = colours;
  const last = red.length - 1;
  const rgb = new Uint8Array(values.length * 3);
  for (let i = 0, to = 0; i < values.length; i++) {
    const at = values[i]! - first;
    const entry = at < 0 ? 0 : at > last ? last : at;
    rgb[to++] = red[entry]!;
    rgb[to++] = green[entry]!;
    rgb[to++] = blue[entry]!;
  }
  return rgb;
}

/**
 * Colour of three samples a pixel as red, green and blue of 8 bits, pixel by pixel.
 * @throws VoxgateError undecodable for an interpretation that is not known here
 */
export function toRgb(frame: DecodedFrame, layout: FrameLayout): Uint8Array {
  const interpretation = frame.photometricInterpretation;
  const convert = CONVERSIONS[interpretation];
  if (!convert) throw new VoxgateError('undecodable', `colour given as ${interpretation} cannot be shown here`);
  const rgb = eightBit(frame, layout);
  if (convert !== asItIs) convert(rgb);
  return rgb;
}

/** Three samples of 8 bits a pixel, pixel by pixel; of more bits the highest 8. */
function eightBit(frame: DecodedFrame, layout: FrameLayout): Uint8Array {
  const pixels = layout.rows * layout.columns;
  const isSubsampled = layout.bitsAllocated === 8 && frame.bytes.length === pixels * 2;
  if (isSubsampled) return fromPairs(frame.bytes);
  const samples = samplesOf(frame, layout);
  if (samples.length < pixels * 3)
    throw new VoxgateError('undecodable', `${samples.length} samples where ${pixels * 3} are expected`);
  const down = Math.max(0, layout.bitsStored - 8);
  const offset = layout.pixelRepresentation === 1 ? 2 ** (layout.bitsStored - 1) : 0;
  const [acrossPixel, acrossSample] = frame.planarConfiguration === 1 ? [1, pixels] : [3, 1];
  if (acrossPixel === 3 && down === 0 && offset === 0 && layout.bitsStored === 8)
    return Uint8Array.from(samples.subarray(0, pixels * 3));
  const rgb = new Uint8Array(pixels * 3);
  const scale = layout.bitsStored < 8 ? 255 / (2 ** layout.bitsStored - 1) : 1;
  for (let pixel = 0, to = 0; pixel < pixels; pixel++)
    for (let sample = 0; sample < 3; sample++)
      rgb[to++] = ((samples[pixel * acrossPixel + sample * acrossSample]! + offset) / 2 ** down) * scale;
  return rgb;
}

/** Y1 Y2 CB CR of each two pixels (PS3.3 C.7.6.3.1.2, YBR_FULL_422) to Y CB CR of each. */
function fromPairs(bytes: Uint8Array): Uint8Array {
  const full = new Uint8Array((bytes.length / 2) * 3);
  for (let from = 0, to = 0; from + 3 < bytes.length; from += 4) {
    const [cb, cr] = [bytes[from + 2]!, bytes[from + 3]!];
    full[to++] = bytes[from]!;
    full[to++] = cb;
    full[to++] = cr;
    full[to++] = bytes[from + 1]!;
    full[to++] = cb;
    full[to++] = cr;
  }
  return full;
}

type Conversion = (pixels: Uint8Array) => void;

const asItIs: Conversion = () => undefined;

/** In place. Uint8ClampedArray rounds and cuts off as the standard's equations need it. */
function converting(each: (y: number, cb: number, cr: number) => readonly [number, number, number]): Conversion {
  return (pixels) => {
    const out = new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, pixels.length);
    for (let at = 0; at + 2 < out.length; at += 3) {
      const [red, green, blue] = each(out[at]!, out[at + 1]! - 128, out[at + 2]! - 128);
      out[at] = red;
      out[at + 1] = green;
      out[at + 2] = blue;
    }
  };
}

/** PS3.3 C.7.6.3.1.2, solved for red, green and blue. */
const fullRange = converting((y, cb, cr) => [y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb]);
const partialRange = converting((y, cb, cr) => {
  const light = 1.164384 * (y - 16);
  return [light + 1.596027 * cr, light - 0.391762 * cb - 0.812968 * cr, light + 2.017232 * cb];
});

/** JPEG 2000's transforms are undone by the decoder. */
const CONVERSIONS: Readonly<Record<string, Conversion>> = {
  RGB: asItIs,
  YBR_ICT: asItIs,
  YBR_RCT: asItIs,
  YBR_FULL: fullRange,
  YBR_FULL_422: fullRange,
  YBR_PARTIAL_422: partialRange,
};
