import type { JsonDataset, JsonElement, JsonValue, PersonName, Vr } from './dataset.ts';
import { isPrivate } from './dictionary.ts';
import { isBinaryVr } from './encode-values.ts';

/** What is wrong with a document of the Native DICOM Model; names tags, never values, which may be about a patient. */
export class NativeXmlFault extends Error {}

/** A DicomAttribute as it stands in the document. */
export interface XmlAttribute {
  /** Of a private element with a creator: (gggg,00ee), without its block (PS3.19 Table A.1.5-2). */
  readonly tag: string;
  readonly vr: Vr;
  readonly creator?: string;
  /** The element that its content is: all values are of that one. */
  content?: string;
  readonly values: (string | null | PersonName | JsonDataset)[];
  uri?: string;
  binary?: string;
  readonly element: JsonElement;
}

/** The element that an attribute of the document means (PS3.18 Section F.3.1). */
export function elementOf(attribute: XmlAttribute): JsonElement {
  const { tag, vr, content, values } = attribute;
  const misplaced = (): never => {
    throw new NativeXmlFault(`${tag} (${vr}) cannot hold ${content}`);
  };
  switch (content) {
    case undefined:
      return { vr };
    case 'Item':
      return vr === 'SQ' ? { vr, Value: values } : misplaced();
    case 'BulkData':
      return vr === 'SQ' ? misplaced() : { vr, BulkDataURI: attribute.uri! };
    case 'InlineBinary':
      return vr === 'SQ' ? misplaced() : binaryElement(attribute);
    case 'PersonName':
      return vr === 'PN' ? listElement(vr, values.map(nameOrNull)) : misplaced();
    default:
      if (vr === 'SQ' || vr === 'PN' || isBinaryVr(vr)) return misplaced();
      return listElement(
        vr,
        values.map((value) => valueOfVr(attribute, typeof value === 'string' ? value : '')),
      );
  }
}

/** One empty value is no value: the attribute has zero length (PS3.18 Section F.2.5). */
function listElement(vr: Vr, values: readonly JsonValue[]): JsonElement {
  return values.length === 1 && values[0] === null ? { vr } : { vr, Value: values };
}

function binaryElement({ tag, vr, binary = '' }: XmlAttribute): JsonElement {
  const text = binary.replace(/\s+/g, '');
  if (text === '') return { vr };
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw new NativeXmlFault(`${tag} is not base64`);
  return { vr, InlineBinary: text };
}

function nameOrNull(value: XmlAttribute['values'][number]): JsonValue {
  if (value === null || typeof value === 'string') return null;
  const groups = Object.entries(value).filter(([, group]) => group !== '');
  return groups.length === 0 ? null : Object.fromEntries(groups);
}

/** VRs of which white space around a value is never a part (PS3.5 Section 6.2). */
const TRIMMED: ReadonlySet<Vr> = new Set<Vr>(['AE', 'AS', 'CS', 'DA', 'DS', 'DT', 'IS', 'TM', 'UI', 'UR']);
const NOT_FINITE: Readonly<Record<string, string>> = {
  nan: 'NaN', inf: 'Infinity', infinity: 'Infinity', '-inf': '-Infinity', '-infinity': '-Infinity',
}; // biome-ignore format: one line
const INTEGERS: Partial<Readonly<Record<Vr, readonly [bigint, bigint]>>> = {
  SS: [-(2n ** 15n), 2n ** 15n - 1n],
  SL: [-(2n ** 31n), 2n ** 31n - 1n],
  SV: [-(2n ** 63n), 2n ** 63n - 1n],
  US: [0n, 2n ** 16n - 1n],
  UL: [0n, 2n ** 32n - 1n],
  UV: [0n, 2n ** 64n - 1n],
};

/** A value in the type that the DICOM JSON Model has for its VR (PS3.18 Table F.2.3-1); empty ones are null. */
function valueOfVr({ tag, vr }: XmlAttribute, text: string): JsonValue {
  const isNumber = INTEGERS[vr] !== undefined || vr === 'FL' || vr === 'FD' || vr === 'AT';
  const value = isNumber || TRIMMED.has(vr) ? text.trim() : text;
  if (value === '') return null;
  const read = isNumber ? numberOf(vr, value) : vr === 'DS' || vr === 'IS' ? numberString(vr, value) : value;
  if (read === undefined) throw new NativeXmlFault(`a value of ${tag} (${vr}) is none of that VR`);
  return read;
}

