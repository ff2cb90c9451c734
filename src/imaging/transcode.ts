import { closeSync, openSync, writeSync } from 'node:fs';
import type { JsonDataset } from '../dicom/dataset.ts';
import { inflate } from '../dicom/deflate.ts';
import { ElementReader, type Encoding, IMPLICIT_LITTLE, UNDEFINED_LENGTH } from '../dicom/element-reader.ts';
import { guessEncoding } from '../dicom/guess-encoding.ts';
import { type ByteSource, bufferSource, fileSource, type ParsedObject, parseDataSet } from '../dicom/parse.ts';
import { isItem } from '../dicom/read-values.ts';
import { type Edits, reencode } from '../dicom/reencode.ts';
import { readableSyntax, type TransferSyntax, transferSyntaxOf } from '../dicom/transfer-syntaxes.ts';
import { VoxgateError } from '../errors.ts';
import { encapsulatedPixels } from './encapsulate.ts';
import { isEncodable } from './encode.ts';
import type { TranscodeRequest } from './transcode-messages.ts';
import { nativePixels, plainPixels, type WrittenPixels } from './transcode-pixels.ts';

/** Extended Offset Table, its lengths, and Encapsulated Pixel Data Value Total Length: of encapsulated pixels alone. */
const OF_FRAGMENTS = ['7FE00001', '7FE00002', '7FE00003'];
const PIXEL_DATA = '7FE00010';
const LOSSY_IMAGE_COMPRESSION = 0x00282110;

/**
 * Writes the data set of a stored object to `output` in explicit or implicit VR little endian without compression, or in a
 * lossless transfer syntax. Pixels are decoded one frame at a time; all else stays as it is, but for what is said of how
 * the pixels lie.
 *
 * @returns bytes written
 * @throws VoxgateError undecodable, not-dicom, too-large, not-acceptable: why it cannot be done
 */
export async function transcodeFile(request: TranscodeRequest): Promise<number> {
  const { path, size, output, targetSyntaxUid } = request;
  const target = transferSyntaxOf(targetSyntaxUid);
  if (!target || (target.encapsulated && !isEncodable(targetSyntaxUid)) || target.deflated || target.bigEndian)
    throw new VoxgateError('not-acceptable', `transfer syntax ${targetSyntaxUid} is not written here`);
  const input = openSync(path, 'r');
  try {
    const into = openSync(output, 'wx', 0o600);
    try {
      return await transcode(request, fileSource(input, size), { target, into });
    } finally {
      closeSync(into);
    }
  } finally {
    closeSync(input);
  }
}

async function transcode(
  { dataSetOffset, transferSyntaxUid }: TranscodeRequest,
  file: ByteSource,
  { target, into }: { readonly target: TransferSyntax; readonly into: number },
): Promise<number> {
  const parsed = parseDataSet(file, { transferSyntaxUid, offset: dataSetOffset });
  if (!parsed.complete) throw new VoxgateError('not-dicom', parsed.warnings[0] ?? 'the object breaks off');
  const source = parsed.deflated ? bufferSource(inflate(file, dataSetOffset).bytes) : file;
  const start = parsed.deflated ? 0 : dataSetOffset;
  const pixels = await pixelsOf(parsed, source, target);
  const from = encodingOf(source, start, transferSyntaxUid);
  let written = 0;
  const write = (bytes: Uint8Array): void => {
    for (let at = 0; at < bytes.length; ) at += writeSync(into, bytes, at);
    written += bytes.length;
  };
  for (const piece of reencode(source, start, { from, explicitVr: target.explicitVr }, editsFor(parsed, pixels))) {
    if (Buffer.isBuffer(piece)) {
      write(piece);
      continue;
    }
    const { frames, length } = pixels.get(piece.pixelsAt)!;
    const end = written + length;
    for await (const frame of frames()) write(frame);
    if (length === UNDEFINED_LENGTH) continue;
    if (written === end - 1) write(Buffer.alloc(1));
    if (written !== end) throw new VoxgateError('undecodable', 'the frames do not have the size that the first had');
  }
  return written;
}

