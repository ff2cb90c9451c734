import { characterSetOf } from './charset.ts';
import type { JsonElement, Vr } from './dataset.ts';
import { NUMBER_SIZES, numberValues, textValues } from './decode-values.ts';
import type { Encoding } from './element-reader.ts';
import { isBinaryVr, isCharacterSetVr } from './encode-values.ts';
import { BrokenOff, type BulkValue, type OpenDataSet, type PixelTag, printedTag, type Reading } from './reading.ts';

/** Binary values up to this size are InlineBinary. */
const INLINE_BINARY = 1024;
/** Lists of binary numbers up to this size are Values. */
const INLINE_NUMBERS = 64 * 1024;
/** Text up to this size is Values; clients expect even long Contour Data there. */
const INLINE_TEXT = 1024 * 1024;
/** Once so many bytes of values are in the JSON, only short ones join them. */
const INLINE_TOTAL = 32 * 1024 * 1024;
const SHORT = 64;

const SPECIFIC_CHARACTER_SET = 0x00080005;
const PIXEL_REPRESENTATION = 0x00280103;
const DATA_SET_TRAILING_PADDING = 0xfffcfffc;

const PIXEL_TAGS: ReadonlyMap<number, PixelTag> = new Map([
  [0x7fe00010, '7FE00010'],
  [0x7fe00008, '7FE00008'],
  [0x7fe00009, '7FE00009'],
]);

/** Which of the three pixel data elements that tag is. */
export function pixelTagOf(tagNumber: number): PixelTag | undefined {
  return PIXEL_TAGS.get(tagNumber);
}

/** An element of defined length that is no sequence, as its header says. */
export interface ValueHeader {
  readonly tagNumber: number;
  readonly tag: string;
  readonly vr: Vr;
  readonly writtenAsUnknown: boolean;
  readonly offset: number;
  readonly length: number;
}

/** Reads the value of one element into the JSON, or notes where it lies; returns the offset behind it. */
export function readValue(reading: Reading, open: OpenDataSet, header: ValueHeader): number {
  const { tagNumber, tag, vr, offset, length } = header;
  const end = offset + length;
  const pixelTag = open.depth === 0 ? pixelTagOf(tagNumber) : undefined;
  const fits = end <= open.end;
  if (!fits && pixelTag === undefined) return truncated(reading, open);
  if (isLeftOut(reading, open, header)) return end;
  const swap = header.writtenAsUnknown ? 1 : swapOf(vr, open.encoding);
  if (pixelTag !== undefined && length > 0) {
    const present = { vr, offset, length: Math.min(length, open.end - offset), swap, encapsulated: false };
    keepAsBulk(reading, open, tag, present);
    reading.pixelData = { ...present, tag: pixelTag, items: [] };
    return fits ? end : truncated(reading, open);
  }
  if (length === 0) {
    open.into[tag] = { vr };
  } else if (fitsInline(reading, header)) {
    reading.inlined += length;
    open.into[tag] = decode(reading, open, header, swap);
  } else {
    const text = isCharacterSetVr(vr) ? { characterSet: open.characterSet } : {};
    keepAsBulk(reading, open, tag, { vr, offset, length, swap, encapsulated: false, ...text });
  }
  if (tagNumber === SPECIFIC_CHARACTER_SET) takeCharacterSet(reading, open);
  return end;
}

/** Leaves the value where it is and says so in the JSON. */
export function keepAsBulk(reading: Reading, open: OpenDataSet, tag: string, value: BulkValue): void {
  const path = reading.path();
  open.into[tag] = { vr: value.vr, BulkDataURI: `bulkdata/${path}` };
  reading.bulk.set(path, value);
}

