import { dataset as datasetOf, type Fields } from '../dicom/build.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { declaredFrames, frameBits } from '../dicom/frame-size.ts';
import { isPresent, number, text } from '../dicom/read-values.ts';
import {
  EXPLICIT_VR_LITTLE_ENDIAN,
  IMPLICIT_VR_LITTLE_ENDIAN,
  RLE_LOSSLESS,
  transferSyntaxOf,
} from '../dicom/transfer-syntaxes.ts';
import { VoxgateError } from '../errors.ts';
import { isWhole } from '../imaging/codestream.ts';
import { type ImageSyntax, imageSyntaxOf } from '../imaging/image-syntax.ts';
import type { BulkPart } from './bulk-part.ts';

/** How pixel data that came as bulk data are to be written. */
export interface PixelForm {
  readonly transferSyntaxUid: string;
  /** Frames that are written as fragments, or the one part that is the value. */
  readonly value: BulkPart | readonly BulkPart[];
  /** Attributes of the image that the data set left to it (PS3.18 10.5.1). */
  readonly added: JsonDataset;
}

export type PixelTag = '7FE00008' | '7FE00009' | '7FE00010';

const OCTETS = 'application/octet-stream';
/** Headers of a compressed frame end here, unless a profile of colours is longer. */
const HEAD_BYTES = 1024 * 1024;
const TAIL_BYTES = 64;

/** How many parts the pixel data consist of: a frame each where they are compressed images, else one. */
export function partsOfPixels(dataset: JsonDataset, first: BulkPart): number {
  return isCompressedImage(first) ? (declaredFrames(dataset) ?? 1) : 1;
}

function isCompressedImage({ mediaType }: BulkPart): boolean {
  if (mediaType.type.startsWith('image/')) return true;
  const syntax = transferSyntaxOf(mediaType.parameters['transfer-syntax'] ?? '');
  return mediaType.type === OCTETS && syntax?.encapsulated === true && !syntax.video;
}

/**
 * Holds pixel data against the data set that they belong to; in doubt they are refused, because what is stored under a
 * wrong description is shown wrong.
 *
 * @param stated the transfer syntax that the metadata name, if any
 * @throws VoxgateError mismatch, undecodable or unsupported-media-type, saying what does not fit
 */
export function pixelForm(
  dataset: JsonDataset,
  tag: PixelTag,
  parts: readonly BulkPart[],
  stated: string | undefined,
): PixelForm {
  const [first] = parts;
  if (first === undefined) throw mismatch('there are no pixel data');
  if (declaredFrames(dataset) === undefined) throw mismatch('Number of Frames (0028,0008) is no positive integer');
  const named = first.mediaType.parameters['transfer-syntax'];
  if (parts.some((part) => part.mediaType.type !== first.mediaType.type))
    throw mismatch('the frames come in different media types');
  if (parts.some((part) => part.mediaType.parameters['transfer-syntax'] !== named))
    throw mismatch('the frames come in different transfer syntaxes');
  if (named !== undefined && transferSyntaxOf(named) === undefined)
    throw new VoxgateError('undecodable', `the transfer syntax ${named.slice(0, 64)} is not known here`);
  if (first.mediaType.type.startsWith('video/')) return video(parts, named ?? stated);
  if (isCompressedImage(first)) {
    if (tag !== '7FE00010') throw mismatch('Float Pixel Data are never compressed');
    return images(dataset, parts, named ?? stated);
  }
  if (first.mediaType.type !== OCTETS)
    throw new VoxgateError('unsupported-media-type', `pixel data are not taken as ${first.mediaType.type}`);
  if (named !== undefined && named !== EXPLICIT_VR_LITTLE_ENDIAN && named !== IMPLICIT_VR_LITTLE_ENDIAN)
    throw new VoxgateError('undecodable', `uncompressed pixel data are little endian, not of transfer syntax ${named}`);
  if (parts.length > 1) throw mismatch('uncompressed pixel data are one part, of all frames');
  checkNativeLength(dataset, tag, first.length);
  return { transferSyntaxUid: EXPLICIT_VR_LITTLE_ENDIAN, value: first, added: {} };
}

