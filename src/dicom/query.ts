import { VoxgateError } from '../errors.ts';
import type { JsonDataset, JsonElement, JsonValue, Vr } from './dataset.ts';
import { keywordOf, tagOfKeywordOrTag, vrOf } from './dictionary.ts';
import { personNameText } from './person-name.ts';
import { isItem, text } from './read-values.ts';
import { isUsableAsUid } from './uid.ts';

export type QueryLevel = 'study' | 'series' | 'instance';

/** How one attribute is matched (PS3.4 Section C.2.2.2). */
export type Match =
  /** Universal: any value, or none. */
  | { readonly kind: 'any' }
  /** Single value, or one of a list (list of UIDs, multiple value matching). */
  | { readonly kind: 'equals'; readonly values: readonly string[] }
  /** Wild cards: "*" any characters, "?" any one; it is enough that one of the patterns matches. */
  | { readonly kind: 'like'; readonly patterns: readonly string[] }
  /** From and to, both included; times are HHMMSS and HHMMSS.FFFFFF, filled up from what was given. */
  | { readonly kind: 'range'; readonly from?: string; readonly to?: string };

/** What QIDO-RS (PS3.18 Section 10.6) and C-FIND (PS3.4 Section C.4.1) ask alike. */
export interface Query {
  readonly level: QueryLevel;
  /** By tag, or by path for attributes of sequence items, "00400275.00400009". Universal ones are included. */
  readonly filters: ReadonlyMap<string, Match>;
  /** Attributes to return besides those the level requires, as tags or paths. */
  readonly include: readonly string[] | 'all';
  readonly fuzzy: boolean;
  readonly limit?: number;
  readonly offset: number;
  /** Parameters that name no attribute of PS3.6; to be named in a warning, not refused. */
  readonly ignored: readonly string[];
}

/**
 * The query of a QIDO-RS request (PS3.18 Section 8.3.4). Keys are keywords or tags; `ModalitiesInStudy=CT,SR` and UIDs
 * joined by commas or backslashes are lists.
 *
 * @param within UIDs that the path names; they win over parameters of the same attribute
 * @throws VoxgateError bad-request naming the parameter that is wrong
 */
export function queryFromParameters(
  level: QueryLevel,
  parameters: URLSearchParams,
  within: { readonly study?: string; readonly series?: string } = {},
): Query {
  const filters = new Map<string, Match>();
  const include: string[] = [];
  const ignored: string[] = [];
  let all = false;
  let fuzzy = false;
  let limit: number | undefined;
  let offset = 0;
  for (const [name, value] of parameters) {
    switch (name.toLowerCase()) {
      case 'includefield':
        for (const field of value.split(',').filter((one) => one.trim() !== '')) {
          const path = attributePath(field.trim());
          if (field.trim() === 'all') all = true;
          else if (path !== undefined) include.push(path.tags);
          else ignored.push(`includefield=${field.trim()}`);
        }
        break;
      case 'fuzzymatching':
        fuzzy = booleanOf(name, value);
        break;
      case 'limit':
        limit = countOf(name, value);
        break;
      case 'offset':
        offset = countOf(name, value);
        break;
      default: {
        const path = attributePath(name);
        if (path === undefined) ignored.push(name);
        else filters.set(path.tags, parseMatch(path.vr, splitParameter(value, path.vr), name));
      }
    }
  }
  if (within.study !== undefined) filters.set('0020000D', { kind: 'equals', values: [within.study] });
  if (within.series !== undefined) filters.set('0020000E', { kind: 'equals', values: [within.series] });
  const limited = limit === undefined ? {} : { limit };
  return { level, filters, include: all ? 'all' : include, fuzzy, ...limited, offset, ignored };
}

/** Query/Retrieve Level (0008,0052), PS3.4 Section C.6. */
const LEVELS: ReadonlyMap<string, QueryLevel> = new Map([
  ['STUDY', 'study'],
  ['SERIES', 'series'],
  ['IMAGE', 'instance'],
]);

/** Attributes of an identifier that say how to ask, not what for (PS3.4 Section C.4.1.1.3). */
const NOT_KEYS: ReadonlySet<string> = new Set(['00080005', '00080052', '00080053', '00080201']);

/**
 * The query of a C-FIND identifier (PS3.4 Section C.4.1.1.3): every attribute is a key to match, and to return.
 *
 * @throws VoxgateError bad-request naming the attribute that is wrong, or the level
 */
export function queryFromIdentifier(identifier: JsonDataset): Query {
  const level = LEVELS.get(text(identifier, 'QueryRetrieveLevel') ?? '');
  if (level === undefined) {
    throw new VoxgateError('bad-request', 'QueryRetrieveLevel (0008,0052) must be STUDY, SERIES or IMAGE');
  }
  const filters = new Map<string, Match>();
  addKeys(identifier, '', filters);
  return { level, filters, include: [...filters.keys()], fuzzy: false, offset: 0, ignored: [] };
}

function addKeys(item: JsonDataset, path: string, into: Map<string, Match>): void {
  for (const [tag, element] of Object.entries(item)) {
    if (path === '' && NOT_KEYS.has(tag)) continue;
    const [first] = element.Value ?? [];
    const isFilled = element.vr === 'SQ' && first !== undefined && isItem(first) && Object.keys(first).length > 0;
    if (isFilled && path.length < MAX_PATH) {
      addKeys(first, `${path}${tag}.`, into);
    } else {
      const name = keywordOf(tag) ?? tag;
      into.set(path + tag, parseMatch(element.vr, element.vr === 'SQ' ? [] : valuesOf(element), name));
    }
  }
}

