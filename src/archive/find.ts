import type { Database } from '../catalog/database.ts';
import type { Found } from '../catalog/found.ts';
import { matchesAttributes } from '../catalog/match-attributes.ts';
import { filtersOnOwn, type SearchOptions, searchPages } from '../catalog/search.ts';
import type { Query } from '../dicom/query.ts';
import { privatePath } from './private-attributes.ts';
import { needsOwn } from './query-answer.ts';

/** Reads the DICOM JSON text of instances by their rows, in the order asked. */
export type ReadMetadata = (instanceIds: readonly number[]) => Promise<string[]>;

/** An instance's attributes are some 10 to 50 kB: so many are in memory at once. */
const INSTANCES_AT_ONCE = 32;

/**
 * Every match of a query, read as they are taken, in the memory of one page. Instances come with their own attributes
 * where the query asks for any that is not kept with the rows.
 *
 * @throws VoxgateError out-of-resources when the catalog takes too long; the signal's reason when it was aborted
 */
export async function* findEach(
  database: Database,
  readMetadata: ReadMetadata,
  query: Query,
  options: SearchOptions = {},
): AsyncGenerator<Found> {
  const keep = keepOwn(query, readMetadata, options.signal);
  for await (const page of searchPages(database, query, { ...options, keep }))
    yield* withOwn(page, query, readMetadata, options.signal);
}

/** The same matches, with the instances' own attributes where the query needs them. */
export function withOwn(
  found: readonly Found[],
  query: Query,
  readMetadata: ReadMetadata,
  signal?: AbortSignal,
): AsyncGenerator<Found> {
  return withAttributes(found, needsOwn(query), readMetadata, signal);
}

async function* withAttributes(
  found: readonly Found[],
  needs: (one: Found) => boolean,
  readMetadata: ReadMetadata,
  signal: AbortSignal | undefined,
): AsyncGenerator<Found> {
  for (let at = 0; at < found.length; at += INSTANCES_AT_ONCE) {
    signal?.throwIfAborted();
    const some = found.slice(at, at + INSTANCES_AT_ONCE);
    const lacking = some.filter((one) => one.row.own === undefined && needs(one));
    if (lacking.length === 0) {
      yield* some;
      continue;
    }
    const read = await readMetadata(lacking.map(({ row }) => row.instanceId!));
    const own = new Map(lacking.map((one, i) => [one, read[i]!]));
    for (const one of some) {
      const json = own.get(one);
      yield json === undefined ? one : one.withOwn(json);
    }
  }
}

/** Leaves of a page the instances whose own attributes match; nothing where no key asks for them. */
export function keepOwn(query: Query, readMetadata: ReadMetadata, signal?: AbortSignal): SearchOptions['keep'] {
  const filters = filtersOnOwn(query);
  if (filters.size === 0) return undefined;
  return async (page) => {
    const kept: Found[] = [];
    for await (const one of withAttributes(page, () => true, readMetadata, signal)) {
      const own = one.own ?? {};
      const resolved = new Map([...filters].map(([path, match]) => [privatePath(path, own, query.creators), match]));
      if (matchesAttributes(own, resolved, query.fuzzy)) kept.push(one);
    }
    return kept;
  };
}
