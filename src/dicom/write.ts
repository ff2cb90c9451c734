import { deflateRawSync } from 'node:zlib';
import { VoxgateError } from '../errors.ts';
import { ByteWriter, type Elsewhere } from './byte-writer.ts';
import type { JsonDataset, JsonElement, Vr } from './dataset.ts';
import { vrOf } from './dictionary.ts';
import { type EncodeText, textEncoderOf } from './encode-text.ts';
import { canEncode, encodeValue, hasWideText, isBinaryVr, isLongFormVr } from './encode-values.ts';
import { IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME } from './implementation.ts';
import { isItem, number, text } from './read-values.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN, type TransferSyntax, transferSyntaxOf } from './transfer-syntaxes.ts';

type Bytes = Uint8Array | Elsewhere;

/**
 * Bytes of big values by path ("7FE00010", "54000100/0/54001010"), little endian. For encapsulated Pixel Data a list
 * holds one compressed frame each. What is elsewhere can be written by `part10Pieces` only.
 */
export type BinaryValues = Readonly<Record<string, Bytes | readonly Bytes[]>>;

export interface EncodeOptions {
  readonly transferSyntaxUid: string;
  readonly binary?: BinaryValues;
  /** Defined terms of the character set that text is written in if all of it can be; else it is UTF-8. */
  readonly characterSet?: readonly string[];
}

/**
 * Encodes a data set in implicit or explicit VR little endian, deflated or encapsulated (PS3.5 Section 7, Annex A).
 * Text is UTF-8 unless another set is wanted; (0008,0005) becomes ISO_IR 192 where any text is not ASCII. Sequences and items have defined
 * lengths; group lengths are left out.
 *
 * @throws VoxgateError not-acceptable for a transfer syntax we do not write, too-large for a value over 4 GiB
 * @throws TypeError or RangeError for a value that does not fit its VR, TypeError for a BulkDataURI without bytes in `binary`
 */
export function encodeDataSet(ds: JsonDataset, options: EncodeOptions): Buffer {
  const { writer, syntax } = write(ds, options);
  const bytes = writer.finish();
  return syntax.deflated ? padded(deflateRawSync(bytes)) : bytes;
}

function write(ds: JsonDataset, options: EncodeOptions): { writer: ByteWriter; syntax: TransferSyntax } {
  const syntax = transferSyntaxOf(options.transferSyntaxUid);
  if (syntax === undefined || syntax.bigEndian) {
    throw new VoxgateError('not-acceptable', `transfer syntax ${options.transferSyntaxUid} cannot be written here`);
  }
  const writer = new ByteWriter();
  const binary = options.binary ?? {};
  const text = textOf(ds, options.characterSet ?? []);
  const named = text.terms === undefined ? ds : { ...ds, '00080005': text.terms };
  writeItem({ writer, syntax, binary, text }, named, '');
  return { writer, syntax };
}

/** A Part 10 file (PS3.10 Section 7); the transfer syntax is Explicit VR Little Endian unless given. */
export function encodePart10(ds: JsonDataset, options: Partial<EncodeOptions> = {}): Buffer {
  const transferSyntaxUid = options.transferSyntaxUid ?? EXPLICIT_VR_LITTLE_ENDIAN;
  const meta = fileMetaOf(ds, transferSyntaxUid);
  return Buffer.concat([meta, encodeDataSet(ds, { ...options, transferSyntaxUid })]);
}

/**
 * A Part 10 file in pieces, the values that are elsewhere in their places, so that they need not be in memory.
 *
 * @throws as encodeDataSet, not-acceptable also for deflated data sets
 */
export function part10Pieces(ds: JsonDataset, options: EncodeOptions): readonly (Uint8Array | Elsewhere)[] {
  const { writer, syntax } = write(ds, options);
  if (syntax.deflated) throw new VoxgateError('not-acceptable', 'a deflated data set cannot be written in pieces');
  return [fileMetaOf(ds, options.transferSyntaxUid), ...writer.pieces()];
}

