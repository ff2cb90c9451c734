import type { Database } from '../catalog/database.ts';
import type { Found, Place } from '../catalog/found.ts';
import { countAnswers, isCountable, MOST_ANSWERS, searchPages } from '../catalog/search.ts';
import type { Query } from '../dicom/query.ts';
import { keepOwn, type ReadMetadata, withOwn } from './find.ts';
import type { Listings, Start } from './listings.ts';
import { needsOwn } from './query-answer.ts';

export interface ListParts {
  readonly database: Database;
  readonly readMetadata: ReadMetadata;
  readonly listings: Listings;
}

export interface ListOptions {
  /** Who asks, as well as that is known: whose pages go on where the page before ended. */
  readonly caller: string;
  /** Begins behind this place instead. */
  readonly after?: Place | undefined;
  readonly signal?: AbortSignal | undefined;
  /** How long a statement may take. */
  readonly longestMs?: number | undefined;
}

/** A page of answers (PS3.18 8.3.4.4), its first ones read. */
export interface Listed {
  readonly answers: AsyncIterable<Found> | Iterable<Found>;
  /** What matches and was not returned; counted up to 250. */
  readonly remaining: { readonly count: number; readonly isAtLeast: boolean };
  /** Where the next page begins, where that is known already. */
  readonly next: Place | undefined;
}

/** So many are read by one statement; what is beyond comes in pages. */
const FIRST = 1001;
/** Further ones are not counted: it would take the longer the larger the archive is. */
const MOST_COUNTED = 250;

/** A page on its way. */
interface Page {
  readonly query: Query;
  readonly limit: number;
  readonly start: Start;
  /** Whether PostgreSQL alone knows what matches. */
  readonly countable: boolean;
  /** Rows read so far; one more than the limit tells that there are more. */
  readonly head: readonly Found[];
  readonly later: AsyncGenerator<Found[]>;
}

/**
 * One page of a query's answers, at most MOST_ANSWERS.
 * @throws VoxgateError out-of-resources when PostgreSQL takes too long; the signal's reason when it was aborted
 */
export async function list(parts: ListParts, query: Query, options: ListOptions): Promise<Listed> {
  const page = await open(parts, query, options);
  const { limit, head, countable } = page;
  const remaining = await remainingOf(parts, page, options);
  const isWhole = head.length > limit || head.length < FIRST || !countable;
  if (!isWhole) return { answers: answersInPages(parts, page, options), remaining, next: undefined };
  await page.later.return(undefined);
  const given = head.slice(0, limit);
  const next = given.at(-1)?.place;
  remember(parts, page, options, given.length, next);
  const isReady = !given.some(needsOwn(query));
  const answers = isReady ? given : withOwn(given, query, parts.readMetadata, options.signal);
  return { answers, remaining, next };
}

async function open(parts: ListParts, query: Query, { caller, after, signal, longestMs }: ListOptions): Promise<Page> {
  const limit = Math.min(query.limit ?? MOST_ANSWERS, MOST_ANSWERS);
  const start = after === undefined ? parts.listings.start(caller, query) : { after, offset: 0 };
  const keep = keepOwn(query, parts.readMetadata, signal);
  const countable = keep === undefined && isCountable(query);
  const asked = { ...query, offset: start.offset, limit: limit + 1 };
  const later = searchPages(parts.database, asked, { signal, longestMs, keep, after: start.after, first: FIRST });
  const head: Found[] = [];
  for (;;) {
    const { value } = await later.next();
    if (value === undefined) break;
    head.push(...value);
    if (countable || head.length > limit) break;
  }
  return { query, limit, start, countable, head, later };
}

async function remainingOf({ database }: ListParts, page: Page, options: ListOptions): Promise<Listed['remaining']> {
  const { query, limit, start, countable, head } = page;
  const isCut = head.length > limit;
  if (!isCut && (head.length < FIRST || !countable)) return { count: 0, isAtLeast: false };
  if (!countable) return { count: 1, isAtLeast: true };
  const last = head.slice(0, limit).at(-1)?.place;
  const from = last === undefined ? start : { after: last, offset: 0 };
  // those that this page still takes are behind that place too
  const own = isCut ? 0 : limit - head.length;
  const behind = await countAnswers(database, query, { ...from, most: own + MOST_COUNTED + 1 }, options);
  const count = Math.max(0, behind - own);
  return { count: Math.min(count, MOST_COUNTED), isAtLeast: count > MOST_COUNTED };
}

/** A page that is full may be followed by another. */
function remember(
  { listings }: ListParts,
  { query, limit }: Page,
  { caller }: ListOptions,
  answers: number,
  last: Place | undefined,
): void {
  if (query.limit !== undefined && answers === limit && last !== undefined)
    listings.given(caller, query, answers, last);
}

async function* answersInPages(parts: ListParts, page: Page, options: ListOptions): AsyncGenerator<Found> {
  const { query, limit, head, later } = page;
  yield* withOwn(head, query, parts.readMetadata, options.signal);
  let answers = head.length;
  let last = head.at(-1)?.place;
  for await (const more of later) {
    const some = more.slice(0, limit - answers);
    yield* withOwn(some, query, parts.readMetadata, options.signal);
    answers += some.length;
    last = some.at(-1)?.place ?? last;
  }
  remember(parts, page, options, answers, last);
}
