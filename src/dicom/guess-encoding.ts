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
 * byte order that gives the smaller group number. Without letters it must be implicit VR: a known attribute whose
 * length fits, and behind it another with a higher tag. Undefined where it is none of these.
 */
export function guessEncoding(reader: ElementReader, offset: number, end: number): Encoding | undefined {
  if (end - offset < 8 || !reader.read(offset, end, IMPLICIT_LITTLE) || reader.tag >= ITEM) return undefined;
  const { tag, length, valueOffset } = reader;
  const group = tag >>> 16;
  const swapped = ((group & 0xff) << 8) | (group >>> 8);
  const explicit = group <= swapped ? EXPLICIT_LITTLE : EXPLICIT_BIG;
  const hasVr = reader.read(offset, end, explicit) && reader.vr !== undefined;
  if (hasVr && Math.min(group, swapped) < 0x100) return explicit;
  if (vrOf(tagText(tag)) === undefined) return undefined;
  if (length === UNDEFINED_LENGTH) return IMPLICIT_LITTLE;
  const next = valueOffset + length;
  if (next === end) return IMPLICIT_LITTLE;
  if (next > end) return undefined;
  return reader.tagAt(next, false) > tag ? IMPLICIT_LITTLE : undefined;
}
