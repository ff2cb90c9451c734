import { tagText } from './decode-values.ts';
import { vrOf } from './dictionary.ts';
import {
  type ElementReader,
  type Encoding,
  EXPLICIT_BIG,
  EXPLICIT_LITTLE,
  IMPLICIT_LITTLE,
  ITEM,
  UNDEFINED_LENGTH,
} from './element-reader.ts';

/**
 * How the data set at `offset` is written, judged by its first element: two letters of a VR mean explicit VR, in the
 * byte order in which PS3.6 knows the tag, or which gives the smaller group number. Without letters it must be implicit
 * VR: a known attribute whose length fits, and behind it another with a higher tag. Undefined where it is none of these.
 */
export function guessEncoding(reader: ElementReader, offset: number, end: number): Encoding | undefined {
  return guessExplicit(reader, offset, end) ?? (isImplicit(reader, offset, end) ? IMPLICIT_LITTLE : undefined);
}

/** Data sets begin in a low group; a higher one must be known to be believed. */
const LOW_GROUP = 0x100;

function guessExplicit(reader: ElementReader, offset: number, end: number): Encoding | undefined {
  const tags = [EXPLICIT_LITTLE, EXPLICIT_BIG].map((encoding) => {
    const isElement = end - offset >= 8 && reader.read(offset, end, encoding) && reader.vr !== undefined;
    return isElement && reader.tag < ITEM ? reader.tag : undefined;
  });
  const [little = Number.POSITIVE_INFINITY, big = Number.POSITIVE_INFINITY] = tags;
  if (tellsOrder(little)) return EXPLICIT_LITTLE;
  if (tellsOrder(big)) return EXPLICIT_BIG;
  if (Math.min(little, big) >>> 16 >= LOW_GROUP || Math.min(little, big) === Number.POSITIVE_INFINITY) return undefined;
  return little <= big ? EXPLICIT_LITTLE : EXPLICIT_BIG;
}

/** Every group has a group length (PS3.5 7.2), so (gggg,0000) is known in either byte order. */
function tellsOrder(tagNumber: number): boolean {
  return (tagNumber & 0xffff) !== 0 && isKnown(tagNumber);
}

function isKnown(tagNumber: number): boolean {
  return Number.isFinite(tagNumber) && vrOf(tagText(tagNumber)) !== undefined;
}

function isImplicit(reader: ElementReader, offset: number, end: number): boolean {
  if (end - offset < 8 || !reader.read(offset, end, IMPLICIT_LITTLE) || reader.tag >= ITEM) return false;
  const { tag, length, valueOffset } = reader;
  if (!isKnown(tag)) return false;
  const next = valueOffset + length;
  if (length === UNDEFINED_LENGTH || next === end) return true;
  return next < end && reader.tagAt(next, false) > tag;
}
