import type { JsonDataset, JsonElement, JsonValue, PersonName } from './dataset.ts';
import { tagOfKeywordOrTag } from './dictionary.ts';
import { personNameText } from './person-name.ts';

/** All of these take a keyword of PS3.6 or a tag; an unknown one throws TypeError, being our own mistake. */
function elementOf(ds: JsonDataset, keywordOrTag: string): JsonElement | undefined {
  const tag = tagOfKeywordOrTag(keywordOrTag);
  if (tag === undefined) throw new TypeError(`${keywordOrTag} is neither a keyword of PS3.6 nor a tag`);
  return ds[tag];
}

/** The first value as text: numbers in decimal, person names with their groups joined by "=". */
export function text(ds: JsonDataset, keywordOrTag: string): string | undefined {
  return asText(elementOf(ds, keywordOrTag)?.Value?.[0]);
}

/** Every value as text; an empty value between others is ''. */
export function texts(ds: JsonDataset, keywordOrTag: string): string[] {
  return (elementOf(ds, keywordOrTag)?.Value ?? []).map((value) => asText(value) ?? '');
}

/** The first value as number; undefined when absent, empty or not a number. */
export function number(ds: JsonDataset, keywordOrTag: string): number | undefined {
  return asNumber(elementOf(ds, keywordOrTag)?.Value?.[0]);
}

/** Every value as number; what is not a number is NaN, so that positions are kept. */
export function numbers(ds: JsonDataset, keywordOrTag: string): number[] {
  return (elementOf(ds, keywordOrTag)?.Value ?? []).map((value) => asNumber(value) ?? Number.NaN);
}

/** The items of a sequence. */
export function items(ds: JsonDataset, keywordOrTag: string): JsonDataset[] {
  const element = elementOf(ds, keywordOrTag);
  return element?.vr === 'SQ' ? (element.Value ?? []).filter(isItem) : [];
}

/** Whether the attribute is there, empty or not. */
export function isPresent(ds: JsonDataset, keywordOrTag: string): boolean {
  return elementOf(ds, keywordOrTag) !== undefined;
}

/** Whether a value of a sequence is an item, as it should be. */
export function isItem(value: JsonValue): value is JsonDataset {
  return typeof value === 'object' && value !== null;
}

function isPersonName(value: object): value is PersonName {
  return 'Alphabetic' in value || 'Ideographic' in value || 'Phonetic' in value;
}

function asText(value: JsonValue | undefined): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'object') return isPersonName(value) ? personNameText(value) : undefined;
  return String(value);
}

function asNumber(value: JsonValue | undefined): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value !== 'string' || value.trim() === '') return undefined;
  const parsed = Number(value);
  return Number.isNaN(parsed) ? undefined : parsed;
}
