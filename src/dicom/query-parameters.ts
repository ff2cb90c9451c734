import { attributePaths } from './attribute-path.ts';
import type { Vr } from './dataset.ts';
import { isPrivateCreator } from './dictionary.ts';
import type { Query, QueryLevel } from './query.ts';
import { type Match, parseMatch, wrongKey } from './query-match.ts';

/** No viewer comes near; each parameter costs time, and so does each value that is compared. */
const MOST_PARAMETERS = 1000;
const MOST_KEYS = 64;
const MOST_VALUES = 1000;

/** One attribute to match, with all the values that were given for it. */
interface Key {
  readonly vr: Vr;
  /** As the caller wrote it, for the sentence of an error. */
  readonly name: string;
  readonly values: string[];
}

/** What is read from parameters before any of it is judged. */
interface Asked {
  readonly keys: Map<string, Key>;
  readonly include: string[];
  readonly ignored: string[];
  readonly flags: Map<string, boolean>;
  readonly counts: Map<string, number>;
  all: boolean;
}

/**
 * The query of a QIDO-RS request (PS3.18 Section 8.3.4). Keys are keywords or tags; `ModalitiesInStudy=CT,SR` and UIDs
 * joined by commas or backslashes are lists, and so is a key that is given twice.
 *
 * @param within UIDs that the path names; they win over parameters of the same attribute
 * @throws VoxgateError bad-request naming the parameter that is wrong, or saying of what there is too much
 */
export function queryFromParameters(
  level: QueryLevel,
  parameters: URLSearchParams,
  within: { readonly study?: string; readonly series?: string } = {},
): Query {
  const asked = read(parameters);
  const emptyValue = asked.flags.get('emptyvaluematching') ?? false;
  const filters = new Map<string, Match>();
  const creators = new Map<string, string>();
  for (const [tags, { vr, name, values }] of asked.keys) {
    if (values.length > MOST_VALUES) throw wrongKey(name, `must not have more than ${MOST_VALUES} values`);
    if (isPrivateCreator(tags)) creators.set(tags, values[0] ?? '');
    else filters.set(tags, parseMatch(vr, values, name, { emptyValue }));
  }
  if (within.study !== undefined) filters.set('0020000D', { kind: 'equals', values: [within.study] });
  if (within.series !== undefined) filters.set('0020000E', { kind: 'equals', values: [within.series] });
  const limit = asked.counts.get('limit');
  return {
    level,
    filters,
    include: asked.all ? 'all' : asked.include,
    ...(creators.size === 0 ? {} : { creators }),
    fuzzy: asked.flags.get('fuzzymatching') ?? false,
    combinedDateTime: false,
    ...(limit === undefined ? {} : { limit }),
    offset: asked.counts.get('offset') ?? 0,
    ignored: asked.ignored,
  };
}

function read(parameters: URLSearchParams): Asked {
  const asked: Asked = {
    keys: new Map(),
    include: [],
    ignored: [],
    flags: new Map(),
    counts: new Map(),
    all: false,
  };
  if (parameters.size > MOST_PARAMETERS)
    throw wrongKey('the query', `must not have more than ${MOST_PARAMETERS} parameters`);
  for (const [name, value] of parameters) {
    const plain = name.toLowerCase();
    switch (plain) {
      case 'includefield':
        readFields(value, asked);
        break;
      case 'fuzzymatching':
      case 'emptyvaluematching':
      case 'multiplevaluematching':
        asked.flags.set(plain, booleanOf(name, value));
        break;
      case 'limit':
      case 'offset':
        asked.counts.set(plain, countOf(name, value));
        break;
      default:
        readKey(name, value, asked);
    }
  }
  if (asked.keys.size > MOST_KEYS) throw wrongKey('the query', `must not match more than ${MOST_KEYS} attributes`);
  return asked;
}

/** "all", or attributes joined by commas (PS3.18 Section 8.3.4.3); what is none is named in a warning. */
function readFields(value: string, asked: Asked): void {
  for (const { name, path } of attributePaths(value)) {
    if (name.toLowerCase() === 'all') asked.all = true;
    else if (path !== undefined) asked.include.push(path.tags);
    else asked.ignored.push(`includefield=${name}`);
  }
  if (asked.include.length > MOST_PARAMETERS)
    throw wrongKey('includefield', `must not name more than ${MOST_PARAMETERS} attributes`);
}

function readKey(name: string, value: string, asked: Asked): void {
  const [only, ...others] = attributePaths(name);
  const path = others.length > 0 ? undefined : only?.path;
  if (path === undefined) {
    asked.ignored.push(name);
    return;
  }
  const key = asked.keys.get(path.tags) ?? { vr: path.vr, name, values: [] };
  key.values.push(...splitParameter(value, path.vr));
  asked.keys.set(path.tags, key);
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
