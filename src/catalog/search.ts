import { isPrivate } from '../dicom/dictionary.ts';
import type { Query } from '../dicom/query.ts';
import type { Match } from '../dicom/query-match.ts';
import type { Database } from './database.ts';
import { Found, type FoundRow, type Place } from './found.ts';
import { KEPT } from './kept-attributes.ts';
import { type AttributeFilters, matchesAttributes } from './match-attributes.ts';
import { queryKeyOf } from './query-keys.ts';
import { countStatementOf, statementOf } from './search-statement.ts';
import { runStatement } from './statement.ts';

/** Rows that are in memory at once, unless more of the first are asked for. */
const PAGE = 250;

/** Answers of one QIDO-RS query at most: what does not fit is asked for by `offset`, and the door says so. */
export const MOST_ANSWERS = 10_000;

export interface SearchOptions {
  readonly signal?: AbortSignal | undefined;
  /** Begins behind this place, not at the beginning. */
  readonly after?: Place | undefined;
  /** Rows of the first page. */
  readonly first?: number;
  /** Leaves of a page what matches keys that the catalog cannot match. */
  readonly keep?: ((page: readonly Found[]) => Promise<Found[]>) | undefined;
  /** How long a page may take. */
  readonly longestMs?: number | undefined;
}

/** Answers a query at once, with at most `limit` or 10,000 answers. */
export async function search(database: Database, query: Query): Promise<Found[]> {
  const limit = Math.min(query.limit ?? MOST_ANSWERS, MOST_ANSWERS);
  const found: Found[] = [];
  for await (const page of searchPages(database, { ...query, limit })) found.push(...page);
  return found;
}

/**
 * Answers a query page by page, each read when the one before has been taken, so that any number of answers needs the
 * memory of one page and holds no connection while a slow caller takes them. What arrives meanwhile may be among the
 * answers; none is given twice. A key that is not kept matches everything (PS3.4 C.2.2.1.3: optional keys).
 *
 * @throws VoxgateError out-of-resources when a page takes too long; the signal's reason when it was aborted
 */
export async function* searchPages(
  database: Database,
  query: Query,
  { signal, after: begin, first = PAGE, keep, longestMs }: SearchOptions = {},
): AsyncGenerator<Found[]> {
  const rest = filtersWithoutColumn(query);
  const inNode = rest.size > 0 || keep !== undefined;
  let skip = inNode ? query.offset : 0;
  let offset = inNode ? 0 : query.offset;
  let left = query.limit ?? Number.POSITIVE_INFINITY;
  let after = begin;
  for (let most = first; left > 0; most = PAGE) {
    const size = inNode ? PAGE : Math.min(most, left);
    const rows = await runStatement<FoundRow>(database, statementOf(query, { size, offset, after }), {
      signal,
      longestMs,
    });
    let found = rows.map((row) => new Found(query.level, row));
    after = found.at(-1)?.place;
    if (inNode) {
      found = found.filter((one) => matchesAttributes({ ...one.study, ...one.series }, rest, query.fuzzy));
      if (keep !== undefined) found = await keep(found);
      const skipped = Math.min(skip, found.length);
      skip -= skipped;
      found = found.slice(skipped, skipped + left);
    }
    left -= found.length;
    if (found.length > 0) yield found;
    if (rows.length < size) return;
    offset = 0;
  }
}

/** Whether every key is matched by PostgreSQL, so that answers can be counted without being read. */
export function isCountable(query: Query): boolean {
  return filtersWithoutColumn(query).size === 0;
}

/** How many answers there are behind a place and an offset, counted up to `most`; only of what is countable. */
export async function countAnswers(
  database: Database,
  query: Query,
  { after, offset, most }: { readonly after: Place | undefined; readonly offset: number; readonly most: number },
  options: Pick<SearchOptions, 'signal' | 'longestMs'> = {},
): Promise<number> {
  const statement = countStatementOf(query, { size: most, offset, after });
  const [row] = await runStatement<{ n: number }>(database, statement, options);
  return row?.n ?? 0;
}

/** Filters for kept attributes that have no column: they are matched here, on the rows that the others leave. */
function filtersWithoutColumn({ filters, level }: Query): AttributeFilters {
  const isLeft = ([path, match]: [string, Match]): boolean =>
    match.kind !== 'any' && queryKeyOf(path, level) === undefined && KEPT[level].has(path.slice(0, 8));
  return new Map([...filters].filter(isLeft));
}

/** The keys of a place in one study, series or object, which few enough instances have that each can be looked at. */
const UNIQUE_KEYS = ['0020000D', '0020000E', '00080018'];

/**
 * Filters that only the instances' own attributes can answer, private ones included. They are matched where the query
 * names the study, series or instance: over the whole archive they would read the metadata of everything.
 */
export function filtersOnOwn({ filters, level }: Query): AttributeFilters {
  const isBounded = UNIQUE_KEYS.some((tag) => filters.get(tag)?.kind === 'equals');
  if (level !== 'instance' || !isBounded) return new Map();
  const isOwn = ([path, match]: [string, Match]): boolean =>
    match.kind !== 'any' &&
    queryKeyOf(path, level) === undefined &&
    (isPrivate(path.slice(0, 8)) || !KEPT[level].has(path.slice(0, 8)));
  return new Map([...filters].filter(isOwn));
}
