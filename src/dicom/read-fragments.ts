import type { Vr } from './dataset.ts';
import { ITEM, SEQUENCE_DELIMITATION } from './element-reader.ts';
import { keepAsBulk, pixelTagOf } from './read-value.ts';
import { BrokenOff, type OpenDataSet, type Reading } from './reading.ts';

/** Fragments of one element; whole slides have some 100,000. Two numbers are kept for each. */
const MAX_FRAGMENTS = 1_000_000;

/**
 * Walks over an encapsulated value: items of defined length up to a Sequence Delimitation Item (PS3.5 Annex A.4). Only
 * the item headers are read. Returns the offset behind it.
 */
export function readFragments(
  reading: Reading,
  open: OpenDataSet,
  element: { readonly tagNumber: number; readonly tag: string; readonly vr: Vr; readonly offset: number },
): number {
  const { vr, offset: start } = element;
  const items: number[] = [];
  const walk = walkFragments(reading, open, start, items);
  const value = { vr, offset: start, length: walk.end - start, swap: 1, encapsulated: true } as const;
  keepAsBulk(reading, open, element.tag, value);
  const pixelTag = open.depth === 0 ? pixelTagOf(element.tagNumber) : undefined;
  if (pixelTag !== undefined) reading.pixelData = { ...value, tag: pixelTag, items };
  if (walk.fault !== undefined) throw new BrokenOff(`${reading.place()} ${walk.fault}`);
  return walk.end;
}

/** Collects offset and length of each item's value; says where the walk ended and what was wrong there. */
function walkFragments(
  { source }: Reading,
  { end, encoding }: OpenDataSet,
  start: number,
  items: number[],
): { readonly end: number; readonly fault?: string } {
  let offset = start;
  while (end - offset >= 8) {
    const head = source.read(offset, 8);
    if (head.length < 8) break;
    const tag = encoding.bigEndian ? head.readUInt32BE(0) : head.readUInt16LE(0) * 0x10000 + head.readUInt16LE(2);
    const length = encoding.bigEndian ? head.readUInt32BE(4) : head.readUInt32LE(4);
    if (tag === SEQUENCE_DELIMITATION) return { end: offset + 8 };
    if (tag !== ITEM) return { end: offset, fault: 'holds something that is not a fragment' };
    if (length > end - offset - 8) return { end: offset, fault: 'has a fragment that is longer than what is left' };
    if (items.length >= 2 * MAX_FRAGMENTS) return { end: offset, fault: `has over ${MAX_FRAGMENTS} fragments` };
    items.push(offset + 8, length);
    offset += 8 + length;
  }
  return { end: offset, fault: 'is not ended by a Sequence Delimitation Item' };
}
