import type { Database } from '../catalog/database.ts';
import { type LocatedInstance, locateInstances, type Place } from '../catalog/locate.ts';

/** A viewer asks for the frames of an instance one after the other; each would ask the database where it lies. */
const KEPT = 4096;
/** What was changed past this process, by hand or by a second one, is seen after so long. */
const KEPT_MS = 5000;

interface Kept {
  readonly instance: LocatedInstance;
  readonly until: number;
}

/** Single instances that were located last. What is deleted or replaced here is forgotten at once. */
class LocatedInstances {
  /** The longest unused first. */
  readonly #kept = new Map<string, Kept>();
  #changes = 0;

  get(key: string): LocatedInstance | undefined {
    const kept = this.#kept.get(key);
    if (!kept) return undefined;
    this.#kept.delete(key);
    if (kept.until < performance.now()) return undefined;
    this.#kept.set(key, kept);
    return kept.instance;
  }

  /** Remembers what is read, unless something was changed in the meantime: it may be older than that. */
  async read(key: string, read: () => Promise<readonly LocatedInstance[]>): Promise<readonly LocatedInstance[]> {
    const changes = this.#changes;
    const found = await read();
    const [instance] = found;
    if (instance && changes === this.#changes) {
      this.#kept.set(key, { instance, until: performance.now() + KEPT_MS });
      if (this.#kept.size > KEPT) this.#kept.delete(this.#kept.keys().next().value!);
    }
    return found;
  }

  forget(): void {
    this.#changes += 1;
    this.#kept.clear();
  }
}

const byDatabase = new WeakMap<Database, LocatedInstances>();

function locatedIn(database: Database): LocatedInstances {
  const known = byDatabase.get(database) ?? new LocatedInstances();
  byDatabase.set(database, known);
  return known;
}

/**
 * The instances of a place; `complete` makes good what a row lacks. A single instance is remembered for a moment.
 */
export async function locateKept(
  database: Database,
  place: Place,
  complete: (located: LocatedInstance[]) => LocatedInstance[] | Promise<LocatedInstance[]>,
): Promise<LocatedInstance[]> {
  const read = async (): Promise<LocatedInstance[]> => complete(await locateInstances(database, place));
  if (place.sopInstanceUid === undefined) return read();
  const key = `${place.studyInstanceUid ?? ''} ${place.seriesInstanceUid ?? ''} ${place.sopInstanceUid}`;
  const located = locatedIn(database);
  const kept = located.get(key);
  return kept ? [kept] : [...(await located.read(key, read))];
}

/** To be called when rows were deleted, brought back or replaced, after the commit. */
export function forgetLocated(database: Database): void {
  byDatabase.get(database)?.forget();
}
