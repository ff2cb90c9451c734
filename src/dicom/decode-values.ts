import type { CharacterSet, Doubt } from './charset.ts';
import type { JsonValue, PersonName, Vr } from './dataset.ts';
import { isCharacterSetVr } from './encode-values.ts';
import { personName } from './person-name.ts';

/** VRs of one value, in which a backslash is a character (PS3.5 Section 6.2). */
const SINGLE_TEXT: ReadonlySet<Vr> = new Set<Vr>(['LT', 'ST', 'UR', 'UT']);
/** VRs whose leading spaces are significant (PS3.5 Section 6.2). */
const KEEP_LEADING: ReadonlySet<Vr> = new Set<Vr>(['LT', 'ST', 'UC', 'UT', 'PN']);

/** Size in bytes of one value of the VRs with binary numbers. */
export const NUMBER_SIZES: Partial<Readonly<Record<Vr, number>>> = {
  FL: 4, FD: 8, SL: 4, SS: 2, SV: 8, UL: 4, US: 2, UV: 8, AT: 4,
}; // biome-ignore format: one line

/**
 * The values of a text VR in the DICOM JSON Model (PS3.18 Sections F.2.3 and F.2.5): trailing padding gone, empty
 * values null, DS and IS as numbers where they are valid numbers and else as the text they were. An empty list means
 * that the attribute has no value.
 */
export function textValues(
  bytes: Buffer,
  vr: Vr,
  characterSet: CharacterSet,
  onDoubt: (doubt: Doubt) => void = () => undefined,
): JsonValue[] {
  const text = decodeText(bytes, vr, characterSet, onDoubt);
  if (SINGLE_TEXT.has(vr)) {
    const value = trimEnd(text);
    return value === '' ? [] : [value];
  }
  if (!text.includes('\\')) {
    const value = textValue(text, vr);
    return value === null ? [] : [value];
  }
  return text.split('\\').map((part) => textValue(part, vr));
}

/** Text outside the reach of (0008,0005) is ASCII; other bytes, wrong there, are kept as Latin-1. */
function decodeText(bytes: Buffer, vr: Vr, characterSet: CharacterSet, onDoubt: (doubt: Doubt) => void): string {
  if (!isCharacterSetVr(vr) || isPlain(bytes)) return bytes.toString('latin1');
  const text = characterSet.decode(bytes, vr === 'PN');
  const doubt = characterSet.doubt(bytes, text);
  if (doubt !== undefined) onDoubt(doubt);
  return text;
}

function isPlain(bytes: Buffer): boolean {
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at]!;
    if (byte >= 0x80 || byte === 0x1b) return false;
  }
  return true;
}

function textValue(text: string, vr: Vr): JsonValue {
  const value = KEEP_LEADING.has(vr) ? trimEnd(text) : trimEnd(text).trimStart();
  if (value === '') return null;
  if (vr === 'DS') return decimal(value);
  if (vr === 'IS') return integer(value);
  return vr === 'PN' ? name(value) : value;
}

/** Padding is a space (a NUL for UI), but writers mix them up. */
function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && (text.charCodeAt(end - 1) === 0x20 || text.charCodeAt(end - 1) === 0)) end -= 1;
  return end === text.length ? text : text.slice(0, end);
}

/**
 * The nearest number of double precision, as every client expects; of the 16 characters that a DS may have, only whole
 * numbers beyond 2^53 lose anything by it, and these stay text (PS3.18 Table F.2.3-1, note).
 */
function decimal(text: string): number | string {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return text;
  const value = Number(text) + 0; // JSON has no -0
  if (!Number.isFinite(value)) return text;
  return Number.isInteger(value) && !Number.isSafeInteger(value) && /^[+-]?\d+\.?$/.test(text) ? text : value;
}

function integer(text: string): number | string {
  const value = Number(text) + 0;
  return /^[+-]?\d+$/.test(text) && Number.isSafeInteger(value) ? value : text;
}

function name(text: string): PersonName | null {
  const groups = personName(text);
  return groups.Alphabetic || groups.Ideographic || groups.Phonetic ? groups : null;
}

/**
 * The values of a VR with binary numbers. JSON has no word for what is not finite: PS3.18 Table F.2.3-1 says Number
 * for FL and FD and leaves these out, so they become the strings "NaN", "Infinity" and "-Infinity". SV and UV beyond
 * 53 bits are strings, as that table allows. AT is "GGGGEEEE".
 *
 * @param bytes a whole number of values
 */
export function numberValues(bytes: Buffer, vr: Vr, bigEndian: boolean): JsonValue[] {
  const size = NUMBER_SIZES[vr]!;
  const values: JsonValue[] = [];
  for (let at = 0; at + size <= bytes.length; at += size) values.push(numberValue(bytes, at, vr, bigEndian));
  return values;
}

function numberValue(bytes: Buffer, at: number, vr: Vr, bigEndian: boolean): number | string {
  switch (vr) {
    case 'US':
      return bigEndian ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at);
    case 'SS':
      return bigEndian ? bytes.readInt16BE(at) : bytes.readInt16LE(at);
    case 'UL':
      return bigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
    case 'SL':
      return bigEndian ? bytes.readInt32BE(at) : bytes.readInt32LE(at);
    case 'FL':
      return finite(single(bigEndian ? bytes.readFloatBE(at) : bytes.readFloatLE(at)));
    case 'FD':
      return finite(bigEndian ? bytes.readDoubleBE(at) : bytes.readDoubleLE(at));
    case 'SV':
      return safe(bigEndian ? bytes.readBigInt64BE(at) : bytes.readBigInt64LE(at));
    case 'UV':
      return safe(bigEndian ? bytes.readBigUInt64BE(at) : bytes.readBigUInt64LE(at));
    default: {
      const group = bigEndian ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at);
      const element = bigEndian ? bytes.readUInt16BE(at + 2) : bytes.readUInt16LE(at + 2);
      return tagText(group * 0x10000 + element);
    }
  }
}

/** A tag number as eight upper-case hexadecimal digits. */
export function tagText(tag: number): string {
  return tag.toString(16).toUpperCase().padStart(8, '0');
}

function finite(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

function safe(value: bigint): number | string {
  const near = Number(value);
  return Number.isSafeInteger(near) ? near : String(value);
}

/**
 * The shortest decimal that is the same single precision number: 0.1 rather than 0.10000000149011612, as the number
 * was meant. Writing it back gives the same four bytes.
 */
function single(value: number): number {
  if (!Number.isFinite(value) || Number.isInteger(value)) return value;
  for (let digits = 6; digits <= 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}
