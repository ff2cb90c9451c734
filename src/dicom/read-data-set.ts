import type { JsonElement, JsonValue, Vr } from './dataset.ts';
import { NUMBER_SIZES } from './decode-values.ts';
import { isVr } from './dictionary.ts';
import {
  type Encoding,
  EXPLICIT_LITTLE,
  IMPLICIT_LITTLE,
  ITEM,
  ITEM_DELIMITATION,
  type KnownTag,
  knownTag,
  SEQUENCE_DELIMITATION,
  UNDEFINED_LENGTH,
} from './element-reader.ts';
import { isBinaryVr } from './encode-values.ts';
import { readFragments } from './read-fragments.ts';
import { pixelTagOf, readValue } from './read-value.ts';
import { BrokenOff, type OpenDataSet, printedTag, type Reading } from './reading.ts';

/** Sequences within sequences; real objects stay below ten, and our own stack must not depend on theirs. */
const MAX_DEPTH = 64;

/** Attributes of one data set or item; real ones stay below a thousand, and a hostile one would cost seconds. */
const MAX_ATTRIBUTES = 50_000;

/**
 * Reads the data set from `offset` to the end of the source into the DICOM JSON Model. It never reads a value it does
 * not keep, checks every length against what is there, and keeps what came before the place where nothing makes sense.
 */
export function readDataSet(reading: Reading, offset: number, encoding: Encoding): void {
  const { dataset, source } = reading;
  const { characterSet } = reading;
  try {
    readElements(
      reading,
      { into: dataset, encoding, end: source.size, delimited: false, depth: 0, characterSet, signedPixels: false },
      offset,
    );
  } catch (error) {
    if (!(error instanceof BrokenOff)) throw error;
    reading.complete = false;
    reading.warn(error.message);
  }
}

/** Reads elements until the data set ends; returns the offset behind them and their delimitation item. */
function readElements(reading: Reading, open: OpenDataSet, start: number): number {
  const { reader } = reading;
  let offset = start;
  let previous = -1;
  for (let count = 0; offset < open.end; count += 1) {
    if (count > MAX_ATTRIBUTES) throw new BrokenOff(`${reading.place()} has over ${MAX_ATTRIBUTES} attributes`);
    if (open.end - offset < 8) return leftOver(reading, open, offset);
    if (!reader.read(offset, open.end, open.encoding)) return senseless(reading, open, offset);
    const { tag, valueOffset } = reader;
    if (tag >= ITEM) {
      if (tag === ITEM_DELIMITATION && open.delimited) return valueOffset;
      reading.warn(`${printedTag(tag)} stands in ${reading.place()} where an attribute should`);
      if (open.delimited) return offset; // the sequence around may know it
      offset = valueOffset;
      continue;
    }
    if (tag === 0 && isZeroPadding(reading, open, offset)) return open.end;
    if (tag <= previous) reading.warn(`${printedTag(tag)} is not in ascending order`);
    previous = tag;
    offset = readElement(reading, open);
  }
  if (open.delimited) {
    reading.complete = false;
    reading.warn(`${reading.place()} is not ended by an Item Delimitation Item`);
  }
  return offset;
}

/** Reads the element whose header the reader has just read. */
function readElement(reading: Reading, open: OpenDataSet): number {
  const { tag: tagNumber, length, valueOffset: offset, vr: written, oddVr } = reading.reader;
  const known = knownTag(tagNumber);
  const vr = vrFor(open, known, written);
  const writtenAsUnknown = written === 'UN';
  reading.enter(known.tag);
  if (oddVr) reading.warn(`${reading.place()} has no VR of PS3.5`);
  let end: number;
  if (length === UNDEFINED_LENGTH && (isFragmented(vr) || pixelTagOf(tagNumber) !== undefined)) {
    // OB it must be (PS3.5 Annex A.4), and the dictionary's OW is no reason to say otherwise
    const fragmentVr = written !== undefined && isFragmented(written) ? written : 'OB';
    end = readFragments(reading, open, { tagNumber, tag: known.tag, vr: fragmentVr, offset });
  } else if (length === UNDEFINED_LENGTH || vr === 'SQ') {
    end = readSequence(reading, open, { tag: known.tag, offset, length, writtenAsUnknown });
  } else {
    end = readValue(reading, open, { tagNumber, tag: known.tag, vr, writtenAsUnknown, offset, length });
  }
  reading.leave();
  return end;
}

/** As written, unless that is UN or nothing and the dictionary knows better (PS3.5 Section 6.2.2). */
function vrFor({ encoding, signedPixels }: OpenDataSet, known: KnownTag, written: Vr | undefined): Vr {
  if (written !== undefined && written !== 'UN') return written;
  const vr = known.signedByPixels && signedPixels ? 'SS' : (known.vr ?? 'UN');
  // what is UN in big endian data may be in either order: only text and items can be taken for what they are
  const hasWords = NUMBER_SIZES[vr] !== undefined || isBinaryVr(vr);
  return written === 'UN' && encoding.bigEndian && hasWords ? 'UN' : vr;
}

