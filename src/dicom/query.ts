import type { Vr } from './dataset.ts';
import { tagOfKeywordOrTag, vrOf } from './dictionary.ts';
import { type Match, parseMatch, wrongKey } from './query-match.ts';

export type QueryLevel = 'patient' | 'study' | 'series' | 'instance';

/** What QIDO-RS (PS3.18 Section 10.6) and C-FIND (PS3.4 Section C.4.1) ask alike. */
export interface Query {
  readonly level: QueryLevel;
  /** By tag, or by path for attributes of sequence items, "00400275.00400009". Universal ones are included. */
  readonly filters: ReadonlyMap<string, Match>;
  /** Attributes to return besides those the level requires, as tags or paths. */
  readonly include: readonly string[] | 'all';
  /** Person names match by the beginnings of their words in any order, and by their sound. */
  readonly fuzzy: boolean;
  /** A date and a time of which both are ranges are one range of moments (PS3.4 Section C.2.2.2.5). */
  readonly combinedDateTime: boolean;
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
  const emptyValue = parameters.get('emptyvaluematching') === 'true';
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
      case 'emptyvaluematching':
      case 'multiplevaluematching':
        booleanOf(name, value);
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
        else filters.set(path.tags, parseMatch(path.vr, splitParameter(value, path.vr), name, { emptyValue }));
      }
    }
  }
  if (within.study !== undefined) filters.set('0020000D', { kind: 'equals', values: [within.study] });
  if (within.series !== undefined) filters.set('0020000E', { kind: 'equals', values: [within.series] });
  const limited = limit === undefined ? {} : { limit };
  return {
    level,
    filters,
    include: all ? 'all' : include,
    fuzzy,
    combinedDateTime: false,
    ...limited,
    offset,
    ignored,
  };
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

function booleanOf(name: string, value: string): boolean {
  if (value === 'true' || value === 'false') return value === 'true';
  throw wrongKey(name, 'must be true or false');
}

function countOf(name: string, value: string): number {
  if (/^\d{1,9}$/.test(value)) return Number(value);
  throw wrongKey(name, 'must be a number of at most nine digits');
}
