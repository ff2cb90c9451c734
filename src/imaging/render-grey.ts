import type { JsonDataset } from '../dicom/dataset.ts';
import { items, number, numbers, text } from '../dicom/read-values.ts';
import type { FrameLayout } from './decode.ts';
import { functionalGroup, type OpenedObject } from './render-object.ts';
import type { Window } from './render-request.ts';
import { lookUp, lookUpTable } from './render-tables.ts';

/** The steps of the grayscale pipeline (PS3.4 N.2), each from a number to a number. */
type Step = (value: number) => number;

export interface GreySteps {
  /** Stored value to modality units. */
  readonly modality: Step;
  /** Modality units to 0..1; undefined where nothing says how: the values found are spread over all greys. */
  readonly voi: Step | undefined;
  /** 0..1 to 0..1, black to white. */
  readonly presentation: Step;
}

/** Stored values of one frame, whatever holds them. */
export type StoredValues = ArrayLike<number> & { readonly length: number };

export type Padding = Range;

/** Above so many different values a table costs more than it saves. */
const LONGEST_TABLE = 1 << 17;

/** A table that is made in less time than the values are looked through for their lowest and highest. */
const SHORT_TABLE = 1 << 14;

export interface Range {
  readonly low: number;
  readonly high: number;
}

/**
 * Stored values as greys of 8 bits.
 * @param possible the lowest and highest value that there can be
 * @param padding has no part in what the darkest and the brightest value is
 */
export function toGrey(values: StoredValues, steps: GreySteps, possible: Range, padding?: Padding): Uint8Array {
  const { low, high } = possible.high - possible.low < SHORT_TABLE ? possible : rangeOf(values);
  const { modality, presentation } = steps;
  const grey = through(modality, steps.voi ?? spread(values, modality, padding), presentation);
  const greys = new Uint8Array(values.length);
  const isWhole = !(values instanceof Float32Array || values instanceof Float64Array);
  if (isWhole && high - low < LONGEST_TABLE && high - low < Math.max(SHORT_TABLE, values.length * 2)) {
    const table = new Uint8Array(high - low + 1);
    for (let i = 0; i < table.length; i++) table[i] = grey(low + i);
    for (let i = 0; i < greys.length; i++) greys[i] = table[values[i]! - low]!;
  } else {
    for (let i = 0; i < greys.length; i++) greys[i] = grey(values[i]!);
  }
  return greys;
}

/**
 * The same of words of 16 bits as they are stored, through a table by the bits that are used: samples are not taken out of
 * their words and extended first. Undefined where that table would be long, or where the values found say what is black
 * and white.
 * @param words beginning at a multiple of 4 bytes
 */
export function wordsToGrey(words: Uint16Array, steps: GreySteps, layout: FrameLayout): Uint8Array | undefined {
  const { bitsStored, highBit, pixelRepresentation } = layout;
  const codes = 2 ** bitsStored;
  if (codes > SHORT_TABLE || steps.voi === undefined) return undefined;
  const grey = through(steps.modality, steps.voi, steps.presentation);
  const table = new Uint8Array(codes);
  const firstNegative = pixelRepresentation === 1 ? codes / 2 : codes;
  for (let code = 0; code < codes; code++) table[code] = grey(code < firstNegative ? code : code - codes);
  const down = highBit + 1 - bitsStored;
  const mask = codes - 1;
  const greys = new Uint8Array(words.length);
  // Two at a time take two thirds of the time.
  const pairs = new Int32Array(words.buffer, words.byteOffset, words.length >> 1);
  const pairsOfGreys = new Uint16Array(greys.buffer, 0, pairs.length);
  for (let i = 0; i < pairs.length; i++) {
    const pair = pairs[i]!;
    pairsOfGreys[i] = table[(pair >> down) & mask]! | (table[(pair >>> (16 + down)) & mask]! << 8);
  }
  if (words.length % 2 === 1) greys[words.length - 1] = table[(words[words.length - 1]! >> down) & mask]!;
  return greys;
}

/** Stored value to grey of 8 bits. */
function through(modality: Step, voi: Step, presentation: Step): Step {
  return (value) => {
    const shown = presentation(voi(modality(value)));
    return shown >= 1 ? 255 : shown > 0 ? Math.round(shown * 255) : 0;
  };
}

function rangeOf(values: StoredValues, padding?: Padding): Range {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (padding && value >= padding.low && value <= padding.high) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}

