import type { JsonDataset, JsonElement, JsonValue, Vr } from './dataset.ts';
import type { EncodeText } from './encode-text.ts';
import { personNameText } from './person-name.ts';
import { isItem } from './read-values.ts';

/** Other Byte and its kin, and unknown: values that are bytes (PS3.5 Section 6.2). */
const BINARY: ReadonlySet<Vr> = new Set<Vr>(['OB', 'OD', 'OF', 'OL', 'OV', 'OW', 'UN']);
/** VRs with two reserved bytes and a 32-bit length in explicit VR (PS3.5 Table 7.1-1). */
const LONG_FORM: ReadonlySet<Vr> = new Set<Vr>([...BINARY, 'SQ', 'SV', 'UC', 'UR', 'UT', 'UV']);
/** VRs whose text follows (0008,0005) (PS3.5 Section 6.1.2.2). */
const CHARACTER_SET: ReadonlySet<Vr> = new Set<Vr>(['LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UT']);

export function isBinaryVr(vr: Vr): boolean {
  return BINARY.has(vr);
}

export function isLongFormVr(vr: Vr): boolean {
  return LONG_FORM.has(vr);
}

/** Whether (0008,0005) governs the text of that VR. */
export function isCharacterSetVr(vr: Vr): boolean {
  return CHARACTER_SET.has(vr);
}

type NumericVr = 'FL' | 'FD' | 'SL' | 'SS' | 'SV' | 'UL' | 'US' | 'UV';

const PACKERS: Readonly<
  Record<NumericVr, { size: number; put: (to: Buffer, at: number, value: number | string) => void }>
> = {
  FL: { size: 4, put: (to, at, value) => to.writeFloatLE(Number(value), at) },
  FD: { size: 8, put: (to, at, value) => to.writeDoubleLE(Number(value), at) },
  SL: { size: 4, put: (to, at, value) => to.writeInt32LE(Number(value), at) },
  SS: { size: 2, put: (to, at, value) => to.writeInt16LE(Number(value), at) },
  SV: { size: 8, put: (to, at, value) => to.writeBigInt64LE(BigInt(value), at) },
  UL: { size: 4, put: (to, at, value) => to.writeUInt32LE(Number(value), at) },
  US: { size: 2, put: (to, at, value) => to.writeUInt16LE(Number(value), at) },
  UV: { size: 8, put: (to, at, value) => to.writeBigUInt64LE(BigInt(value), at) },
};

function isNumericVr(vr: Vr): vr is NumericVr {
  return vr in PACKERS;
}

/**
 * The bytes of one value, little endian, without padding; text in UTF-8 unless an encoder is given that can write it.
 *
 * @throws TypeError for a value that does not fit the VR
 */
export function encodeValue(tag: string, element: JsonElement, encodeText?: EncodeText): Uint8Array {
  if (element.BulkDataURI !== undefined)
    throw new TypeError(`the bytes of ${tag} are elsewhere: hand them in as binary`);
  if (element.InlineBinary !== undefined) return Buffer.from(element.InlineBinary, 'base64');
  const values = element.Value ?? [];
  if (values.length === 0) return Buffer.alloc(0);
  if (isBinaryVr(element.vr)) throw new TypeError(`${tag} (${element.vr}) must be InlineBinary`);
  if (isNumericVr(element.vr)) return packNumbers(tag, element.vr, values);
  if (element.vr === 'AT') return packTags(tag, values);
  const text = values.map((value) => textOf(tag, element.vr, value)).join('\\');
  if (!isCharacterSetVr(element.vr)) return Buffer.from(text, 'latin1');
  return encodeText?.(text, element.vr === 'PN') ?? Buffer.from(text, 'utf8');
}

