import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readBulk } from '../../src/dicom/bulk.ts';
import { type CharacterSet, characterSetOf } from '../../src/dicom/charset.ts';
import type { JsonDataset, JsonElement, JsonValue, Vr } from '../../src/dicom/dataset.ts';
import { NUMBER_SIZES, numberValues, textValues } from '../../src/dicom/decode-values.ts';
import { inflate } from '../../src/dicom/deflate.ts';
import { isVr } from '../../src/dicom/dictionary.ts';
import { isBinaryVr } from '../../src/dicom/encode-values.ts';
import { bufferSource, type ParsedObject, parsePart10 } from '../../src/dicom/parse.ts';
import { toLittleEndian } from '../../src/dicom/read-value.ts';
import { isItem } from '../../src/dicom/read-values.ts';

/** A data set with every value at hand, in the same form whoever read it. */
export type Plain = ReadonlyMap<string, PlainElement>;

export interface PlainElement {
  readonly vr: Vr;
  readonly values: readonly JsonValue[];
  readonly items?: readonly Plain[];
  /** Length and digest of a binary value; none where it is empty. */
  readonly digest?: string;
  /** Of VR UN: the value itself. */
  readonly bytes?: Buffer;
  /** Digests that are the same value in the eyes of another reader, with the reason. */
  readonly alike?: Readonly<Record<string, string>>;
}

/** One attribute that is not the same on both sides. */
export interface Difference {
  readonly file: string;
  /** Tags and item indexes, as in "54000100/0/54001010". */
  readonly path: string;
  readonly tag: string;
  readonly kind: 'only here' | 'only there' | 'VR' | 'items' | 'value' | 'bytes';
  readonly ours?: PlainElement;
  readonly theirs?: PlainElement;
  /** The object as we read it. */
  readonly read: ParsedObject;
}

export interface Comparison {
  attributes: number;
  readonly differences: Difference[];
}

export interface ReadFile {
  readonly parsed: ParsedObject;
  readonly plain: Plain;
}

const UTF_8 = characterSetOf(['ISO_IR 192']);

/** The file as Voxgate reads it, with what its metadata would name by BulkDataURI. */
export function readFile(path: string): ReadFile {
  const bytes = readFileSync(path);
  const parsed = parsePart10(bufferSource(bytes));
  const source = bufferSource(parsed.deflated ? inflate(bufferSource(bytes), parsed.dataSetOffset).bytes : bytes);
  const resolve = (element: JsonElement, at: string): PlainElement => {
    const { vr } = element;
    const bulk = parsed.bulk.get(at);
    if (bulk === undefined) throw new Error(`${at} has no bulk value`);
    const value = readBulk(bulk, source);
    if (!isBinaryVr(vr)) return { vr, values: decode(value, vr, UTF_8) };
    const alike = bulk.encapsulated
      ? withoutDelimiter(value)
      : { [digestOf(toLittleEndian(value, bulk.swap))]: 'big endian' };
    return { vr, values: [], digest: digestOf(value), ...(vr === 'UN' && { bytes: value }), alike };
  };
  return { parsed, plain: plainOf(parsed.dataset, resolve) };
}

/** pydicom leaves the Sequence Delimitation Item behind the last fragment to the encoding, not to the value. */
function withoutDelimiter(value: Buffer): Record<string, string> {
  return value.toString('hex', Math.max(0, value.length - 8)) === 'feffdde000000000'
    ? { [digestOf(value.subarray(0, -8))]: 'without the delimitation item' }
    : {};
}

/**
 * A data set of the DICOM JSON Model in plain form.
 *
 * @param resolve what stands behind a BulkDataURI; the digest that it is, unless given
 */
export function plainOf(
  dataset: JsonDataset,
  resolve: (element: JsonElement, path: string) => PlainElement = digestElement,
  path = '',
): Plain {
  const plain = new Map<string, PlainElement>();
  for (const [tag, element] of Object.entries(dataset)) {
    plain.set(tag, elementOf(element, resolve, `${path}${tag}`));
  }
  return plain;
}