function spread(values: StoredValues, modality: Step, padding?: Padding): Step {
  const found = rangeOf(values, padding);
  const { low, high } = found.low <= found.high ? found : rangeOf(values);
  const [a, b] = [modality(low), modality(high)];
  const [from, to] = [Math.min(a, b), Math.max(a, b)];
  return to > from ? (value) => (value - from) / (to - from) : () => 0;
}

/** PS3.3 C.11.1: a Modality LUT, or slope and intercept, of the frame or of the image. */
export function modalityStep(
  object: OpenedObject,
  frame: number,
  signed: boolean,
  from: JsonDataset = object.dataset,
): Step {
  const [table] = items(from, 'ModalityLUTSequence');
  if (table) {
    const lut = lookUpTable(object, table, signed);
    return (value) => lookUp(lut, value);
  }
  const rescale = functionalGroup(from, frame, 'PixelValueTransformationSequence') ?? from;
  // A slope of 0 would make all pixels alike; it is written where there is nothing to say.
  const slope = number(rescale, 'RescaleSlope') || 1;
  const intercept = number(rescale, 'RescaleIntercept') ?? 0;
  return slope === 1 && intercept === 0 ? (value) => value : (value) => value * slope + intercept;
}

/** The window or VOI LUT that the image itself names first (PS3.3 C.11.2, C.7.6.16.2.10). */
export function voiStep(object: OpenedObject, frame: number): Step | undefined {
  const group = functionalGroup(object.dataset, frame, 'FrameVOILUTSequence') ?? object.dataset;
  return voiOf(object, group) ?? (group === object.dataset ? undefined : voiOf(object, object.dataset));
}

/** What a VOI LUT macro says; undefined where it says nothing. */
export function voiOf(object: OpenedObject, group: JsonDataset): Step | undefined {
  const [center] = numbers(group, 'WindowCenter');
  const [width] = numbers(group, 'WindowWidth');
  const shape = SHAPES[text(group, 'VOILUTFunction')?.trim() ?? ''] ?? 'linear';
  if (
    center !== undefined &&
    width !== undefined &&
    Number.isFinite(center) &&
    width >= (shape === 'linear' ? 1 : 1e-9)
  )
    return windowStep({ center, width, shape });
  const [table] = items(group, 'VOILUTSequence');
  if (!table) return undefined;
  const signed = (numbers(table, 'LUTDescriptor')[1] ?? 0) < 0;
  const lut = lookUpTable(object, table, signed || number(object.dataset, 'PixelRepresentation') === 1);
  const white = 2 ** bitsOf(lut) - 1;
  return (value) => lookUp(lut, value) / white;
}

const SHAPES: Readonly<Record<string, Window['shape']>> = {
  LINEAR: 'linear',
  LINEAR_EXACT: 'linear-exact',
  SIGMOID: 'sigmoid',
};

/** Bits of an entry; more than are said where an entry needs more. */
function bitsOf({ bits, entries }: { readonly bits: number; readonly entries: Uint16Array }): number {
  let highest = 0;
  for (const entry of entries) if (entry > highest) highest = entry;
  return Math.max(Math.min(Math.max(bits, 1), 16), Math.ceil(Math.log2(highest + 1)));
}

/** PS3.3 C.11.2.1.2.1 LINEAR, C.11.2.1.3.1 SIGMOID, C.11.2.1.3.2 LINEAR_EXACT; below 0 and above 1 is cut off later. */
export function windowStep({ center, width, shape }: Window): Step {
  switch (shape) {
    case 'linear':
      // A width of 1 is a threshold.
      return width > 1
        ? (value) => (value - (center - 0.5)) / (width - 1) + 0.5
        : (value) => (value <= center - 0.5 ? 0 : 1);
    case 'linear-exact':
      return (value) => (value - center) / width + 0.5;
    case 'sigmoid':
      return (value) => 1 / (1 + Math.exp((-4 * (value - center)) / width));
  }
}

/** A Presentation LUT of a state (PS3.3 C.11.6): a shape, or a table whose input is what the VOI step gives. */
export function presentationStep(object: OpenedObject, from: JsonDataset): Step {
  const [table] = items(from, 'PresentationLUTSequence');
  if (!table) return text(from, 'PresentationLUTShape')?.trim() === 'INVERSE' ? inverse : identity;
  const lut = lookUpTable(object, table, false);
  const white = 2 ** bitsOf(lut) - 1;
  const last = lut.entries.length - 1;
  return (value) => lut.entries[Math.round(Math.max(0, Math.min(1, value)) * last)]! / white;
}

export const identity: Step = (value) => value;
export const inverse: Step = (value) => 1 - value;