/** Rows, Columns and the others say how long the value is, to the byte; one of odd length may be padded. */
export function checkNativeLength(dataset: JsonDataset, tag: PixelTag, length: number): void {
  const bits = frameBits({ dataset, pixelData: { tag, length } });
  if (bits === undefined)
    throw mismatch('Rows, Columns or Bits Allocated are missing: uncompressed pixel data say nothing of themselves');
  const expected = Math.ceil((bits * (declaredFrames(dataset) ?? 1)) / 8);
  if (length !== expected && length !== expected + (expected % 2))
    throw mismatch(`the pixel data have ${length} bytes, and Rows, Columns and the others say ${expected}`);
}

function video(parts: readonly BulkPart[], named: string | undefined): PixelForm {
  const [stream] = parts;
  const { type } = stream!.mediaType;
  const syntax = transferSyntaxOf(named ?? DEFAULT_VIDEO[type] ?? '');
  if (parts.length !== 1) throw mismatch('a video is one part');
  if (!syntax?.video || syntax.mediaType !== type)
    throw new VoxgateError('undecodable', `no transfer syntax of DICOM that is named here is ${type}`);
  const head = stream!.read(0, 12);
  const isMp4 = head.toString('latin1', 4, 8) === 'ftyp';
  if (type === 'video/mp4' && isMp4 && head.toString('latin1', 8, 12) === 'qt  ')
    throw new VoxgateError('undecodable', 'QuickTime is no format of DICOM; it would have to be MP4');
  if (type === 'video/mpeg' && isMp4) throw mismatch('the video is called MPEG-2, and it is MP4');
  if (stream!.length === 0) throw mismatch('the video is empty');
  return { transferSyntaxUid: syntax.uid, value: parts, added: {} };
}

/** The syntax of a media type that is told without one (PS3.18 Table 8.7.3-4). */
const DEFAULT_VIDEO: Readonly<Record<string, string>> = {
  'video/mpeg': '1.2.840.10008.1.2.4.100',
  'video/mp4': '1.2.840.10008.1.2.4.102',
};

function images(dataset: JsonDataset, parts: readonly BulkPart[], named: string | undefined): PixelForm {
  const frames = declaredFrames(dataset) ?? 1;
  if (parts.length !== frames) throw mismatch(`${parts.length} frames came, and Number of Frames says ${frames}`);
  if (parts.some(({ length }) => length === 0)) throw mismatch('a frame is empty');
  const type = parts[0]!.mediaType.type;
  if (type === 'image/dicom-rle' || (type === OCTETS && named === RLE_LOSSLESS)) {
    for (const part of parts) checkRle(dataset, part);
    if (named !== undefined && named !== RLE_LOSSLESS) throw mismatch('RLE frames are told to be of another syntax');
    return { transferSyntaxUid: RLE_LOSSLESS, value: parts, added: {} };
  }
  if (type === 'image/jxl' || transferSyntaxOf(named ?? '')?.mediaType === 'image/jxl') return jpegXl(parts, named);
  const syntaxes = parts.map(describe);
  const common = syntaxes.reduce<readonly string[]>(
    (before, { transferSyntaxUids }) => before.filter((uid) => transferSyntaxUids.includes(uid)),
    syntaxes[0]!.transferSyntaxUids,
  );
  const uid = named === undefined ? common[0] : common.find((one) => one === named);
  if (uid === undefined)
    throw mismatch(
      named === undefined
        ? 'the frames are compressed in different ways'
        : `the frames are told to be of transfer syntax ${named}, and they are of ${syntaxes[0]!.transferSyntaxUids[0]}`,
    );
  const written = transferSyntaxOf(uid);
  if (type !== OCTETS && written?.mediaType !== type && !(type === 'image/jpx' && written?.mediaType === 'image/jp2'))
    throw mismatch(`the frames are told to be ${type}, and they are ${written?.mediaType}`);
  const added = describedBy(dataset, syntaxes[0]!, uid);
  const whole = { ...dataset, ...added };
  for (const syntax of syntaxes) checkFrame(whole, syntax);
  return { transferSyntaxUid: uid, value: parts, added };
}

function describe(part: BulkPart): ImageSyntax {
  const syntax = imageSyntaxOf(part.read(0, Math.min(HEAD_BYTES, part.length)));
  if (syntax === undefined)
    throw new VoxgateError('undecodable', `a frame that is told to be ${part.mediaType.type} has no such header`);
  const tail = Math.min(TAIL_BYTES, part.length);
  if (!isWhole(part.read(part.length - tail, tail))) throw mismatch('a compressed frame breaks off before its end');
  return syntax;
}