function isLeftOut(reading: Reading, open: OpenDataSet, { tagNumber, tag }: ValueHeader): boolean {
  const isGroupLength = (tagNumber & 0xffff) === 0;
  if (isGroupLength || tagNumber === DATA_SET_TRAILING_PADDING) return true;
  if (tagNumber >>> 16 === 2) {
    reading.warn(`${printedTag(tagNumber)} belongs into the file meta information and was left out`);
    return true;
  }
  if (open.into[tag] !== undefined) reading.warn(`${reading.place()} occurs twice; the last one counts`);
  return false;
}

/** The value ends behind what it lies in: behind the whole data there is nothing, behind an item we can go on. */
function truncated(reading: Reading, open: OpenDataSet): number {
  const sentence = `the value of ${reading.place()} is longer than what is left of`;
  if (open.end >= reading.source.size) throw new BrokenOff(`${sentence} the data`);
  reading.warn(`${sentence} its item`);
  return open.end;
}

function fitsInline(reading: Reading, { tagNumber, vr, length }: ValueHeader): boolean {
  if (pixelTagOf(tagNumber) !== undefined) return false;
  if (length <= SHORT) return true;
  if (reading.inlined + length > INLINE_TOTAL) return false;
  if (isBinaryVr(vr)) return length <= INLINE_BINARY;
  return length <= (NUMBER_SIZES[vr] === undefined ? INLINE_TEXT : INLINE_NUMBERS);
}

function decode(reading: Reading, open: OpenDataSet, header: ValueHeader, swap: BulkValue['swap']): JsonElement {
  const { tagNumber, vr, offset, length } = header;
  const bytes = reading.reader.bytes(offset, length);
  if (isBinaryVr(vr)) return { vr, InlineBinary: toLittleEndian(bytes, swap).toString('base64') };
  const size = NUMBER_SIZES[vr];
  if (size !== undefined && length % size !== 0) {
    reading.warn(`${reading.place()} (${vr}) has ${length} bytes, which is no multiple of ${size}`);
  }
  const values =
    size === undefined
      ? textValues(bytes, vr, open.characterSet, (doubt) => reading.doubt(doubt))
      : numberValues(bytes, vr, swap > 1);
  if (tagNumber === PIXEL_REPRESENTATION) open.signedPixels = values[0] === 1;
  return values.length === 0 ? { vr } : { vr, Value: values };
}

/** The text of this data set follows its (0008,0005); the JSON is Unicode, and says so in place of what was there. */
function takeCharacterSet(reading: Reading, open: OpenDataSet): void {
  const terms = (open.into['00080005']?.Value ?? []).map((term) => (typeof term === 'string' ? term : ''));
  if (terms.length > 0) open.into['00080005'] = { vr: 'CS', Value: ['ISO_IR 192'] };
  open.characterSet = characterSetOf(terms, reading.assumedCharacterSet);
  if (open.depth === 0) reading.characterSet = open.characterSet;
  if (open.characterSet.unknownTerms.length > 0) {
    reading.warn(`${reading.place()} names a character set that PS3.3 does not know`);
  }
}

const WORDS: Partial<Readonly<Record<Vr, BulkValue['swap']>>> = { OW: 2, OF: 4, OL: 4, OD: 8, OV: 8, AT: 2 };

/** The word of a VR, in bytes, that differs between little and big endian (PS3.5 Section 7.3). */
function swapOf(vr: Vr, encoding: Encoding): BulkValue['swap'] {
  if (!encoding.bigEndian) return 1;
  const size = WORDS[vr] ?? NUMBER_SIZES[vr];
  return size === 2 || size === 4 || size === 8 ? size : 1;
}

/** A copy in little endian; what is left over of an incomplete word stays as it is. */
export function toLittleEndian(bytes: Buffer, swap: BulkValue['swap']): Buffer {
  if (swap === 1) return bytes;
  const copy = Buffer.from(bytes);
  const words = copy.subarray(0, copy.length - (copy.length % swap));
  if (swap === 2) words.swap16();
  else if (swap === 4) words.swap32();
  else words.swap64();
  return copy;
}