function fileMetaOf(ds: JsonDataset, transferSyntaxUid: string): Buffer {
  const sopClassUid = text(ds, 'SOPClassUID');
  const sopInstanceUid = text(ds, 'SOPInstanceUID');
  if (sopClassUid === undefined || sopInstanceUid === undefined) {
    throw new TypeError('a Part 10 file needs SOP Class UID and SOP Instance UID');
  }
  return fileMeta({ sopClassUid, sopInstanceUid, transferSyntaxUid });
}

/** Preamble, prefix and File Meta Information (PS3.10 Section 7.1), to stand in front of a data set as received. */
export function fileMeta(file: {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  readonly sourceAeTitle?: string;
}): Buffer {
  const meta: JsonDataset = {
    '00020001': { vr: 'OB', InlineBinary: 'AAE=' },
    '00020002': { vr: 'UI', Value: [file.sopClassUid] },
    '00020003': { vr: 'UI', Value: [file.sopInstanceUid] },
    '00020010': { vr: 'UI', Value: [file.transferSyntaxUid] },
    '00020012': { vr: 'UI', Value: [IMPLEMENTATION_CLASS_UID] },
    '00020013': { vr: 'SH', Value: [IMPLEMENTATION_VERSION_NAME] },
    ...(file.sourceAeTitle ? { '00020016': { vr: 'AE', Value: [file.sourceAeTitle] } } : {}),
  };
  const group = encodeDataSet(meta, { transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN });
  const head = Buffer.alloc(144);
  head.write('DICM', 128, 'latin1');
  head.write('\x02\0\0\0UL\x04\0', 132, 'latin1');
  head.writeUInt32LE(group.length, 140);
  return Buffer.concat([head, group]);
}

const UTF8: JsonElement = { vr: 'CS', Value: ['ISO_IR 192'] };

/** How text is written, and what (0008,0005) says of it; undefined where that may stay as it is. */
interface WrittenText {
  readonly terms?: JsonElement;
  readonly encode?: EncodeText;
}

function textOf(ds: JsonDataset, wanted: readonly string[]): WrittenText {
  const encode = textEncoderOf(wanted);
  const isWide = hasWideText(ds);
  if (encode !== undefined && (!isWide || canEncode(ds, encode))) {
    return { terms: { vr: 'CS', Value: wanted.map((term) => term || null) }, encode };
  }
  return isWide ? { terms: UTF8 } : {};
}

const UNDEFINED_LENGTH = 0xffffffff;
const MAX_LENGTH = 0xfffffffe;
/** Longest value behind a 16-bit length field. */
const MAX_SHORT_LENGTH = 0xfffe;

interface Output {
  readonly writer: ByteWriter;
  readonly syntax: TransferSyntax;
  readonly binary: BinaryValues;
  readonly text: WrittenText;
}

function writeItem(out: Output, ds: JsonDataset, path: string): void {
  const added = path === '' ? Object.keys(out.binary).filter((tag) => tag.length === 8 && ds[tag] === undefined) : [];
  for (const tag of [...Object.keys(ds), ...added].sort()) {
    if (isGroupLength(tag)) continue;
    const stated = ds[tag] ?? { vr: vrOf(tag) ?? 'UN' };
    const element = tag === '00080005' ? (out.text.terms ?? stated) : stated;
    if (element.vr === 'SQ') writeSequence(out, tag, element, path);
    else writeElement(out, tag, element, { ds, path: path + tag });
  }
}

function isList(given: Bytes | readonly Bytes[]): given is readonly Bytes[] {
  return Array.isArray(given);
}

/** Group lengths are retired outside groups 0000 and 0002 (PS3.5 Section 7.2) and would be wrong after a change. */
function isGroupLength(tag: string): boolean {
  return tag.endsWith('0000') && tag !== '00000000';
}

function writeSequence(out: Output, tag: string, element: JsonElement, path: string): void {
  writeTag(out.writer, tag);
  if (out.syntax.explicitVr) out.writer.ascii('SQ\0\0');
  const sequence = out.writer.reserveU32();
  for (const [index, item] of (element.Value ?? []).entries()) {
    if (item !== null && !isItem(item)) throw new TypeError(`an item of ${tag} (SQ) must be an object`);
    writeTag(out.writer, 'FFFEE000');
    const length = out.writer.reserveU32();
    writeItem(out, item ?? {}, `${path}${tag}/${index}/`);
    out.writer.fill(length);
  }
  out.writer.fill(sequence);
}

