import { VoxgateError } from '../errors.ts';
import type { ByteSource } from './byte-source.ts';
import { DEFAULT_CHARACTER_SET } from './charset.ts';
import type { JsonDataset, JsonElement, Vr } from './dataset.ts';
import { NUMBER_SIZES, numberValues, textValues } from './decode-values.ts';
import { vrOf } from './dictionary.ts';
import { ElementReader, EXPLICIT_LITTLE, knownTag } from './element-reader.ts';
import { isBinaryVr } from './encode-values.ts';
import { guessEncoding } from './guess-encoding.ts';
import { text } from './read-values.ts';
import { readableSyntax } from './transfer-syntaxes.ts';

export interface FoundDataSet {
  readonly meta: JsonDataset;
  readonly dataSetOffset: number;
  /** Of the File Meta Information, if it names one. */
  readonly transferSyntaxUid: string | undefined;
  readonly warnings: readonly string[];
}

/** PS3.10 Section 7.1: 128 bytes of preamble, then the prefix. */
const PREAMBLE = 128;
const PREFIX = 'DICM';
/** File Meta Information is a few hundred bytes; private information (0002,0102) may be longer. */
const MAX_META_VALUE = 64 * 1024;

/**
 * Where the data set of a file begins, and what its File Meta Information says. The prefix alone proves nothing, since
 * data without preamble may hold these letters at the same place: group 0002 must follow, or nothing else make sense.
 *
 * @throws VoxgateError not-dicom
 */
export function findDataSet(source: ByteSource): FoundDataSet {
  const reader = new ElementReader(source, 0);
  const hasPrefix = reader.bytes(PREAMBLE, 4).toString('latin1') === PREFIX;
  const behindPrefix = PREAMBLE + PREFIX.length;
  if (hasPrefix && isMeta(reader, behindPrefix)) return readMeta(reader, behindPrefix, []);
  if (isMeta(reader, 0)) return readMeta(reader, 0, ['the preamble is missing']);
  for (const offset of [0, ...(hasPrefix ? [behindPrefix] : [])]) {
    if (guessEncoding(reader, offset, source.size) === undefined) continue;
    const warnings = ['the File Meta Information is missing'];
    return { meta: {}, dataSetOffset: offset, transferSyntaxUid: undefined, warnings };
  }
  throw new VoxgateError('not-dicom', 'neither a Part 10 file nor a data set: nothing at its start reads as DICOM');
}

function isMeta(reader: ElementReader, offset: number): boolean {
  return reader.tagAt(offset, false) >>> 16 === 2;
}

/** Group 0002, always explicit VR little endian (PS3.10 Section 7.1); its end is where another group begins. */
function readMeta(reader: ElementReader, start: number, warnings: string[]): FoundDataSet {
  const { size } = reader.source;
  const meta: Record<string, JsonElement> = {};
  let offset = start;
  let statedEnd = -1;
  while (offset < size && reader.read(offset, size, EXPLICIT_LITTLE) && reader.tag >>> 16 === 2) {
    if (offset === statedEnd && isDeflated(meta)) break; // compressed bytes may look like group 0002
    const { tag, length, valueOffset, vr } = reader;
    if (length > size - valueOffset) {
      throw new VoxgateError('not-dicom', 'the File Meta Information is longer than the file');
    }
    const known = knownTag(tag);
    const bytes = length > MAX_META_VALUE ? undefined : reader.bytes(valueOffset, length);
    if (bytes !== undefined) meta[known.tag] = metaElement(vr ?? vrOf(known.tag) ?? 'UN', bytes);
    offset = valueOffset + length;
    if (tag === 0x00020000 && bytes?.length === 4) statedEnd = offset + bytes.readUInt32LE(0);
  }
  if (statedEnd === -1) warnings.push('(0002,0000), the length of the File Meta Information, is missing');
  else if (statedEnd !== offset) warnings.push('(0002,0000) is not the length of the File Meta Information');
  const transferSyntaxUid = text(meta, 'TransferSyntaxUID');
  if (transferSyntaxUid === undefined) warnings.push('(0002,0010), the transfer syntax, is missing');
  return { meta, dataSetOffset: offset, transferSyntaxUid, warnings };
}

function isDeflated(meta: JsonDataset): boolean {
  return readableSyntax(text(meta, 'TransferSyntaxUID') ?? '').deflated;
}

function metaElement(vr: Vr, bytes: Buffer): JsonElement {
  if (bytes.length === 0 || vr === 'SQ') return { vr };
  if (isBinaryVr(vr)) return { vr, InlineBinary: bytes.toString('base64') };
  const values =
    NUMBER_SIZES[vr] === undefined ? textValues(bytes, vr, DEFAULT_CHARACTER_SET) : numberValues(bytes, vr, false);
  return values.length === 0 ? { vr } : { vr, Value: values };
}
