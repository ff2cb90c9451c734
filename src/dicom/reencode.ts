import { VoxgateError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import type { Vr } from './dataset.ts';
import { NUMBER_SIZES } from './decode-values.ts';
import { isVr } from './dictionary.ts';
import { ElementOutput } from './element-output.ts';
import {
  ElementReader,
  type Encoding,
  EXPLICIT_LITTLE,
  IMPLICIT_LITTLE,
  ITEM,
  ITEM_DELIMITATION,
  type KnownTag,
  knownTag,
  SEQUENCE_DELIMITATION,
  UNDEFINED_LENGTH,
} from './element-reader.ts';
import { pixelTagOf, toLittleEndian } from './read-value.ts';
import { type BulkValue, printedTag } from './reading.ts';

/** What is to be different in the data set as it is written anew; places are paths, "00880200/0/7FE00010". */
export interface Edits {
  /** Values in place of those that are there, little endian and of even length. */
  readonly values: ReadonlyMap<string, Buffer>;
  /** Pixel data that the caller writes: the value has `length` bytes. */
  readonly pixels: ReadonlyMap<string, { readonly vr: 'OB' | 'OW'; readonly length: number }>;
  readonly dropped: ReadonlySet<string>;
  /** Added to the data set itself where they are missing. */
  readonly added: readonly { readonly tagNumber: number; readonly vr: Vr; readonly value: Buffer }[];
}

/** Bytes to be written, or the place of pixel data that the caller writes now. */
export type Piece = Buffer | { readonly pixelsAt: string };

/** Sequences within sequences, as the reader has it. */
const MAX_DEPTH = 64;
/** Small elements are handed on together. */
const GATHER_BYTES = 64 * 1024;
/** Longer values are read and handed on in pieces; a multiple of every word. */
const PIECE_BYTES = 1024 * 1024;
const PIXEL_REPRESENTATION = 0x00280103;

/**
 * Writes a data set anew in explicit or implicit VR little endian, element for element (PS3.5 Section 7, Annex A): values
 * stay the bytes they are, but for the order of bytes in big endian words. Unknown VRs become UN on the way from implicit
 * to explicit (Section 6.2.2). Sequences and items get undefined lengths; group lengths, which would be wrong, are left out.
 *
 * @throws VoxgateError not-dicom naming the place where the data set cannot be followed
 */
export function* reencode(
  source: ByteSource,
  offset: number,
  encodings: { readonly from: Encoding; readonly explicitVr: boolean },
  edits: Edits,
): Generator<Piece, void> {
  const output = new ElementOutput(encodings.explicitVr);
  const data = { encoding: encodings.from, end: source.size, delimited: false, depth: 0, path: '', signed: false };
  yield* elements({ source, reader: new ElementReader(source, offset), output, edits }, data, offset);
  yield output.take();
}

interface Work {
  readonly source: ByteSource;
  readonly reader: ElementReader;
  readonly output: ElementOutput;
  readonly edits: Edits;
}

interface Open {
  readonly encoding: Encoding;
  readonly end: number;
  readonly delimited: boolean;
  readonly depth: number;
  /** With "/" at its end, or empty for the data set itself. */
  readonly path: string;
  /** Pixel Representation is 1: "US or SS" is SS (PS3.5 Annex A.1). */
  signed: boolean;
}

/** Elements up to the end of the data set or item; returns the offset behind them. */
function* elements(work: Work, open: Open, start: number): Generator<Piece, number> {
  const { reader, output, edits } = work;
  const added = open.depth === 0 ? [...edits.added] : [];
  let offset = start;
  while (offset < open.end) {
    if (open.depth === 0 && isZeroPadding(work.source, offset)) break;
    if (open.end - offset < 8 || !reader.read(offset, open.end, open.encoding))
      throw broken(`what follows at byte ${offset} is no data element`);
    const { tag } = reader;
    if (tag === ITEM_DELIMITATION && open.delimited) return reader.valueOffset;
    if (tag >= ITEM) throw broken(`${printedTag(tag)} stands where an attribute should`);
    while (added.length > 0 && added[0]!.tagNumber <= tag) {
      const { tagNumber, vr, value } = added.shift()!;
      if (tagNumber !== tag) output.element(tagNumber, vr, value);
    }
    offset = yield* element(work, open);
    if (output.length > GATHER_BYTES) yield output.take();
  }
  if (open.delimited) throw broken('an item is not ended by an Item Delimitation Item');
  for (const { tagNumber, vr, value } of added) output.element(tagNumber, vr, value);
  return offset;
}

/** The element whose header the reader has just read. */
function* element(work: Work, open: Open): Generator<Piece, number> {
  const { reader, output, edits } = work;
  const { tag, length, valueOffset } = reader;
  const known = knownTag(tag);
  const path = open.path + known.tag;
  const end = valueOffset + length;
  const pixels = edits.pixels.get(path);
  const vr = vrFor(known, reader.vr, open);
  const undefinedLength = length === UNDEFINED_LENGTH;
  if (!undefinedLength && end > open.end) throw broken(`the value of ${path} is longer than what is left`);
  if (pixels) {
    output.header(tag, pixels.vr, pixels.length);
    yield output.take();
    yield { pixelsAt: path };
    return undefinedLength ? behindFragments(work, open, valueOffset) : end;
  }
  if (undefinedLength && pixelTagOf(tag) !== undefined) throw broken(`${path} is encapsulated and was not decoded`);
  if (undefinedLength || vr === 'SQ') return yield* sequence(work, open, { path, vr, offset: valueOffset, length });
  // Group lengths would be wrong, and group 2 belongs into the file meta information.
  if ((tag & 0xffff) === 0 || tag >>> 16 === 2 || edits.dropped.has(path)) return end;
  const replaced = edits.values.get(path);
  if (replaced) {
    output.element(tag, vr, replaced);
    return end;
  }
  if (tag === PIXEL_REPRESENTATION && length >= 2)
    open.signed = toLittleEndian(reader.bytes(valueOffset, 2), open.encoding.bigEndian ? 2 : 1)[0] === 1;
  yield* value(work, { tag, vr, length, offset: valueOffset, swap: swapOf(vr, open.encoding) });
  return end;
}

/**
 * As written; from implicit VR as the dictionary says, UN where it says nothing. What was written as UN stays UN: its
 * value may be in implicit VR, which is what UN says (PS3.5 Section 6.2.2).
 */
function vrFor(known: KnownTag, written: Vr | undefined, open: Open): Vr {
  if (written !== undefined) return written;
  if (known.signedByPixels && open.signed) return 'SS';
  return known.vr ?? 'UN';
}

function* value(
  { source, reader, output }: Work,
  one: {
    readonly tag: number;
    readonly vr: Vr;
    readonly length: number;
    readonly offset: number;
    readonly swap: BulkValue['swap'];
  },
): Generator<Piece, void> {
  const { tag, vr, length, offset, swap } = one;
  if (length <= GATHER_BYTES) {
    output.element(tag, vr, toLittleEndian(reader.bytes(offset, length), swap));
    return;
  }
  output.header(tag, vr, length + (length % 2));
  yield output.take();
  for (let at = 0; at < length; at += PIECE_BYTES)
    yield toLittleEndian(source.read(offset + at, Math.min(PIECE_BYTES, length - at)), swap);
  if (length % 2 === 1) output.padding(vr);
}

interface SequencePlace {
  readonly path: string;
  readonly vr: Vr;
  readonly offset: number;
  readonly length: number;
}

/** Items (PS3.5 Section 7.5); of UN they are in implicit VR little endian (CP-246), whatever is around them. */
function* sequence(work: Work, open: Open, { path, vr, offset, length }: SequencePlace): Generator<Piece, number> {
  const { reader, output } = work;
  const tagNumber = reader.tag;
  if (vr !== 'SQ' && vr !== 'UN') throw broken(`${path} (${vr}) has no length`);
  if (open.depth >= MAX_DEPTH) throw broken(`${path} is nested over ${MAX_DEPTH} deep`);
  const delimited = length === UNDEFINED_LENGTH;
  const end = delimited ? open.end : offset + length;
  if (end === offset) {
    output.header(tagNumber, 'SQ', 0);
    return end;
  }
  const encoding = vr === 'UN' ? encodingOfItems(reader, offset, open.encoding) : open.encoding;
  output.header(tagNumber, 'SQ', UNDEFINED_LENGTH);
  let at = offset;
  for (let item = 0; ; item += 1) {
    if (at === end && !delimited) break;
    if (end - at < 8 || !reader.read(at, end, encoding)) throw broken(`${path} breaks off`);
    const { tag, valueOffset, length: itemLength } = reader;
    at = valueOffset;
    if (tag === SEQUENCE_DELIMITATION && delimited) break;
    if (tag !== ITEM) throw broken(`${path} holds something that is not an item`);
    const isOpen = itemLength === UNDEFINED_LENGTH;
    const itemEnd = isOpen ? end : at + itemLength;
    if (itemEnd > end) throw broken(`an item of ${path} is longer than what it lies in`);
    output.mark(ITEM, UNDEFINED_LENGTH);
    const inner = {
      ...open,
      encoding,
      end: itemEnd,
      delimited: isOpen,
      depth: open.depth + 1,
      path: `${path}/${item}/`,
    };
    at = yield* elements(work, inner, at);
    output.mark(ITEM_DELIMITATION, 0);
  }
  output.mark(SEQUENCE_DELIMITATION, 0);
  return at;
}

function encodingOfItems(reader: ElementReader, offset: number, around: Encoding): Encoding {
  if (!around.explicitVr) return around;
  const head = reader.bytes(offset, 16);
  if (around.bigEndian && head[0] === 0xff && head[1] === 0xfe) return around;
  return isVr(head.toString('latin1', 12, 14)) ? EXPLICIT_LITTLE : IMPLICIT_LITTLE;
}

/** Behind the Sequence Delimitation Item of an encapsulated value (PS3.5 Annex A.4). */
function behindFragments({ reader }: Work, { end, encoding }: Open, start: number): number {
  let at = start;
  while (end - at >= 8 && reader.read(at, end, encoding)) {
    if (reader.tag === SEQUENCE_DELIMITATION) return reader.valueOffset;
    if (reader.tag !== ITEM) break;
    at = reader.valueOffset + reader.length;
  }
  throw broken('encapsulated pixel data break off');
}

/** The word of a VR that differs between little and big endian (PS3.5 Section 7.3); UN may be in either order. */
function swapOf(vr: Vr, encoding: Encoding): BulkValue['swap'] {
  if (!encoding.bigEndian || vr === 'UN') return 1;
  const size = WORDS[vr] ?? NUMBER_SIZES[vr];
  return size === 2 || size === 4 || size === 8 ? size : 1;
}

const WORDS: Partial<Readonly<Record<Vr, number>>> = { OW: 2, OF: 4, OL: 4, OD: 8, OV: 8, AT: 2 };

/** Zeros at the very end of the data, up to a sector or so. */
function isZeroPadding(source: ByteSource, offset: number): boolean {
  const left = source.size - offset;
  if (left > 4096 || source.read(offset, 4).some((byte) => byte !== 0)) return false;
  return source.read(offset, left).every((byte) => byte === 0);
}

function broken(sentence: string): VoxgateError {
  return new VoxgateError('not-dicom', sentence);
}
