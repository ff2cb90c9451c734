import { VoxgateError } from '../errors.ts';
import type { JsonDataset, JsonElement, JsonValue, Vr } from './dataset.ts';
import { isTag, isVr, vrOf } from './dictionary.ts';
import { encodeValue, isBinaryVr, isCharacterSetVr } from './encode-values.ts';
import { personName } from './person-name.ts';

/** What is wrong with one attribute; names it, and never its value. */
export interface AttributeFault {
  /** Eight hexadecimal digits, of the attribute of the data set itself that it lies in. */
  readonly tag: string;
  readonly sentence: string;
}

/** A value that comes apart from its data set. */
export interface BulkReference {
  /** "7FE00010", "54000100/0/54001010". */
  readonly path: string;
  readonly uri: string;
  readonly vr: Vr;
}

export interface ReadModel {
  /** Fit to be written: tags in capitals, text as Unicode, no file meta information. */
  readonly dataset: JsonDataset;
  readonly faults: readonly AttributeFault[];
  readonly bulk: readonly BulkReference[];
  /** (0002,0010), which some put beside the data set. */
  readonly transferSyntaxUid: string | undefined;
}

/** Sequences within sequences, as the reader has it. */
const MAX_DEPTH = 64;
/** One data set can be wrong in every element; the first tell the story. */
const MOST_FAULTS = 20;

/**
 * A data set in the DICOM JSON Model as somebody else has made it (PS3.18 Annex F.2), each value held against its VR. A
 * VR that is missing is the dictionary's; person names may be plain text.
 *
 * @throws VoxgateError bad-request for what is no JSON object
 */
export function readJsonModel(value: unknown): ReadModel {
  if (!isObject(value)) throw new VoxgateError('bad-request', 'a data set in JSON is an object (PS3.18 F.2)');
  const reading: Reading = { faults: [], bulk: [] };
  const meta = transferSyntaxOf(value);
  const dataset = readItem(reading, value, { tag: '', path: '', depth: 0 });
  return { dataset, faults: reading.faults.slice(0, MOST_FAULTS), bulk: reading.bulk, transferSyntaxUid: meta };
}

interface Reading {
  readonly faults: AttributeFault[];
  readonly bulk: BulkReference[];
}

interface Place {
  /** Of the attribute of the data set itself. */
  readonly tag: string;
  readonly path: string;
  readonly depth: number;
}

function readItem(reading: Reading, item: Readonly<Record<string, unknown>>, place: Place): JsonDataset {
  const elements: [string, JsonElement][] = [];
  const seen = new Set<string>();
  for (const [key, value] of Object.entries(item)) {
    const tag = key.toUpperCase();
    const top = place.tag || tag;
    const at = { tag: top, path: `${place.path}${tag}`, depth: place.depth };
    const fault = (sentence: string): void => {
      reading.faults.push({ tag: isTag(top) ? top : '00000000', sentence });
    };
    if (!isTag(tag) || tag.startsWith('FFFE')) fault('a name of the data set is no tag of eight hexadecimal digits');
    else if (seen.has(tag)) fault('occurs twice');
    else if (!isObject(value)) fault('is no object with vr and Value');
    else if (!isLeftOut(tag)) {
      const element = readElement(reading, tag, value, at);
      if (typeof element === 'string') fault(element);
      else elements.push([tag, element]);
    }
    seen.add(tag);
  }
  elements.sort(([left], [right]) => (left < right ? -1 : 1));
  return Object.fromEntries(elements);
}

/** Commands, file meta information and group lengths are no part of a data set that is stored. */
function isLeftOut(tag: string): boolean {
  return tag.startsWith('0000') || tag.startsWith('0002') || tag.endsWith('0000');
}

/** The element as it can be written, or a sentence that says why not. */
function readElement(
  reading: Reading,
  tag: string,
  { vr: written, Value, InlineBinary, BulkDataURI }: Readonly<Record<string, unknown>>,
  at: Place,
): JsonElement | string {
  const vr = written === undefined ? vrOf(tag) : written;
  if (typeof vr !== 'string' || !isVr(vr)) return 'has no VR of PS3.5 6.2';
  const forms = [Value, InlineBinary, BulkDataURI].filter((form) => form !== undefined && form !== null);
  if (forms.length > 1) return 'has more than one of Value, InlineBinary and BulkDataURI';
  // What the texts were written in before they were JSON.
  if (tag === '00080005') return { vr: 'CS', Value: ['ISO_IR 192'] };
  if (typeof BulkDataURI === 'string') {
    if (vr === 'SQ') return 'is a sequence, and no bulk data';
    reading.bulk.push({ path: at.path, uri: BulkDataURI, vr });
    return { vr, BulkDataURI };
  }
  if (typeof InlineBinary === 'string') return binary(vr, InlineBinary);
  if (forms.length === 0) return { vr };
  if (!Array.isArray(Value)) return 'has a Value that is no list';
  const values: readonly unknown[] = Value;
  if (vr === 'SQ') return sequence(reading, values, at);
  if (isBinaryVr(vr)) return values.length === 0 ? { vr } : `(${vr}) holds bytes: InlineBinary or BulkDataURI`;
  return plain(tag, vr, values);
}

