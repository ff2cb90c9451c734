import { closeSync, openSync } from 'node:fs';
import type { JsonDataset } from '../dicom/dataset.ts';
import { inflate } from '../dicom/deflate.ts';
import { type FrameIndex, frameIndex, readFrame } from '../dicom/frames.ts';
import { type ByteSource, bufferSource, fileSource, parsePart10 } from '../dicom/parse.ts';
import { readableSyntax } from '../dicom/transfer-syntaxes.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';
import type { DecodedFrame, FrameLayout } from './decode.ts';
import { decodeAsStored, layoutOf } from './frame-layout.ts';

/** A stored object whose frames are to be read. */
export interface ImageFile {
  readonly path: string;
  readonly size: number;
  /** Where its pixel data begin, if it is known where the frames lie: then the header in front is all that is parsed. */
  readonly pixelsFrom?: number | undefined;
}

/** Offset and length of each piece of a frame in the file. */
export type FrameRanges = readonly (readonly [number, number])[];

/** One object, read by the thread that decodes it. */
export interface StoredImage {
  readonly dataset: JsonDataset;
  readonly layout: FrameLayout;
  /** What is known of a frame that is read without knowing its ranges: undefined where only the header was parsed. */
  readonly index: FrameIndex | undefined;
  /** What the offsets of `index` count in, where that is not the file: a data set that was deflated. */
  readonly inflated: ByteSource | undefined;
}

/** Objects whose frames are asked for in turn: their headers are parsed once. */
const KEPT = 8;
/** Longer ones are parsed anew each time, so that what is kept stays small. */
const LARGEST_KEPT_BYTES = 4 * 1024 * 1024;
const kept = new Map<string, StoredImage>();

/** @throws VoxgateError not-found, not-dicom */
export function openImage(file: ImageFile): StoredImage {
  const name = `${file.path} ${file.pixelsFrom ?? ''}`;
  const known = kept.get(name);
  if (known) {
    kept.delete(name);
    kept.set(name, known);
    return known;
  }
  const image = withFile(file, (source) => parseImage(file, source));
  const size = image.inflated?.size ?? file.pixelsFrom ?? 0;
  if (size <= LARGEST_KEPT_BYTES) kept.set(name, image);
  // One that was inflated is kept as long as it is the only one: frames of it come in turn.
  else if (image.inflated !== undefined) {
    for (const [other, { inflated }] of kept) if (inflated !== undefined) kept.delete(other);
    kept.set(name, image);
  }
  if (kept.size > KEPT) kept.delete(kept.keys().next().value!);
  return image;
}

function parseImage({ size, pixelsFrom }: ImageFile, source: ByteSource): StoredImage {
  const header = pixelsFrom === undefined ? source : { ...source, size: Math.min(size, pixelsFrom) };
  const parsed = parsePart10(header);
  const { dataset, transferSyntaxUid, deflated, dataSetOffset } = parsed;
  const inflated = deflated ? bufferSource(inflate(source, dataSetOffset).bytes) : undefined;
  const index = pixelsFrom === undefined ? frameIndex(parsed, inflated ?? source) : undefined;
  return { dataset, layout: layoutOf(dataset, transferSyntaxUid), index: withoutDeflation(index), inflated };
}

function withoutDeflation(index: FrameIndex | undefined): FrameIndex | undefined {
  if (index?.kind !== 'native') return index;
  const { deflatedFrom: _, ...plain } = index;
  return plain;
}

/**
 * The bytes of one frame as they are stored, native ones in little endian.
 * @param ranges where they lie, if that is known
 * @throws VoxgateError not-found, not-dicom
 */
export function storedFrame(file: ImageFile, image: StoredImage, frame: number, ranges?: FrameRanges): Uint8Array {
  if (ranges !== undefined) return withFile(file, (source) => joined(ranges.map((range) => source.read(...range))));
  const { index, inflated } = image;
  if (index === undefined) throw new VoxgateError('not-found', 'the object has no frames');
  return inflated ? readFrame(index, frame, inflated) : withFile(file, (source) => readFrame(index, frame, source));
}

/**
 * One frame as native little endian pixels. Those stored natively are given as they are, subsampled colour included; colour
 * stored losslessly stays as it was; lossy colour comes out as RGB.
 *
 * @throws VoxgateError not-found, not-dicom, undecodable, too-large
 */
export async function decodedFrame(
  file: ImageFile,
  image: StoredImage,
  frame: number,
  ranges?: FrameRanges,
): Promise<DecodedFrame> {
  const { layout } = image;
  const stored = storedFrame(file, image, frame, ranges);
  if (readableSyntax(layout.transferSyntaxUid).encapsulated) return decodeAsStored(stored, layout);
  const { photometricInterpretation, planarConfiguration } = layout;
  return { bytes: stored, photometricInterpretation, planarConfiguration };
}

function joined(pieces: readonly Buffer[]): Buffer {
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}

function withFile<T>({ path, size }: ImageFile, read: (source: ByteSource) => T): T {
  const fd = opened(path);
  try {
    return read(fileSource(fd, size));
  } finally {
    closeSync(fd);
  }
}

function opened(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw new VoxgateError('not-found', `the stored object cannot be opened: ${sentenceOf(cause)}`, { cause });
  }
}
