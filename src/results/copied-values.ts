import type { JsonDataset, JsonElement, JsonValue } from '../dicom/dataset.ts';
import { isPrivate, keywordOf, tagOf, vrOf } from '../dicom/dictionary.ts';
import { fitValue, isBlank, type ValueRules } from './fit-values.ts';

/** An attribute to copy from a source data set, and what its module says about it. */
export interface CopiedAttribute extends ValueRules {
  readonly keyword: string;
  /** 2: always present, if need be empty; 2C: empty where the source has it empty. Others are left out when empty. */
  readonly type?: '2' | '2C';
  readonly many?: true;
  /** Copied even where its VR forbids the value. */
  readonly verbatim?: true;
}

export interface CopiedElement {
  readonly element?: JsonElement;
  /** The tag, when the value could not be copied as it was. */
  readonly repaired?: string;
}

/** Sequences deeper than this are not copied: no Patient or Study attribute nests more than a few levels. */
const MAX_DEPTH = 8;

/**
 * The attribute as it may stand in an object of ours: the value of the source where its VR allows it, else the nearest
 * certain repair, else blank (type 2) or nothing. Present and empty stays present and empty.
 */
export function copyAttribute(source: JsonDataset, attribute: CopiedAttribute): CopiedElement {
  const tag = tagOf(attribute.keyword);
  const vr = tag === undefined ? undefined : vrOf(tag);
  if (tag === undefined || vr === undefined) throw new TypeError(`${attribute.keyword} is not in PS3.6`);
  const found = source[tag];
  const mayBeEmpty = attribute.type === '2' || (attribute.type === '2C' && found !== undefined);
  const blank: CopiedElement = mayBeEmpty ? { element: { vr } } : {};
  if (found === undefined) return blank;
  const values = (found.Value ?? []).filter((value) => !isBlank(value));
  if (values.length === 0) {
    const unreadable = found.InlineBinary !== undefined || found.BulkDataURI !== undefined;
    return unreadable ? { ...blank, repaired: tag } : blank;
  }
  if (vr === 'SQ') return copySequence(tag, found, blank);
  if (attribute.verbatim && values.every((value) => typeof value === 'string'))
    return { element: { vr, Value: values } };
  const kept = attribute.many ? values : values.slice(0, 1);
  const fit = kept.map((value) => fitValue(vr, value, attribute)).filter((value) => value !== undefined);
  const changed =
    fit.length !== (found.Value ?? []).length || fit.some((value, i) => !sameValue(value, found.Value?.[i]));
  const element = fit.length > 0 ? { vr, Value: fit } : blank.element;
  return { ...(element ? { element } : {}), ...(changed ? { repaired: tag } : {}) };
}

function sameValue(a: JsonValue, b: JsonValue | undefined): boolean {
  return a === b || (typeof a === 'object' && JSON.stringify(a) === JSON.stringify(b));
}

/** A sequence is copied whole or not at all: half an identifier or half a code misleads. */
function copySequence(tag: string, found: JsonElement, blank: CopiedElement): CopiedElement {
  const items = (found.Value ?? []).map((item) => fitItem(item, tag, 1));
  if (items.some((item) => item === undefined)) return { ...blank, repaired: tag };
  return { element: { vr: 'SQ', Value: items.filter((item) => item !== undefined) } };
}

/** The item without private attributes, if every other value in it is fit and macros have their type 1 attributes. */
function fitItem(item: JsonValue, sequenceTag: string, depth: number): JsonDataset | undefined {
  if (typeof item !== 'object' || item === null || depth > MAX_DEPTH) return undefined;
  const elements: [string, JsonElement][] = [];
  for (const [tag, element] of Object.entries(item as JsonDataset)) {
    const vr = vrOf(tag);
    if (isPrivate(tag) || vr === undefined) continue;
    const values = element.Value ?? [];
    if (element.InlineBinary !== undefined || element.BulkDataURI !== undefined || element.vr !== vr) return undefined;
    if (vr === 'SQ') {
      const nested = values.map((one) => fitItem(one, tag, depth + 1));
      if (nested.some((one) => one === undefined)) return undefined;
      elements.push([tag, { vr, Value: nested.filter((one) => one !== undefined) }]);
      continue;
    }
    const fit = values.every((value) => value !== null && sameValue(fitValue(vr, value, {}) ?? null, value));
    if (!fit) return undefined;
    elements.push([tag, element]);
  }
  const copy = Object.fromEntries(elements);
  return hasTypeOnes(copy, sequenceTag) ? copy : undefined;
}

/** Type 1 attributes of the macros these sequences invoke: codes (PS3.3 Table 8.8-1), references (Table 10-11). */
function hasTypeOnes(item: JsonDataset, sequenceTag: string): boolean {
  const has = (...tags: string[]) => tags.some((tag) => (item[tag]?.Value?.length ?? 0) > 0);
  const keyword = keywordOf(sequenceTag) ?? '';
  if (keyword.endsWith('CodeSequence')) {
    const selfContained = has('00080119', '00080120'); // Long Code Value, URN Code Value
    return has('00080104') && (selfContained || (has('00080100') && has('00080102')));
  }
  return keyword !== 'ReferencedStudySequence' || (has('00081150') && has('00081155'));
}
