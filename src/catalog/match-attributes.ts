import type { JsonDataset, JsonElement, JsonValue, Vr } from '../dicom/dataset.ts';
import { tagOf, vrOf } from '../dicom/dictionary.ts';
import { liesWithin, momentsOf } from '../dicom/moments.ts';
import { personNameText } from '../dicom/person-name.ts';
import type { Match } from '../dicom/query-match.ts';
import { isItem } from '../dicom/read-values.ts';
import { fold } from './fold.ts';
import { soundsOf, wordsOf } from './names.ts';

/** Keys that are matched on kept attributes, for want of a column. */
export type AttributeFilters = ReadonlyMap<string, Match>;

/**
 * Whether kept attributes match every filter. Keys below the same sequence must match in one and the same item (PS3.4
 * C.2.2.2.6); any item will do.
 */
export function matchesAttributes(dataset: JsonDataset, filters: AttributeFilters, fuzzy: boolean): boolean {
  const below = new Map<string, Map<string, Match>>();
  for (const [path, match] of filters) {
    if (match.kind === 'any') continue;
    const point = path.indexOf('.');
    if (point === -1) {
      if (!matchesElement(dataset, path, match, fuzzy)) return false;
      continue;
    }
    const sequence = path.slice(0, point);
    const keys = below.get(sequence) ?? new Map<string, Match>();
    below.set(sequence, keys.set(path.slice(point + 1), match));
  }
  return [...below].every(([sequence, keys]) => {
    // an absent sequence is one item without attributes: it matches keys that ask for what is empty
    const items = (dataset[sequence]?.Value ?? []).filter(isItem);
    return (items.length === 0 ? [{}] : items).some((item) => matchesAttributes(item, keys, fuzzy));
  });
}

function matchesElement(dataset: JsonDataset, tag: string, match: Match, fuzzy: boolean): boolean {
  const element: JsonElement | undefined = dataset[tag];
  const values = (element?.Value ?? []).map(valueText).filter((value) => value !== '');
  const vr = element?.vr ?? vrOf(tag);
  const zone = vr === 'DT' ? dataset[TIMEZONE]?.Value?.[0] : undefined;
  return matchesValues(values, match, { vr, zone: typeof zone === 'string' ? zone : '', fuzzy });
}

const TIMEZONE = tagOf('TimezoneOffsetFromUTC')!;

interface Compared {
  readonly vr: Vr | undefined;
  /** Of a DT that does not say its own: what its data set says, or ''. */
  readonly zone: string;
  readonly fuzzy: boolean;
}

function matchesValues(values: readonly string[], match: Match, as: Compared): boolean {
  switch (match.kind) {
    case 'any':
      return true;
    case 'empty':
      return values.length === 0;
    case 'equals':
      return match.values.some((wanted) => values.some((value) => isSame(value, wanted, as)));
    case 'like':
      return match.patterns.some((wanted) => values.some((value) => isLike(value, wanted, as)));
    case 'range':
      return values.some((value) => isWithin(value, match, as));
    case 'oneOf':
      return match.matches.some((one) => matchesValues(values, one, as));
    default:
      return match satisfies never;
  }
}

function isSame(value: string, wanted: string, as: Compared): boolean {
  if (as.vr === 'DT') return isWithin(value, { kind: 'range', from: wanted, to: wanted }, as);
  return as.vr === 'PN' ? isLike(value, wanted, as) : value === wanted;
}

function isLike(value: string, pattern: string, { vr, fuzzy }: Compared): boolean {
  if (vr !== 'PN') return globMatches(pattern, value);
  if (fuzzy) return isFuzzily(value, pattern);
  const groups = fold(value).split('=');
  const wanted = fold(pattern).split('=');
  if (wanted.length === 1) return groups.some((group) => globMatches(wanted[0]!, group));
  return wanted.every((one, i) => one === '' || globMatches(one, groups[i] ?? ''));
}

function isFuzzily(name: string, wanted: string): boolean {
  const words = wordsOf(name);
  const sounds = new Set(soundsOf(name));
  return wordsOf(wanted).every(
    (word) => words.some((one) => one.startsWith(word)) || soundsOf(word).some((sound) => sounds.has(sound)),
  );
}

function isWithin(value: string, { from, to }: Extract<Match, { kind: 'range' }>, { vr, zone }: Compared): boolean {
  if (vr === 'DT') {
    const moments = momentsOf(/[+-]\d{4}$/.test(value) ? value : value + zone);
    return moments !== undefined && liesWithin(moments, momentsIn(from), momentsIn(to));
  }
  const whole = vr === 'TM' ? value.padEnd(6, '0') : value;
  return (from === undefined || whole >= from) && (to === undefined || whole < `${to}:`);
}

function momentsIn(text: string | undefined): ReturnType<typeof momentsOf> {
  return text === undefined ? undefined : momentsOf(text);
}

function valueText(value: JsonValue): string {
  if (value === null) return '';
  return typeof value === 'object' ? (isItem(value) ? personNameText(value) : '') : String(value);
}

/**
 * Wild card matching (PS3.4 C.2.2.2.4) in one pass that goes back to the last "*" only: a regular expression of many
 * "*" would take a time that grows with their power.
 */
export function globMatches(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let resume = 0;
  while (t < text.length) {
    const sign = pattern[p];
    if (sign === '*') {
      star = p;
      resume = t;
      p += 1;
    } else if (sign === '?' || sign === text[t]) {
      p += 1;
      t += 1;
    } else if (star === -1) {
      return false;
    } else {
      p = star + 1;
      resume += 1;
      t = resume;
    }
  }
  while (pattern[p] === '*') p += 1;
  return p === pattern.length;
}
