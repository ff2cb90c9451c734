import { readBulk } from './bulk.ts';
import type { ByteSource } from './byte-source.ts';
import { declaredFrames } from './frame-size.ts';
import type { ParsedObject } from './parse.ts';
import { readableSyntax } from './transfer-syntaxes.ts';

export interface EncapsulatedFrames {
  /** Of each frame, its fragments: offset and length in turn. */
  readonly frames: readonly (readonly number[])[];
  readonly warnings: readonly string[];
}

/** The value of one fragment in the source. */
interface Fragment {
  readonly offset: number;
  readonly length: number;
}

/**
 * Sorts the fragments of encapsulated pixel data into frames (PS3.5 Annex A.4). Of what tells them apart the first that
 * agrees with the data is taken: the Extended Offset Table, the Basic Offset Table, one fragment a frame, all fragments
 * one frame, and last the letters with which a compressed image begins. Video is one stream.
 *
 * @param source what the offsets of `parsed` count in
 */
export function encapsulatedFrames(parsed: ParsedObject, source: ByteSource): EncapsulatedFrames {
  const [tableOffset = 0, tableLength = 0, ...values] = parsed.pixelData?.items ?? [];
  const items = pairs(values);
  const fragments = items.filter(({ length }) => length > 0);
  const declared = declaredFrames(parsed.dataset);
  if (fragments.length === 0) return none(declared);
  const syntax = readableSyntax(parsed.transferSyntaxUid);
  if (syntax.video) return { frames: [flat(fragments)], warnings: [] };
  const warnings: string[] = [];
  if (declared === undefined) warnings.push('Number of Frames is not a positive integer');

  const extended = extendedOffsets(parsed, source);
  const byExtended = extended && split(items, extended.offsets);
  if (byExtended && agrees(byExtended, declared)) return { frames: trimmed(byExtended, extended.lengths), warnings };
  if (extended) warnings.push('the Extended Offset Table does not agree with the fragments and was not used');

  const basic = basicOffsets(source, tableOffset, tableLength);
  const byBasic = basic.length > 0 ? split(items, basic) : undefined;
  if (byBasic && agrees(byBasic, declared)) return { frames: byBasic.map(flat), warnings };
  if (basic.length > 0) warnings.push('the Basic Offset Table does not agree with the fragments and was not used');

  if (fragments.length === declared) return { frames: fragments.map((one) => flat([one])), warnings };
  if (declared === 1) return { frames: [flat(fragments)], warnings };
  const marked = splitAtMarkers(fragments, source, syntax.mediaType);
  const frames = marked.slice(0, declared ?? marked.length);
  if (declared !== undefined && marked.length !== declared) {
    warnings.push(`${declared} frames are declared, but the fragments hold the beginnings of ${marked.length}`);
  }
  return { frames: frames.map(flat), warnings };
}

function none(declared: number | undefined): EncapsulatedFrames {
  return { frames: [], warnings: [`${declared ?? 1} frames are declared, but there are no fragments`] };
}

function pairs(values: readonly number[]): Fragment[] {
  const fragments: Fragment[] = [];
  for (let at = 0; at + 1 < values.length; at += 2) fragments.push({ offset: values[at]!, length: values[at + 1]! });
  return fragments;
}

function flat(fragments: readonly Fragment[]): number[] {
  return fragments.flatMap(({ offset, length }) => [offset, length]);
}

function agrees(frames: readonly (readonly Fragment[])[], declared: number | undefined): boolean {
  return declared === undefined || frames.length === declared;
}

/**
 * Groups fragments by the offsets at which frames begin, counted from the first item behind the offset table to the
 * item header of the frame's first fragment. Undefined where an offset is not that of a fragment, or they do not rise.
 */
function split(fragments: readonly Fragment[], offsets: readonly number[]): Fragment[][] | undefined {
  const origin = fragments[0]!.offset;
  const frames: Fragment[][] = [];
  let next = 0;
  for (const fragment of fragments) {
    if (next < offsets.length && fragment.offset - origin === offsets[next]) {
      frames.push([]);
      next += 1;
    }
    if (frames.length === 0) return undefined;
    frames[frames.length - 1]!.push(fragment);
  }
  return next === offsets.length ? frames : undefined;
}

function basicOffsets(source: ByteSource, offset: number, length: number): number[] {
  const table = source.read(offset, length - (length % 4));
  return Array.from({ length: Math.floor(table.length / 4) }, (_, i) => table.readUInt32LE(i * 4));
}

/** Extended Offset Table and Extended Offset Table Lengths (PS3.3 Section C.7.6.3.1.8). */
function extendedOffsets(
  parsed: ParsedObject,
  source: ByteSource,
): { readonly offsets: readonly number[]; readonly lengths: readonly number[] } | undefined {
  const offsets = unsigned64(parsed, source, '7FE00001');
  const lengths = unsigned64(parsed, source, '7FE00002');
  return offsets.length > 0 && lengths.length === offsets.length ? { offsets, lengths } : undefined;
}

function unsigned64(parsed: ParsedObject, source: ByteSource, tag: string): number[] {
  const inline = parsed.dataset[tag]?.InlineBinary;
  const bulk = parsed.bulk.get(tag);
  const bytes = inline !== undefined ? Buffer.from(inline, 'base64') : bulk && readBulk(bulk, source);
  if (bytes === undefined) return [];
  return Array.from({ length: Math.floor(bytes.length / 8) }, (_, i) => Number(bytes.readBigUInt64LE(i * 8)));
}

/** Cuts the padding off frames of one fragment where the table says that they are shorter; by a byte, at most. */
function trimmed(frames: readonly (readonly Fragment[])[], lengths: readonly number[]): number[][] {
  return frames.map((fragments, index) => {
    const [only] = fragments;
    const stated = lengths[index];
    if (fragments.length !== 1 || only === undefined || stated !== only.length - 1) return flat(fragments);
    return [only.offset, stated];
  });
}

/** Fragments in front of the first marker belong to no frame and are left out; without any marker nothing is sure. */
function splitAtMarkers(fragments: readonly Fragment[], source: ByteSource, mediaType: string): Fragment[][] {
  const frames: Fragment[][] = [];
  for (const fragment of fragments) {
    const head = source.read(fragment.offset, Math.min(12, fragment.length)).toString('latin1');
    if (beginsImage(head, mediaType)) frames.push([fragment]);
    else frames.at(-1)?.push(fragment);
  }
  return frames;
}

const JPEG = ['\xff\xd8\xff'];
const JPEG_2000 = ['\xff\x4f\xff\x51', '\0\0\0\x0cjP  \r\n\x87\n'];

/** The first bytes of the compressed image formats: a start marker of the code stream, or the signature of a file. */
const BEGINNINGS: Readonly<Record<string, readonly string[]>> = {
  'image/jpeg': JPEG,
  'image/jls': JPEG,
  'image/jp2': JPEG_2000,
  'image/jpx': JPEG_2000,
  'image/jphc': JPEG_2000,
  'image/jxl': ['\xff\x0a', '\0\0\0\x0cJXL \r\n\x87\n'],
};

function beginsImage(head: string, mediaType: string): boolean {
  if (mediaType === 'image/dicom-rle') return beginsRle(head);
  return BEGINNINGS[mediaType]?.some((beginning) => head.startsWith(beginning)) ?? false;
}

/** The RLE header: 1 to 15 segments, the first of which lies behind the 64 bytes of the header (PS3.5 Annex G.5). */
function beginsRle(head: string): boolean {
  const segments = head.charCodeAt(0);
  return segments >= 1 && segments <= 15 && head.slice(1, 8) === '\0\0\0\x40\0\0\0';
}