function checkFrame(dataset: JsonDataset, { rows, columns, components, precision }: ImageSyntax): void {
  const said = ['Rows', 'Columns', 'SamplesPerPixel'].map((keyword) => number(dataset, keyword));
  const found = [rows, columns, components];
  if (said.some((value, i) => value !== found[i]))
    throw mismatch(
      `a frame has rows, columns and samples ${found.join(', ')}, and the metadata say ${said.join(', ')}`,
    );
  const stored = number(dataset, 'BitsStored') ?? 0;
  if (precision > (number(dataset, 'BitsAllocated') ?? 0) || stored > precision)
    throw mismatch(`a frame has samples of ${precision} bits, and Bits Stored is ${stored}`);
}

/**
 * The Image Pixel module, where a picture of a camera came without it: 8 bits, as JPEG Baseline tells them. Others have
 * too many meanings.
 */
function describedBy(dataset: JsonDataset, image: ImageSyntax, uid: string): JsonDataset {
  const missing = ['Rows', 'Columns', 'SamplesPerPixel', 'BitsAllocated', 'BitsStored', 'PhotometricInterpretation'];
  const absent = missing.filter((keyword) => !isPresent(dataset, keyword));
  if (absent.length === 0) return {};
  const { rows, columns, components, subsampled, isRgb } = image;
  if (absent.length < missing.length || uid !== '1.2.840.10008.1.2.4.50' || (components !== 1 && components !== 3))
    throw mismatch(`the metadata lack ${absent.join(', ')}`);
  const colours = isRgb ? 'RGB' : subsampled ? 'YBR_FULL_422' : 'YBR_FULL';
  const fields: Fields = {
    SamplesPerPixel: components,
    PhotometricInterpretation: components === 1 ? 'MONOCHROME2' : colours,
    ...(components === 3 ? { PlanarConfiguration: 0 } : {}),
    Rows: rows,
    Columns: columns,
    BitsAllocated: 8,
    BitsStored: 8,
    HighBit: 7,
    PixelRepresentation: 0,
    // Whether anything was lost before, a lossy image cannot tell; that something was in it is sure (PS3.3 C.7.6.1.1.5).
    LossyImageCompression: '01',
    LossyImageCompressionMethod: 'ISO_10918_1',
  };
  return { ...datasetOf(fields), ...pick(dataset, ['00282110', '00282114']) };
}

function pick(dataset: JsonDataset, tags: readonly string[]): JsonDataset {
  return Object.fromEntries(tags.flatMap((tag) => (dataset[tag] ? [[tag, dataset[tag]]] : [])));
}

/** A segment for each byte of each sample, behind a header of 64 bytes (PS3.5 Annex G.3, G.5). */
function checkRle(dataset: JsonDataset, part: BulkPart): void {
  const head = part.read(0, 64);
  const samples = number(dataset, 'SamplesPerPixel') ?? 1;
  const bytes = Math.ceil((number(dataset, 'BitsAllocated') ?? 0) / 8);
  if (!number(dataset, 'Rows') || !number(dataset, 'Columns')) throw mismatch('Rows or Columns are missing');
  if (head.length < 64 || head.readUInt32LE(0) !== samples * bytes || head.readUInt32LE(4) !== 64)
    throw mismatch('an RLE frame has no segment for each byte of a sample');
}

/** Its header is not read here: the data set is taken at its word, where it says one. */
function jpegXl(parts: readonly BulkPart[], named: string | undefined): PixelForm {
  const syntax = transferSyntaxOf(named ?? '1.2.840.10008.1.2.4.110');
  const isJpegXl = (part: BulkPart): boolean => {
    const head = part.read(0, 12).toString('latin1');
    return head.startsWith('\xff\x0a') || head.startsWith('\0\0\0\x0cJXL ');
  };
  if (syntax?.mediaType !== 'image/jxl' || !parts.every(isJpegXl))
    throw new VoxgateError('undecodable', 'a frame that is told to be image/jxl is none');
  return { transferSyntaxUid: syntax.uid, value: parts, added: {} };
}

/** The transfer syntax that the metadata tell of the object, which a part may confirm or not. */
export function statedSyntax(dataset: JsonDataset, ofMeta: string | undefined): string | undefined {
  const uid = ofMeta ?? text(dataset, 'AvailableTransferSyntaxUID');
  return uid !== undefined && transferSyntaxOf(uid)?.encapsulated === true ? uid : undefined;
}

function mismatch(sentence: string): VoxgateError {
  return new VoxgateError('mismatch', sentence);
}