/** OB and its kin of undefined length are fragments (PS3.5 Annex A.4); UN is a sequence (Section 6.2.2, CP-246). */
function isFragmented(vr: Vr): boolean {
  return isBinaryVr(vr) && vr !== 'UN';
}

interface SequenceHeader {
  readonly tag: string;
  readonly offset: number;
  readonly length: number;
  readonly writtenAsUnknown: boolean;
}

function readSequence(reading: Reading, open: OpenDataSet, header: SequenceHeader): number {
  const { offset, length } = header;
  const delimited = length === UNDEFINED_LENGTH;
  let end = delimited ? open.end : offset + length;
  if (end > open.end) {
    reading.overrun(open);
    end = open.end;
  }
  const encoding = header.writtenAsUnknown ? encodingOfItems(reading, offset, open.encoding) : open.encoding;
  if (open.into[header.tag] !== undefined) reading.warn(`${reading.place()} occurs twice; the last one counts`);
  open.into[header.tag] = { vr: 'SQ' };
  if (open.depth >= MAX_DEPTH)
    throw new BrokenOff(`${printedTag(reading.reader.tag)} is nested over ${MAX_DEPTH} deep`);
  const last = readItems(reading, { ...open, encoding, end, delimited }, header);
  return delimited ? last : end;
}

/** What was written as UN is implicit VR little endian (PS3.5 Section 6.2.2), unless its first element shows a VR. */
function encodingOfItems(reading: Reading, offset: number, around: Encoding): Encoding {
  const head = reading.reader.bytes(offset, 16);
  if (around.bigEndian && head[0] === 0xff && head[1] === 0xfe) return around;
  return isVr(head.toString('latin1', 12, 14)) ? EXPLICIT_LITTLE : IMPLICIT_LITTLE;
}

/** Items (PS3.5 Section 7.5) up to the end of the sequence or its delimitation item; `sequence` is its extent. */
function readItems(reading: Reading, sequence: OpenDataSet, header: SequenceHeader): number {
  const { reader } = reading;
  const items: JsonValue[] = [];
  let offset = header.offset;
  while (sequence.end - offset >= 8) {
    if (!reader.read(offset, sequence.end, sequence.encoding)) break;
    const { tag, length, valueOffset } = reader;
    if (tag === SEQUENCE_DELIMITATION && sequence.delimited) return valueOffset;
    if (tag === SEQUENCE_DELIMITATION || tag === ITEM_DELIMITATION) {
      reading.warn(`${reading.place()} holds a delimitation item that ends nothing`);
      offset = valueOffset;
      continue;
    }
    if (tag !== ITEM) {
      reading.warn(`${reading.place()} holds something that is not an item`);
      return sequence.delimited ? offset : sequence.end;
    }
    if (items.length === 0) sequence.into[header.tag] = { vr: 'SQ', Value: items };
    const into: Record<string, JsonElement> = {};
    reading.enter(items.length);
    items.push(into);
    offset = readItem(reading, { ...sequence, into, depth: sequence.depth + 1 }, valueOffset, length);
    reading.leave();
  }
  if (sequence.delimited) {
    reading.complete = false;
    reading.warn(`${reading.place()} is not ended by a Sequence Delimitation Item`);
  }
  return sequence.end;
}

function readItem(reading: Reading, item: OpenDataSet, start: number, length: number): number {
  if (length === UNDEFINED_LENGTH) return readElements(reading, { ...item, delimited: true }, start);
  let end = start + length;
  if (end > item.end) {
    reading.overrun(item);
    end = item.end;
  }
  readElements(reading, { ...item, end, delimited: false }, start);
  return end;
}

/** Fewer bytes than a header has are left; padding behind the last element of a file is common. */
function leftOver(reading: Reading, open: OpenDataSet, offset: number): number {
  if (isZeroPadding(reading, open, offset)) return open.end;
  if (open.end >= reading.source.size) reading.complete = false;
  reading.warn(`${open.end - offset} bytes are left behind the last element of ${reading.place()}`);
  return open.end;
}

/** Zeros at the very end of the data, up to a sector or so. */
function isZeroPadding(reading: Reading, open: OpenDataSet, offset: number): boolean {
  const left = open.end - offset;
  return open.depth === 0 && left <= 4096 && reading.reader.bytes(offset, left).every((byte) => byte === 0);
}

/** The header makes no sense: an item of defined length can be left as a whole, anything else ends the reading. */
function senseless(reading: Reading, open: OpenDataSet, offset: number): number {
  const sentence = `what follows at byte ${offset} in ${reading.place()} is no data element`;
  if (open.depth === 0 || open.delimited) throw new BrokenOff(sentence);
  reading.warn(sentence);
  return open.end;
}