/** Keys lie at most a few sequences deep. */
const MAX_PATH = 8 * 9;

function valuesOf(element: JsonElement): string[] {
  return (element.Value ?? []).map(keyText).filter((value) => value !== '');
}

function keyText(value: JsonValue): string {
  if (value === null) return '';
  return typeof value === 'object' ? personNameText(value) : String(value);
}

/** The path of an attribute given as keywords or tags joined by points (PS3.18 Section 8.3.4.1.1), and its VR. */
function attributePath(name: string): { readonly tags: string; readonly vr: Vr } | undefined {
  const tags = name.split('.').map(tagOfKeywordOrTag);
  const last = tags.at(-1);
  if (last === undefined || tags.includes(undefined) || tags.length > 8) return undefined;
  return { tags: tags.join('.'), vr: vrOf(last) ?? 'UN' };
}

/** Backslashes separate values everywhere; commas where no value can hold one: UIDs and code strings. */
function splitParameter(value: string, vr: Vr): string[] {
  const separator = vr === 'UI' || vr === 'CS' ? /[\\,]/ : /\\/;
  return value
    .split(separator)
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

/** VRs for which "*" and "?" are wild cards (PS3.4 Section C.2.2.2.4). */
const WILD: ReadonlySet<Vr> = new Set<Vr>(['AE', 'CS', 'LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UR', 'UT']);

function parseMatch(vr: Vr, values: readonly string[], name: string): Match {
  const [first, ...others] = values;
  // a lone "*" is universal in every VR (PS3.4 Section C.2.2.2.4), and viewers put it around what was typed
  if (first === undefined || values.some((value) => /^\*+$/.test(value))) return { kind: 'any' };
  if (vr === 'UI') {
    if (!values.every(isUsableAsUid)) throw wrong(name, 'must be a UID or a list of UIDs');
    return { kind: 'equals', values };
  }
  if (others.length === 0 && (vr === 'DA' || vr === 'TM' || vr === 'DT')) return temporalMatch(vr, first, name);
  if (WILD.has(vr) && values.some((value) => /[*?]/.test(value))) {
    return { kind: 'like', patterns: values.map((value) => value.replace(/\*{2,}/g, '*')) };
  }
  return { kind: 'equals', values };
}

const DATE = /^\d{4}\.?(0[1-9]|1[0-2])\.?(0[1-9]|[12]\d|3[01])$/;
const TIME = /^([01]\d|2[0-3])(:?[0-5]\d(:?([0-5]\d|60)(\.\d{1,6})?)?)?$/;
const DATE_TIME = /^\d{4}((0[1-9]|1[0-2])(\d{2}(\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?)?)?)?([+-](0\d|1[0-4])\d{2})?$/;

/** Single value and range matching of dates and times (PS3.4 Sections C.2.2.2.1 and C.2.2.2.5). */
function temporalMatch(vr: 'DA' | 'TM' | 'DT', value: string, name: string): Match {
  const valid = vr === 'DA' ? DATE : vr === 'TM' ? TIME : DATE_TIME;
  if (valid.test(value)) return singleTime(vr, value);
  // the hyphen of a range is one that leaves a valid value on both sides; in DT another may belong to a time zone
  for (let at = value.indexOf('-'); at !== -1; at = value.indexOf('-', at + 1)) {
    const from = value.slice(0, at).trim();
    const to = value.slice(at + 1).trim();
    if ((from !== '' || to !== '') && [from, to].every((end) => end === '' || valid.test(end))) {
      return {
        kind: 'range',
        ...(from === '' ? {} : { from: earliest(vr, from) }),
        ...(to === '' ? {} : { to: latest(vr, to) }),
      };
    }
  }
  const form = { DA: 'YYYYMMDD', TM: 'HHMMSS', DT: 'YYYYMMDDHHMMSS' }[vr];
  throw wrong(name, `must be ${form} or a range of two joined by "-"`);
}

/** A time given to the hour or minute means any within it. */
function singleTime(vr: 'DA' | 'TM' | 'DT', value: string): Match {
  if (vr === 'TM') return { kind: 'range', from: earliest(vr, value), to: latest(vr, value) };
  return { kind: 'equals', values: [vr === 'DA' ? earliest(vr, value) : value] };
}

function earliest(vr: 'DA' | 'TM' | 'DT', value: string): string {
  if (vr === 'DA') return value.replaceAll('.', ''); // YYYY.MM.DD of ACR-NEMA, PS3.5 Section 6.2
  return vr === 'TM' ? value.replaceAll(':', '').padEnd(6, '0') : value;
}

function latest(vr: 'DA' | 'TM' | 'DT', value: string): string {
  if (vr !== 'TM') return earliest(vr, value);
  const [whole = '', fraction = ''] = value.replaceAll(':', '').split('.');
  return `${whole}${'5959'.slice(whole.length - 2)}.${fraction.padEnd(6, '9')}`;
}

function booleanOf(name: string, value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true';
  throw wrong(name, 'must be true or false');
}

function countOf(name: string, value: string): number {
  if (/^\d{1,9}$/.test(value)) return Number(value);
  throw wrong(name, 'must be a number of at most nine digits');
}

function wrong(name: string, sentence: string): VoxgateError {
  return new VoxgateError('bad-request', `${name} ${sentence}`);
}