function packNumbers(tag: string, vr: NumericVr, values: readonly JsonValue[]): Buffer {
  const { size, put } = PACKERS[vr];
  const bytes = Buffer.allocUnsafe(values.length * size);
  for (const [index, value] of values.entries()) {
    if (typeof value !== 'number' && (typeof value !== 'string' || value === '')) {
      throw new TypeError(`a value of ${tag} (${vr}) must be a number`);
    }
    if (vr === 'FL' || vr === 'FD') {
      if (value !== 'NaN' && Number.isNaN(Number(value))) throw new TypeError(`a value of ${tag} (${vr}) is no number`);
    } else if (!/^-?\d+$/.test(String(value))) {
      throw new TypeError(`a value of ${tag} (${vr}) must be an integer`);
    }
    try {
      put(bytes, index * size, value);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      throw new TypeError(`a value of ${tag} is out of the range of ${vr}`, { cause: error });
    }
  }
  return bytes;
}

function packTags(tag: string, values: readonly JsonValue[]): Buffer {
  const bytes = Buffer.allocUnsafe(values.length * 4);
  for (const [index, value] of values.entries()) {
    if (typeof value !== 'string' || !/^[0-9A-Fa-f]{8}$/.test(value)) {
      throw new TypeError(`a value of ${tag} (AT) must be eight hexadecimal digits`);
    }
    bytes.writeUInt16LE(Number.parseInt(value.slice(0, 4), 16), index * 4);
    bytes.writeUInt16LE(Number.parseInt(value.slice(4), 16), index * 4 + 2);
  }
  return bytes;
}

function textOf(tag: string, vr: Vr, value: JsonValue): string {
  if (value === null) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number') {
    if (vr === 'DS') return decimalString(value);
    if (vr === 'IS') return integerString(tag, value);
    throw new TypeError(`a value of ${tag} (${vr}) must be a string`);
  }
  if (vr !== 'PN') throw new TypeError(`a value of ${tag} (${vr}) must be a string`);
  return personNameText(value);
}

/** A number as Decimal String of at most 16 characters (PS3.5 Section 6.2), with as many digits as fit. */
export function decimalString(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError('a Decimal String must be a finite number');
  if (String(value).length <= 16) return String(value);
  for (let digits = 16; digits > 1; digits -= 1) {
    const exponential = value.toExponential(digits - 1);
    const plain = String(Number(exponential));
    if (plain.length <= 16) return plain;
    if (exponential.length <= 16) return exponential;
  }
  return value.toExponential(0);
}

function integerString(tag: string, value: number): string {
  if (!Number.isInteger(value) || Math.abs(value) > 0x7fffffff) {
    throw new TypeError(`a value of ${tag} (IS) must be an integer of 32 bits`);
  }
  return String(value);
}

/** Whether an encoder can write every text of the data set that (0008,0005) governs. */
export function canEncode(ds: JsonDataset, encodeText: EncodeText): boolean {
  return Object.entries(ds).every(([tag, element]) => {
    const values = element.Value ?? [];
    if (element.vr === 'SQ')
      return values.every((item) => item === null || (isItem(item) && canEncode(item, encodeText)));
    if (!isCharacterSetVr(element.vr)) return true;
    if (element.BulkDataURI !== undefined) return false; // bulk text is handed in as UTF-8
    return values.every((value) => encodeText(textOf(tag, element.vr, value), element.vr === 'PN') !== undefined);
  });
}

/** Whether any text governed by (0008,0005) needs more than ASCII. */
export function hasWideText(ds: JsonDataset): boolean {
  return Object.values(ds).some((element) => {
    if (element.vr !== 'SQ' && !isCharacterSetVr(element.vr)) return false;
    if (element.BulkDataURI !== undefined) return true; // bulk text is handed in as UTF-8
    return (element.Value ?? []).some((value) => {
      if (value === null || typeof value === 'number') return false;
      if (typeof value === 'string') return WIDE.test(value);
      if (element.vr === 'SQ') return isItem(value) && hasWideText(value);
      return Object.values(value).some((group) => typeof group === 'string' && WIDE.test(group));
    });
  });
}

const WIDE = /[\u0080-\uffff]/;
