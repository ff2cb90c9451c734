import type { JsonDataset, JsonElement, JsonValue, PersonName, Vr } from './dataset.ts';
import { attributeOf, isVr, tagOfKeywordOrTag, vrOf } from './dictionary.ts';
import { personName } from './person-name.ts';

/** A value of one attribute: a scalar, bytes, a person name, an item, or a ready-made element of the JSON model. */
export type FieldScalar = string | number | null | Uint8Array | PersonName | JsonElement | Fields;
export type FieldValue = FieldScalar | readonly FieldScalar[] | undefined;

/** Attributes by keyword, or by tag as eight hexadecimal digits. */
export interface Fields {
  readonly [keywordOrTag: string]: FieldValue;
}

/**
 * Builds a data set in the DICOM JSON Model (PS3.18 Annex F.2) from keywords:
 *
 *     dataset({ PatientID: 'x', Rows: 512, PixelSpacing: [0.7, 0.7], SegmentSequence: [{ SegmentNumber: 1 }] })
 *
 * `undefined` leaves an attribute out; `null`, '' and [] make it present and empty. Objects are items of a sequence,
 * person names in PN. Bytes become InlineBinary, little endian; hand big ones to `encodePart10` as `binary` instead.
 * A JsonElement is taken as it is, which is how private attributes, whose VR no dictionary knows, are given.
 *
 * @throws TypeError for an unknown keyword or a value that does not fit the VR: both are our own mistake
 */
export function dataset(fields: Fields): JsonDataset {
  const elements: [string, JsonElement][] = [];
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const tag = tagOfKeywordOrTag(name);
    if (tag === undefined) throw new TypeError(`${name} is neither a keyword of PS3.6 nor a tag`);
    elements.push([tag, element(tag, value, fields)]);
  }
  elements.sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(elements);
}

function element(tag: string, value: Exclude<FieldValue, undefined>, siblings: Fields): JsonElement {
  if (isJsonElement(value)) return value;
  if (value instanceof Uint8Array) return binaryElement(tag, value);
  const values: readonly FieldScalar[] = isList(value) ? value : value === null || value === '' ? [] : [value];
  const vr = vrFor(tag, values, siblings);
  if (values.length === 0) return { vr };
  const [first] = values;
  if (values.length === 1 && first instanceof Uint8Array) return binaryElement(tag, first);
  return { vr, Value: values.map((one) => jsonValue(one, vr, tag)) };
}

function isList(value: FieldValue): value is readonly FieldScalar[] {
  return Array.isArray(value);
}

function isJsonElement(value: FieldValue): value is JsonElement {
  return isObject(value) && 'vr' in value && typeof value.vr === 'string' && isVr(value.vr);
}

function isFields(value: FieldValue): value is Fields {
  return isObject(value) && !isJsonElement(value);
}

function isObject(value: FieldValue): value is PersonName | JsonElement | Fields {
  return typeof value === 'object' && value !== null && !isList(value) && !(value instanceof Uint8Array);
}

function isPersonName(value: PersonName | JsonElement | Fields): value is PersonName {
  return Object.entries(value).every(
    ([group, text]) =>
      (group === 'Alphabetic' || group === 'Ideographic' || group === 'Phonetic') &&
      (text === undefined || typeof text === 'string'),
  );
}

/** Where PS3.6 says "OB or OW" it is OW here; the encoder knows the rules for Pixel Data (PS3.5 Annex A). */
function binaryElement(tag: string, bytes: Uint8Array): JsonElement {
  const vr = vrOf(tag) ?? 'UN';
  if (bytes.length === 0) return { vr };
  return { vr, InlineBinary: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64') };
}

/** "US or SS" follows Pixel Representation (PS3.5 Annex A.1), or the sign of the values where that is absent. */
function vrFor(tag: string, values: readonly FieldScalar[], siblings: Fields): Vr {
  const vr = vrOf(tag);
  if (vr === undefined) throw new TypeError(`${tag} is not in PS3.6: give the VR with it, as a JsonElement`);
  const choice = attributeOf(tag)?.choice;
  const numeric = values.length > 0 && values.every((value) => typeof value === 'number');
  if (choice === 'US or OW' && numeric) return 'US';
  if (choice !== 'US or SS') return vr;
  const signed = siblings['PixelRepresentation'] === 1 || values.some((v) => typeof v === 'number' && v < 0);
  return signed ? 'SS' : 'US';
}

function jsonValue(value: FieldScalar, vr: Vr, tag: string): JsonValue {
  if (value === null || value === '') return null;
  if (vr === 'SQ') {
    if (!isFields(value)) throw new TypeError(`an item of ${tag} (SQ) must be an object`);
    return dataset(value);
  }
  if (vr === 'PN') {
    if (typeof value === 'string') return personName(value);
    if (isObject(value) && isPersonName(value)) return value;
    throw new TypeError(`a value of ${tag} (PN) must be a string or a person name`);
  }
  if (typeof value === 'number') {
    if (!NUMERIC.has(vr)) throw new TypeError(`a value of ${tag} (${vr}) must be a string, not a number`);
    return Number.isFinite(value) ? value : String(value);
  }
  if (typeof value !== 'string') throw new TypeError(`a value of ${tag} (${vr}) must be a string or a number`);
  return value;
}

const NUMERIC: ReadonlySet<Vr> = new Set<Vr>(['DS', 'IS', 'FL', 'FD', 'SL', 'SS', 'SV', 'UL', 'US', 'UV']);