function numberOf(vr: Vr, text: string): number | string | undefined {
  if (vr === 'AT') return /^[0-9A-Fa-f]{8}$/.test(text) ? text.toUpperCase() : undefined;
  const range = INTEGERS[vr];
  if (range === undefined) {
    if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return finiteOr(Number(text) + 0);
    return NOT_FINITE[text.toLowerCase()];
  }
  if (!/^[+-]?\d{1,20}$/.test(text)) return undefined;
  const integer = BigInt(text.startsWith('+') ? text.slice(1) : text);
  if (integer < range[0] || integer > range[1]) return undefined;
  return Number.isSafeInteger(Number(integer)) ? Number(integer) : String(integer);
}

function finiteOr(value: number): number | string {
  return Number.isFinite(value) ? value : String(value);
}

/** A number where it is written as we would write it, else the text: "1.50" shall stay so (PS3.18 Section F.2.3, note). */
function numberString(vr: Vr, text: string): number | string {
  const value = Number(text);
  const isNumber = vr === 'IS' ? Number.isSafeInteger(value) : Number.isFinite(value);
  return isNumber && String(value) === text ? value : text;
}

/** A data set of its attributes: group lengths left out, private elements in blocks, tags ascending. */
export function datasetOf(attributes: readonly XmlAttribute[]): JsonDataset {
  const blocks = new PrivateBlocks(attributes);
  const elements = new Map<string, JsonElement>();
  for (const attribute of attributes) {
    if (attribute.creator === undefined && attribute.tag.endsWith('0000')) continue; // PS3.19 Section A.1.1
    const tag = blocks.tagOf(attribute, (found) => elements.has(found));
    if (elements.has(tag)) throw new NativeXmlFault(`${tag} occurs twice`);
    elements.set(tag, attribute.element);
  }
  for (const [tag, creator] of blocks.added) elements.set(tag, { vr: 'LO', Value: [creator] });
  return Object.fromEntries([...elements].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** The blocks of private elements that are reserved in a data set (PS3.5 Section 7.8.1), and which are still free. */
class PrivateBlocks {
  /** Private Creator elements that the document lacked. */
  readonly added = new Map<string, string>();
  readonly #creators = new Map<string, string>();
  readonly #blocks = new Map<string, string[]>();

  constructor(attributes: readonly XmlAttribute[]) {
    for (const { tag, creator, element } of attributes) {
      if (!isPrivate(tag) || creator !== undefined) continue;
      const value = element.Value?.[0];
      if (tag.slice(4, 6) !== '00') this.#creators.set(`${tag.slice(0, 4)}00${tag.slice(4, 6)}`, '');
      else if (tag.slice(6) >= '10') this.#reserve(tag, typeof value === 'string' ? value : '');
    }
  }

  /** The tag in its block. A creator may have several: the first where the tag is still free. */
  tagOf({ tag, creator }: XmlAttribute, isTaken: (tag: string) => boolean): string {
    if (creator === undefined || !isPrivate(tag)) return tag;
    const group = tag.slice(0, 4);
    const inBlock = (block: string): string => `${group}${block}${tag.slice(6)}`;
    const written = tag.slice(4, 6); // some writers leave the block in
    if (written >= '10') {
      const reserved = this.#creators.get(`${group}00${written}`);
      if (reserved === undefined) this.#add(group, written, creator);
      if (reserved === undefined || reserved === creator) return tag;
    }
    const blocks = this.#blocks.get(`${group} ${creator}`) ?? [];
    const free = blocks.find((block) => !isTaken(inBlock(block)));
    return inBlock(free ?? this.#add(group, this.#nextFree(group), creator));
  }

  #nextFree(group: string): string {
    for (let block = 0x10; block <= 0xff; block += 1) {
      const digits = block.toString(16).toUpperCase();
      if (!this.#creators.has(`${group}00${digits}`)) return digits;
    }
    throw new NativeXmlFault(`group ${group} has no free block for another private creator`);
  }

  #add(group: string, block: string, creator: string): string {
    this.added.set(`${group}00${block}`, creator);
    this.#reserve(`${group}00${block}`, creator);
    return block;
  }

  #reserve(tag: string, creator: string): void {
    if (this.#creators.has(tag)) return; // it occurs twice, which is refused when its turn comes
    this.#creators.set(tag, creator);
    const key = `${tag.slice(0, 4)} ${creator}`;
    this.#blocks.set(key, [...(this.#blocks.get(key) ?? []), tag.slice(6)]);
  }
}