/** What is declared, unless the first element is plainly written otherwise. */
function encodingOf(source: ByteSource, offset: number, transferSyntaxUid: string): Encoding {
  const seen = guessEncoding(new ElementReader(source, offset), offset, source.size);
  return seen ?? readableSyntax(transferSyntaxUid) ?? IMPLICIT_LITTLE;
}

/** The pixel data that have to be written anew, by path: those of the object, and of icons in it. */
async function pixelsOf(
  parsed: ParsedObject,
  source: ByteSource,
  target: TransferSyntax,
): Promise<Map<string, WrittenPixels>> {
  const { transferSyntaxUid, pixelData } = parsed;
  const found = new Map<string, WrittenPixels>();
  const fragments = target.encapsulated ? await encapsulatedPixels(parsed, source, target.uid) : undefined;
  if (fragments) found.set(PIXEL_DATA, fragments);
  for (const [path, value] of parsed.bulk) {
    if (!/(^|\/)7FE000(08|09|10)$/.test(path)) continue;
    const isOwn = path === pixelData?.tag;
    if (isOwn && fragments) continue;
    if (value.encapsulated && readableSyntax(transferSyntaxUid).encapsulated) {
      const dataset = isOwn ? parsed.dataset : itemAt(parsed.dataset, path);
      const items = isOwn ? pixelData.items : itemsOf(source, value);
      found.set(
        path,
        await plainPixels({ dataset, pixelData: { ...value, tag: '7FE00010', items }, transferSyntaxUid }, source),
      );
    } else if (isOwn) {
      const native = nativePixels(parsed, source);
      if (native) found.set(path, native);
    }
  }
  return found;
}

/** The item that holds the attribute of a path, "00880200/0/7FE00010". */
function itemAt(dataset: JsonDataset, path: string): JsonDataset {
  const steps = path.split('/').slice(0, -1);
  let at = dataset;
  for (let i = 0; i + 1 < steps.length; i += 2) {
    const item = at[steps[i]!]?.Value?.[Number(steps[i + 1])];
    at = item !== undefined && item !== null && isItem(item) ? item : {};
  }
  return at;
}

/** Offset and length of each item of an encapsulated value in turn (PS3.5 Annex A.4). */
function itemsOf(source: ByteSource, value: { readonly offset: number; readonly length: number }): number[] {
  const items: number[] = [];
  const end = value.offset + value.length;
  for (let at = value.offset; at + 8 <= end; ) {
    const head = source.read(at, 8);
    const length = head.readUInt32LE(4);
    if (head.readUInt16LE(0) !== 0xfffe || head.readUInt16LE(2) !== 0xe000 || at + 8 + length > end) break;
    items.push(at + 8, length);
    at += 8 + length;
  }
  return items;
}

function editsFor(parsed: ParsedObject, pixels: ReadonlyMap<string, WrittenPixels>): Edits {
  const values = new Map<string, Buffer>();
  for (const [path, { photometricInterpretation: colour, planarConfiguration: planar }] of pixels) {
    const around = path.slice(0, -'7FE00010'.length);
    if (colour !== undefined)
      values.set(`${around}00280004`, Buffer.from(colour.length % 2 === 1 ? `${colour} ` : colour));
    if (planar !== undefined) values.set(`${around}00280006`, Buffer.from([planar, 0]));
  }
  const dropped = pixels.has('7FE00010') ? OF_FRAGMENTS : [];
  return { values, pixels, dropped: new Set(dropped), added: marksOfLoss(parsed) };
}

/** Once compressed with loss, an image says so for ever (PS3.3 C.7.6.1.1.5), also where its sender forgot to. */
function marksOfLoss({ dataset, transferSyntaxUid }: ParsedObject): Edits['added'] {
  const { lossy, mediaType } = readableSyntax(transferSyntaxUid);
  if (!lossy || mediaType !== 'image/jpeg' || dataset['00282110'] !== undefined) return [];
  return [{ tagNumber: LOSSY_IMAGE_COMPRESSION, vr: 'CS', value: Buffer.from('01') }];
}
