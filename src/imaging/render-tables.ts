import type { JsonDataset } from '../dicom/dataset.ts';
import { numbers } from '../dicom/read-values.ts';
import { VoxgateError } from '../errors.ts';
import type { OpenedObject } from './render-object.ts';

/** A look-up table as PS3.3 C.11.1.1 describes it. */
export interface LookUpTable {
  /** The input value that the first entry belongs to; lower ones take it too, higher than the last the last. */
  readonly first: number;
  /** Of one entry. */
  readonly bits: number;
  readonly entries: Uint16Array;
}

/** The entry of a value; the nearest end's for one beyond (PS3.3 C.11.1.1.1). */
export function lookUp({ first, entries }: LookUpTable, value: number): number {
  const at = Math.round(value) - first;
  return entries[at < 0 ? 0 : at >= entries.length ? entries.length - 1 : at]!;
}

/**
 * A table of a LUT sequence's item.
 * @param signed whether what goes in is signed: the descriptor's second value is written as unsigned by some
 * @throws VoxgateError undecodable for a table that breaks off
 */
export function lookUpTable(object: OpenedObject, item: JsonDataset, signed: boolean): LookUpTable {
  return tableOf(object, item, { descriptor: 'LUTDescriptor', data: 'LUTData', signed });
}

interface Where {
  readonly descriptor: string;
  readonly data: string;
  readonly segmented?: string;
  readonly signed: boolean;
}

function tableOf(object: OpenedObject, item: JsonDataset, where: Where): LookUpTable {
  const [count = 0, from = 0, bits = 16] = numbers(item, where.descriptor);
  // 0 stands for 65536, which 16 bits do not hold; both may have been read as signed.
  const length = (count & 0xffff) === 0 ? 65536 : count & 0xffff;
  const first = where.signed ? ((from & 0xffff) << 16) >> 16 : from & 0xffff;
  const data = object.bytesOf(item, where.data);
  if (data) return { first, bits, entries: entriesOf(data, length) };
  const segments = where.segmented === undefined ? undefined : object.bytesOf(item, where.segmented);
  if (segments) return { first, bits, entries: expandSegments(segments, length, bits) };
  throw new VoxgateError('undecodable', `a look-up table is without its data (${where.data})`);
}

/** Entries of 8 bits stand two in a word, though some write one in each (PS3.3 C.7.6.3.1.6): the length tells. */
function entriesOf(data: Buffer, length: number): Uint16Array {
  const entries = new Uint16Array(length);
  if (data.length >= length * 2) {
    for (let i = 0; i < length; i++) entries[i] = data.readUInt16LE(i * 2);
    return entries;
  }
  if (data.length < length)
    throw new VoxgateError('undecodable', `a look-up table of ${length} entries breaks off after ${data.length} bytes`);
  for (let i = 0; i < length; i++) entries[i] = data[i]!;
  return entries;
}

const DISCRETE = 0;
const LINEAR = 1;
const INDIRECT = 2;

/** A table given in segments (PS3.3 C.7.9.2): runs of entries, straight lines, and repetitions of segments before. */
function expandSegments(data: Buffer, length: number, bits: number): Uint16Array {
  const wide = bits > 8;
  const count = wide ? data.length >> 1 : data.length;
  const at = (i: number): number => {
    if (i < 0 || i >= count) throw broken();
    return wide ? data.readUInt16LE(i * 2) : data[i]!;
  };
  const entries = new Uint16Array(length);
  let filled = 0;
  const put = (value: number): void => {
    if (filled >= length) throw broken();
    entries[filled++] = value;
  };
  /** Expands segments from a position on and says where they end. An indirect segment may not lead to another. */
  const expand = (from: number, most: number, indirectAllowed: boolean): number => {
    let position = from;
    for (let done = 0; done < most && position < count && filled < length; done++) {
      const kind = at(position);
      const size = at(position + 1);
      if (kind === DISCRETE) {
        for (let i = 0; i < size; i++) put(at(position + 2 + i));
        position += 2 + size;
      } else if (kind === LINEAR) {
        if (filled === 0) throw broken();
        const start = entries[filled - 1]!;
        const end = at(position + 2);
        for (let i = 1; i <= size; i++) put(Math.round(start + ((end - start) * i) / size));
        position += 3;
      } else if (kind === INDIRECT && indirectAllowed) {
        const bytes = wide
          ? at(position + 2) + at(position + 3) * 0x10000
          : at(position + 2) + at(position + 3) * 0x100 + at(position + 4) * 0x10000 + at(position + 5) * 0x1000000;
        expand(wide ? bytes / 2 : bytes, size, false);
        position += wide ? 4 : 6;
      } else throw broken();
    }
    return position;
  };
  expand(0, count, true);
  if (filled !== length) throw broken();
  return entries;
}

function broken(): VoxgateError {
  return new VoxgateError('undecodable', 'a segmented look-up table does not have the entries that it is said to have');
}

/** Red, green and blue of a palette as 8 bits, by entry. */
export interface Palette {
  readonly first: number;
  readonly colours: readonly [Uint8Array, Uint8Array, Uint8Array];
}

/** The Palette Color Lookup Table module (PS3.3 C.7.9). @throws VoxgateError undecodable */
export function paletteOf(object: OpenedObject, item: JsonDataset, signed: boolean): Palette {
  const tables = (['Red', 'Green', 'Blue'] as const).map((colour) =>
    tableOf(object, item, {
      descriptor: `${colour}PaletteColorLookupTableDescriptor`,
      data: `${colour}PaletteColorLookupTableData`,
      segmented: `Segmented${colour}PaletteColorLookupTableData`,
      signed,
    }),
  );
  // Some write 16 bits and mean 8: then none of the three has a value above 255.
  const wide = tables.some(({ bits, entries }) => bits > 8 && entries.some((entry) => entry > 255));
  const [red, green, blue] = tables.map(({ entries }) =>
    Uint8Array.from(entries, (entry) => (wide ? entry >> 8 : entry)),
  );
  return { first: tables[0]!.first, colours: [red!, green!, blue!] };
}
