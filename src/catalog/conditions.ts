import type { Match } from '../dicom/query-match.ts';
import { nameParts, namePattern, soundOf, wordPattern, wordsOf } from './names.ts';
import type { QueryKey } from './query-keys.ts';

export type Binding = string | number | readonly string[] | readonly number[];

/** The values of one statement, in the order of their "$n". */
export class Bindings {
  readonly values: Binding[] = [];

  /** Adds a value; returns what stands for it in the SQL. */
  add(value: Binding): string {
    this.values.push(value);
    return `$${this.values.length}`;
  }
}

/** Nothing can match. */
const NEVER = 'false';

/**
 * The SQL that holds where the column matches (PS3.4 C.2.2.2); undefined where everything does. Values are bound, never
 * part of the text, so that a question asked again has the same text.
 */
export function conditionOf(key: QueryKey, match: Match, bindings: Bindings, fuzzy: boolean): string | undefined {
  switch (match.kind) {
    case 'any':
      return undefined;
    case 'equals':
      return equals(key, match.values, bindings, fuzzy);
    case 'like':
      return anyOf(match.patterns.map((pattern) => like(key, pattern, bindings, fuzzy)));
    case 'range':
      return between(key, match, bindings);
    case 'empty':
      return isEmpty(key);
    case 'oneOf':
      return anyOf(match.matches.map((one) => conditionOf(key, one, bindings, fuzzy) ?? 'true'));
    default:
      return match satisfies never;
  }
}

/** As texts are recorded: PostgreSQL holds no NUL and no half of a surrogate pair. */
function storable(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}

function equals(key: QueryKey, values: readonly string[], bindings: Bindings, fuzzy: boolean): string {
  const { kind, column } = key;
  const wanted = values.map(storable);
  if (kind === 'list') return `${column} && ${bindings.add(wanted)}::text[]`;
  if (kind === 'name') return anyOf(wanted.map((name) => named(key, name, bindings, fuzzy)));
  if (kind === 'number') {
    const numbers = wanted.map(Number).filter((number) => Number.isInteger(number) && Math.abs(number) < 2 ** 31);
    return numbers.length === 0 ? NEVER : `${column} = ANY(${bindings.add(numbers)}::integer[])`;
  }
  const [only, ...others] = wanted;
  if (only !== undefined && others.length === 0) return `${column} = ${bindings.add(only)}`;
  return `${column} = ANY(${bindings.add(wanted)}::text[])`;
}

function like(key: QueryKey, pattern: string, bindings: Bindings, fuzzy: boolean): string {
  const { kind, column } = key;
  const wanted = storable(pattern);
  if (kind === 'name') return named(key, wanted, bindings, fuzzy);
  const bound = bindings.add(likePattern(wanted));
  if (kind === 'list') return `EXISTS (SELECT FROM unnest(${column}) AS one WHERE one LIKE ${bound})`;
  return kind === 'number' ? `${column}::text LIKE ${bound}` : `${column} LIKE ${bound}`;
}

/** "*" and "?" as PostgreSQL writes them (PS3.4 C.2.2.2.4). */
function likePattern(pattern: string): string {
  return pattern
    .replace(/[\\%_]/g, (sign) => `\\${sign}`)
    .replace(/\*+/g, '%')
    .replaceAll('?', '_');
}

function named(key: QueryKey, name: string, bindings: Bindings, fuzzy: boolean): string {
  if (fuzzy) return fuzzilyNamed(key, name, bindings);
  const parts = nameParts(name);
  if (parts !== undefined) return anyOf(parts.map((part) => `${key.column} LIKE ${bindings.add(likePattern(part))}`));
  const pattern = namePattern(name);
  return pattern === undefined ? NEVER : `${key.column} ~ ${bindings.add(pattern)}`;
}

/** Every word is the beginning of one in the name, or sounds like one (PS3.4 C.2.2.2.1.2: ours to define). */
function fuzzilyNamed({ column, sounds }: QueryKey, name: string, bindings: Bindings): string {
  const words = wordsOf(name).map((word) => {
    const begins = `${column} ~ ${bindings.add(wordPattern(word))}`;
    const sound = sounds === undefined ? undefined : soundOf(word);
    return sound === undefined ? begins : `(${begins} OR ${sounds} @> ${bindings.add([sound])}::text[])`;
  });
  return words.length === 0 ? 'true' : words.join(' AND ');
}

/** A time as HHMMSS: one that was recorded to the hour or minute is its beginning (PS3.4 C.2.2.2.5). */
function wholeTime(column: string): string {
  return `rpad(${column}, greatest(6, length(${column})), '0') COLLATE "C"`;
}

type Range = Extract<Match, { kind: 'range' }>;

function between({ kind, column }: QueryKey, { from, to }: Range, bindings: Bindings): string {
  const recorded = kind === 'time' ? wholeTime(column) : column;
  const parts: string[] = [];
  if (from !== undefined) parts.push(`${recorded} >= ${bindings.add(from)}`);
  // ":" follows "9" in the character set: everything that begins with `to` is included
  if (to !== undefined) parts.push(`${recorded} < ${bindings.add(`${to}:`)}`);
  if (from === undefined) parts.push(`${column} <> ''`);
  return parts.join(' AND ');
}

/**
 * A range of dates and one of times as one range of moments, where both are given on the same sides (PS3.4 C.2.2.2.5).
 * The dates stand there for themselves too, because they have the index. A study without a time counts from midnight.
 */
export function combinedRange(
  date: QueryKey,
  time: QueryKey,
  dates: Match,
  times: Match,
  bindings: Bindings,
): string | undefined {
  if (dates.kind !== 'range' || times.kind !== 'range') return undefined;
  if ((dates.from === undefined) !== (times.from === undefined)) return undefined;
  if ((dates.to === undefined) !== (times.to === undefined)) return undefined;
  const moment = `(${date.column} || coalesce(${wholeTime(time.column)}, '000000')) COLLATE "C"`;
  const parts = [between(date, dates, bindings)];
  if (dates.from !== undefined) parts.push(`${moment} >= ${bindings.add(dates.from + times.from!)}`);
  if (dates.to !== undefined) parts.push(`${moment} < ${bindings.add(`${dates.to}${times.to!}:`)}`);
  return parts.join(' AND ');
}

function isEmpty({ kind, column }: QueryKey): string {
  if (kind === 'list') return `${column} = '{}'`;
  return kind === 'number' ? `${column} IS NULL` : `coalesce(${column}, '') = ''`;
}

function anyOf(conditions: readonly string[]): string {
  if (conditions.length === 0) return NEVER;
  return `(${conditions.map((sql) => `(${sql})`).join(' OR ')})`;
}
