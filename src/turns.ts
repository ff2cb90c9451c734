import { setImmediate as nextTurn } from 'node:timers/promises';

/** About a millisecond of headers or of metadata. */
const AT_ONCE = 16;

/**
 * Maps items a few at a time, and lets others have their turn between: the headers of a series of 300 images take 20 ms
 * to read, for which no sender shall wait.
 */
export async function inTurns<Item, Mapped>(
  items: readonly Item[],
  map: (item: Item) => Mapped,
  atOnce = AT_ONCE,
): Promise<Mapped[]> {
  const mapped: Mapped[] = [];
  for (const [index, item] of items.entries()) {
    if (index > 0 && index % atOnce === 0) await nextTurn();
    mapped.push(map(item));
  }
  return mapped;
}