function writeElement(
  out: Output,
  tag: string,
  element: JsonElement,
  place: { readonly ds: JsonDataset; readonly path: string },
): void {
  const given = out.binary[place.path];
  const isPixels = place.path === '7FE00010';
  const vr = isPixels ? pixelVr(out.syntax, place.ds) : element.vr;
  if (given !== undefined && isPixels && out.syntax.encapsulated) {
    writeFragments(out.writer, isList(given) ? given : [given]);
    return;
  }
  if (given !== undefined && isList(given)) {
    throw new TypeError(`${place.path} is a list of frames, but ${out.syntax.name} has no fragments`);
  }
  const value = given ?? encodeValue(tag, element, out.text.encode);
  const length = value.length + (value.length % 2);
  if (length > MAX_LENGTH) throw new VoxgateError('too-large', `the value of ${place.path} does not fit into 4 GiB`);
  writeHeader(out, tag, vr, length);
  out.writer.bytes(value);
  if (length > value.length) out.writer.ascii(isBinaryVr(vr) || vr === 'UI' ? '\0' : ' ');
}

/** PS3.5 Annexes A.1, A.2 and A.4: OB for fragments; OW in implicit VR and above 8 bits; below, OB unless OW was said. */
function pixelVr(syntax: TransferSyntax, ds: JsonDataset): Vr {
  if (syntax.encapsulated) return 'OB';
  if (!syntax.explicitVr || (number(ds, 'BitsAllocated') ?? 16) > 8) return 'OW';
  return ds['7FE00010']?.vr === 'OW' ? 'OW' : 'OB';
}

function writeHeader(out: Output, tag: string, vr: Vr, length: number): void {
  const { writer } = out;
  writeTag(writer, tag);
  if (!out.syntax.explicitVr) {
    writer.u32(length);
  } else if (isLongFormVr(vr)) {
    writer.ascii(`${vr}\0\0`);
    writer.u32(length);
  } else if (length > MAX_SHORT_LENGTH) {
    writer.ascii('UN\0\0'); // PS3.5 Section 6.2.2, note 3 (CP-1066)
    writer.u32(length);
  } else {
    writer.ascii(vr);
    writer.u16(length);
  }
}

function writeTag(writer: ByteWriter, tag: string): void {
  writer.u16(Number.parseInt(tag.slice(0, 4), 16));
  writer.u16(Number.parseInt(tag.slice(4), 16));
}

/** One fragment a frame behind a Basic Offset Table (PS3.5 Annex A.4); the table stays empty where 32 bits end. */
function writeFragments(writer: ByteWriter, frames: readonly Bytes[]): void {
  writeTag(writer, '7FE00010');
  writer.ascii('OB\0\0');
  writer.u32(UNDEFINED_LENGTH);
  const offsets: number[] = [];
  let next = 0;
  for (const frame of frames) {
    offsets.push(next);
    next += 8 + frame.length + (frame.length % 2);
  }
  writeTag(writer, 'FFFEE000');
  const table = offsets.length > 1 && (offsets.at(-1) ?? 0) <= UNDEFINED_LENGTH ? offsets : [];
  writer.u32(table.length * 4);
  for (const offset of table) writer.u32(offset);
  for (const frame of frames) {
    const length = frame.length + (frame.length % 2);
    if (length > MAX_LENGTH) throw new VoxgateError('too-large', 'a compressed frame does not fit into 4 GiB');
    writeTag(writer, 'FFFEE000');
    writer.u32(length);
    writer.bytes(frame);
    if (length > frame.length) writer.ascii('\0');
  }
  writeTag(writer, 'FFFEE0DD');
  writer.u32(0);
}

function padded(bytes: Buffer): Buffer {
  return bytes.length % 2 === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(1)]);
}
