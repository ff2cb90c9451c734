import { createHash } from 'node:crypto';
import type { Place } from '../catalog/found.ts';
import type { Query } from '../dicom/query.ts';

/** Where a page begins: behind a place, and so many answers further. */
export interface Start {
  readonly after: Place | undefined;
  readonly offset: number;
}

interface Listing {
  /** Where its latest pages ended: places by their offsets. */
  readonly ends: Map<number, Place>;
  usedAt: number;
}

/** Listings that were used last, pages of one, and how long after its last page one is gone on with. */
const MOST_LISTINGS = 1000;
const MOST_ENDS = 100;
const KEPT_MS = 10 * 60_000;

/**
 * Where the pages ended that each caller was given. `offset` counts answers, and what arrives while somebody turns the
 * pages is in front of them, newest first: the next page would repeat the last answers of the one before. So a page
 * that continues one begins behind its last answer, whatever has come or gone since. A page at offset 0 is a new look.
 */
export class Listings {
  readonly #listings = new Map<string, Listing>();
  readonly #now: () => number;

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Where the page of this query at its offset begins for this caller. */
  start(caller: string, query: Query): Start {
    const { offset } = query;
    const ends = offset === 0 ? undefined : this.#recent(keyOf(caller, query))?.ends;
    let nearest = 0;
    for (const end of ends?.keys() ?? []) if (end <= offset && end > nearest) nearest = end;
    const after = ends?.get(nearest);
    return after === undefined ? { after, offset } : { after, offset: offset - nearest };
  }

  /** A page of so many answers was given, and `last` was its last place. */
  given(caller: string, query: Query, answers: number, last: Place): void {
    const key = keyOf(caller, query);
    const known = this.#recent(key);
    const listing = known ?? { ends: new Map<number, Place>(), usedAt: 0 };
    const end = query.offset + answers;
    // a first page that ends elsewhere than the last time shows that later pages are of another listing
    const isNew = query.offset === 0 && !isSame(listing.ends.get(end), last);
    if (isNew) listing.ends.clear();
    listing.ends.set(end, last);
    const [first] = listing.ends.keys();
    if (listing.ends.size > MOST_ENDS && first !== undefined) listing.ends.delete(first);
    listing.usedAt = this.#now();
    this.#listings.delete(key);
    this.#listings.set(key, listing);
    const [oldest] = this.#listings.keys();
    if (this.#listings.size > MOST_LISTINGS && oldest !== undefined) this.#listings.delete(oldest);
  }

  #recent(key: string): Listing | undefined {
    const listing = this.#listings.get(key);
    return listing !== undefined && this.#now() - listing.usedAt < KEPT_MS ? listing : undefined;
  }
}

/** Keys may be long, and name a patient: neither is kept. */
function keyOf(caller: string, { level, filters, fuzzy }: Query): string {
  return createHash('sha256')
    .update(JSON.stringify([caller, level, fuzzy, [...filters]]))
    .digest('base64');
}

function isSame(one: Place | undefined, other: Place): boolean {
  return one !== undefined && one.length === other.length && one.every((part, i) => part === other[i]);
}