function binary(vr: Vr, InlineBinary: string): JsonElement | string {
  if (!isBinaryVr(vr)) return `(${vr}) holds no bytes`;
  const digits = InlineBinary.replace(/\s+/g, '');
  if (digits.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(digits)) return 'is not base64 (RFC 4648 4)';
  return digits === '' ? { vr } : { vr, InlineBinary: digits };
}

function sequence(reading: Reading, values: readonly unknown[], at: Place): JsonElement | string {
  if (at.depth >= MAX_DEPTH) return `is nested over ${MAX_DEPTH} deep`;
  if (!values.every((item) => item === null || isObject(item))) return 'has an item that is no object';
  const items = values.map((item, index) =>
    isObject(item) ? readItem(reading, item, { tag: at.tag, path: `${at.path}/${index}/`, depth: at.depth + 1 }) : {},
  );
  return items.length > 0 ? { vr: 'SQ', Value: items } : { vr: 'SQ' };
}

function plain(tag: string, vr: Vr, values: readonly unknown[]): JsonElement | string {
  if (values.length === 1 && values[0] === null) return { vr };
  const read: JsonValue[] = [];
  for (const value of values) {
    const one = vr === 'PN' ? name(value) : scalar(vr, value);
    if (one === undefined) return `(${vr}) has a value that is none of that VR`;
    read.push(one);
  }
  if (read.length === 0) return { vr };
  const element = { vr, Value: read };
  try {
    encodeValue(tag, element);
  } catch {
    return `(${vr}) has a value that is none of that VR`;
  }
  return element;
}

function name(value: unknown): JsonValue | undefined {
  if (value === null || value === '') return null;
  if (typeof value === 'string') return value.includes('\\') ? undefined : personName(value);
  if (!isObject(value)) return undefined;
  const { Alphabetic, Ideographic, Phonetic } = value;
  const groups = Object.entries({ Alphabetic, Ideographic, Phonetic }).filter(([, group]) => group != null);
  if (!groups.every(([, group]) => typeof group === 'string' && !/[\\=]/.test(group))) return undefined;
  return Object.fromEntries(groups) as Record<string, string>;
}

const NUMERIC_TEXT: Partial<Readonly<Record<Vr, RegExp>>> = {
  DS: /^ *[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)? *$/,
  IS: /^ *[+-]?\d{1,11} *$/,
  FL: /^([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|NaN|-?inf|-?Infinity)$/,
  FD: /^([+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|NaN|-?inf|-?Infinity)$/,
  SV: /^-?\d{1,19}$/,
  UV: /^\d{1,20}$/,
  SL: /^-?\d{1,10}$/,
  SS: /^-?\d{1,5}$/,
  UL: /^\d{1,10}$/,
  US: /^\d{1,5}$/,
};
/** VRs of one value, in which a backslash is a letter (PS3.5 6.2). */
const SINGLE: ReadonlySet<Vr> = new Set<Vr>(['LT', 'ST', 'UR', 'UT']);
const NOT_ASCII = /[^\x20-\x7e]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: PS3.5 6.1.3: of control characters text may have these five
const NO_TEXT = /[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\x7f]/;

function scalar(vr: Vr, value: unknown): JsonValue | undefined {
  const pattern = NUMERIC_TEXT[vr];
  if (value === null || value === '') return pattern === undefined || vr === 'DS' || vr === 'IS' ? null : undefined;
  if (pattern !== undefined) {
    if (typeof value === 'string' && pattern.test(value)) return value.replace(/inf$/, 'Infinity');
    return typeof value === 'number' ? value : undefined;
  }
  if (typeof value !== 'string') return undefined;
  if (value.includes('\\') && !SINGLE.has(vr)) return undefined;
  return (isCharacterSetVr(vr) ? NO_TEXT : NOT_ASCII).test(value) ? undefined : value;
}

function transferSyntaxOf(dataset: Readonly<Record<string, unknown>>): string | undefined {
  const element = dataset['00020010'];
  const values: unknown = isObject(element) ? element['Value'] : undefined;
  const [uid] = Array.isArray(values) ? values : [];
  return typeof uid === 'string' ? uid : undefined;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
