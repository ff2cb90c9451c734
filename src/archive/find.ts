import type { Database } from '../catalog/database.ts';
import { type Found, searchPages } from '../catalog/search.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import type { Query } from '../dicom/query.ts';
import { type Answered, needsOwnAttributes } from './query-answer.ts';

/** Reads the own attributes of instances by their rows, in the order asked. */
export type ReadMetadata = (instanceIds: readonly number[]) => Promise<JsonDataset[]>;

/** An instance's attributes are some 10 to 50 kB: so many are in memory at once. */
const INSTANCES_AT_ONCE = 32;

/**
 * Every match of a query, read as they are taken, in the memory of one page. Instances come with their own attributes
 * where the query asks for any that is not kept with the rows.
 *
 * @throws VoxgateError out-of-resources when the catalog takes over a minute; the signal's reason when it was aborted
 */
export async function* findEach(
  database: Database,
  readMetadata: ReadMetadata,
  query: Query,
  signal?: AbortSignal,
): AsyncGenerator<Answered> {
  for await (const page of searchPages(database, query, signal)) {
    if (needsOwnAttributes(query)) yield* withOwnAttributes(page, readMetadata, signal);
    else yield* page;
  }
}

/** The same matches with the instances' own attributes. */
export async function* withOwnAttributes(
  found: readonly Found[],
  readMetadata: ReadMetadata,
  signal?: AbortSignal,
): AsyncGenerator<Answered> {
  for (let at = 0; at < found.length; at += INSTANCES_AT_ONCE) {
    signal?.throwIfAborted();
    const some = found.slice(at, at + INSTANCES_AT_ONCE);
    const own = await readMetadata(some.map((one) => one.instanceId!));
    for (const [i, one] of some.entries()) yield { ...one, own: own[i]! };
  }
}