function elementOf(
  element: JsonElement,
  resolve: (element: JsonElement, path: string) => PlainElement,
  path: string,
): PlainElement {
  const { vr, Value: values = [] } = element;
  if (element.BulkDataURI !== undefined) return resolve(element, path);
  if (element.InlineBinary) {
    const bytes = Buffer.from(element.InlineBinary, 'base64');
    const alike = { [digestOf(toLittleEndian(bytes, vr === 'OW' ? 2 : 1))]: 'big endian' };
    return { vr, values: [], digest: digestOf(bytes), ...(vr === 'UN' && { bytes }), alike };
  }
  if (vr !== 'SQ') return { vr, values };
  return {
    vr,
    values: [],
    items: values.map((item, at) => plainOf(isItem(item) ? item : {}, resolve, `${path}/${at}/`)),
  };
}

/** What is known of a binary value when only its presence is. */
export const SOME_BYTES = 'some bytes';

function digestElement({ vr, BulkDataURI = '' }: JsonElement): PlainElement {
  return BulkDataURI.startsWith('sha256:0:') ? { vr, values: [] } : { vr, values: [], digest: BulkDataURI };
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${bytes.length}:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** Bytes taken for values of that VR, little endian. */
export function decode(bytes: Buffer, vr: Vr, characterSet: CharacterSet): JsonValue[] {
  return NUMBER_SIZES[vr] === undefined ? textValues(bytes, vr, characterSet) : numberValues(bytes, vr, false);
}

/** Adds to the comparison what is not the same in both readings of one file. */
export function compare(comparison: Comparison, file: string, ours: ReadFile, theirs: Plain): void {
  compareLevel(comparison, { file, read: ours.parsed }, ours.plain, theirs, '');
}

function compareLevel(
  comparison: Comparison,
  of: Pick<Difference, 'file' | 'read'>,
  ours: Plain,
  theirs: Plain,
  above: string,
): void {
  for (const tag of new Set([...ours.keys(), ...theirs.keys()])) {
    comparison.attributes += 1;
    const [here, there, path] = [ours.get(tag), theirs.get(tag), `${above}${tag}`];
    const kind = differenceOf(here, there);
    if (kind !== undefined) {
      const sides = { ...(here && { ours: here }), ...(there && { theirs: there }) };
      comparison.differences.push({ ...of, path, tag, kind, ...sides });
    } else {
      here?.items?.forEach((item, at) => {
        compareLevel(comparison, of, item, there!.items![at]!, `${path}/${at}/`);
      });
    }
  }
}

function differenceOf(here?: PlainElement, there?: PlainElement): Difference['kind'] | undefined {
  if (here === undefined) return 'only there';
  if (there === undefined) return 'only here';
  if (here.vr !== there.vr || !isVr(there.vr)) return 'VR';
  if (here.items?.length !== there.items?.length) return 'items';
  if (there.digest === SOME_BYTES) return here.digest === undefined ? 'bytes' : undefined;
  if (here.digest !== there.digest) return 'bytes';
  return sameValues(here.vr, here.values, there.values) ? undefined : 'value';
}

/** Whether two lists are the same values; a number may be written as text (PS3.18 Table F.2.3-1). */
export function sameValues(vr: Vr, ours: readonly JsonValue[], theirs: readonly JsonValue[]): boolean {
  return ours.length === theirs.length && ours.every((value, at) => sameValue(vr, value, theirs[at] ?? null));
}

const NUMBERS: ReadonlySet<Vr> = new Set<Vr>(['DS', 'IS', 'SV', 'UV', 'FL', 'FD']);

function sameValue(vr: Vr, ours: JsonValue, theirs: JsonValue): boolean {
  if (ours === theirs) return true;
  if (vr === 'PN') return JSON.stringify(ours) === JSON.stringify(theirs);
  if (!NUMBERS.has(vr) || ours === null || theirs === null) return false;
  const [left, right] = [Number(ours), Number(theirs)];
  return vr === 'FL' ? Math.fround(left) === Math.fround(right) : left === right;
}
