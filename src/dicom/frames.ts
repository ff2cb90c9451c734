import { VoxgateError } from '../errors.ts';
import { type ByteSource, bufferSource } from './byte-source.ts';
import { inflate } from './deflate.ts';
import { encapsulatedFrames } from './encapsulated-frames.ts';
import type { FrameIndex, NativeFrames } from './frame-index.ts';
import { declaredFrames, frameBits } from './frame-size.ts';
import type { ParsedObject } from './parse.ts';
import { toLittleEndian } from './read-value.ts';
import { number } from './read-values.ts';
import { readableSyntax } from './transfer-syntaxes.ts';

export { type FrameIndex, parseFrameIndex, serialiseFrameIndex } from './frame-index.ts';

/**
 * Finds the frames of the object's Pixel Data, Float Pixel Data or Double Float Pixel Data; undefined where it has
 * none. Where fewer frames are present than declared, the index has fewer and says so: a frame in it is always whole.
 */
export function frameIndex(parsed: ParsedObject, source: ByteSource): FrameIndex | undefined {
  const { pixelData, dataset } = parsed;
  if (pixelData === undefined) return undefined;
  if (pixelData.encapsulated && readableSyntax(parsed.transferSyntaxUid).encapsulated) {
    const { frames, warnings } = encapsulatedFrames(parsed, source);
    return { kind: 'compressed', count: frames.length, frames, warnings };
  }
  return nativeFrames(parsed, declaredFrames(dataset) ?? 1);
}

function nativeFrames(parsed: ParsedObject, declared: number): NativeFrames {
  const pixelData = parsed.pixelData!;
  const bitsPerFrame = frameBits(parsed) ?? 0;
  const [, , ...pieces] = pixelData.encapsulated ? pixelData.items : [];
  const bytes = pixelData.encapsulated ? sumOfLengths(pieces) : pixelData.length;
  const present = bitsPerFrame > 0 ? Math.floor((bytes * 8) / bitsPerFrame) : 0;
  // fragments in a native syntax are its pixels in pieces if all are there; else they may be compressed all the same
  const count = pixelData.encapsulated && present < declared ? 0 : Math.min(declared, present);
  const warnings: string[] = [];
  if (bitsPerFrame === 0) warnings.push('the size of a frame cannot be told from Rows, Columns and Bits Allocated');
  else if (count < declared) warnings.push(`${declared} frames are declared, but only ${count} are there`);
  return {
    kind: 'native',
    count,
    offset: pixelData.offset,
    bitsPerFrame,
    swap: wordOf(parsed),
    ...(pixelData.encapsulated ? { pieces } : {}),
    ...(parsed.deflated ? { deflatedFrom: parsed.dataSetOffset } : {}),
    warnings,
  };
}

/**
 * Big endian pixels of 32 and 64 bits are swapped as wholes. PS3.5 Section 8.1.1 would have their 16-bit words in
 * ascending order, but the files found (an RT Dose) are written the other way, and other readers follow them.
 */
function wordOf({ pixelData, dataset }: ParsedObject): NativeFrames['swap'] {
  const allocated = number(dataset, 'BitsAllocated');
  if (pixelData?.swap !== 2) return pixelData?.swap ?? 1;
  return allocated === 32 ? 4 : allocated === 64 ? 8 : 2;
}

function sumOfLengths(pieces: readonly number[]): number {
  return pieces.reduce((sum, value, index) => (index % 2 === 1 ? sum + value : sum), 0);
}

/**
 * The bytes of frame `frame`, counted from 1 as in PS3.18. Compressed frames come as they are stored, their fragments
 * joined, with the padding byte if there is one; native frames in little endian, 1-bit frames shifted to begin at
 * bit 0 of the first byte.
 *
 * @throws VoxgateError not-found where there is no such frame, not-dicom where the source ends before it does
 */
export function readFrame(index: FrameIndex, frame: number, source: ByteSource): Buffer {
  if (!Number.isInteger(frame) || frame < 1 || frame > index.count) {
    throw new VoxgateError('not-found', `there is no frame ${frame}: the object has ${index.count}`);
  }
  if (index.kind === 'compressed') return readPieces(source, index.frames[frame - 1]!);
  return readNativeFrame(index, frame, source);
}

/**
 * The byte ranges [offset, length] of frame `frame`, counted from 1, for those who read elsewhere than from a source;
 * undefined where the bytes of the file are not those of the frame: deflated, big endian, or not on byte borders.
 */
export function frameRanges(index: FrameIndex, frame: number): readonly (readonly [number, number])[] | undefined {
  if (!Number.isInteger(frame) || frame < 1 || frame > index.count) return undefined;
  if (index.kind === 'compressed') {
    const fragments = index.frames[frame - 1]!;
    return Array.from({ length: fragments.length / 2 }, (_, i) => [fragments[2 * i]!, fragments[2 * i + 1]!] as const);
  }
  const bytes = index.bitsPerFrame / 8;
  const plain = index.swap === 1 && index.pieces === undefined && index.deflatedFrom === undefined;
  return plain && Number.isInteger(bytes) ? [[index.offset + (frame - 1) * bytes, bytes]] : undefined;
}

function readNativeFrame(index: NativeFrames, frame: number, file: ByteSource): Buffer {
  const source = index.deflatedFrom === undefined ? file : bufferSource(inflate(file, index.deflatedFrom).bytes);
  const firstBit = (frame - 1) * index.bitsPerFrame;
  const firstByte = Math.floor(firstBit / 8);
  const endByte = Math.ceil((firstBit + index.bitsPerFrame) / 8);
  const start = firstByte - (firstByte % index.swap);
  const end = Math.ceil(endByte / index.swap) * index.swap;
  const words = toLittleEndian(readStretch(index, source, start, end - start), index.swap);
  const bytes = words.subarray(firstByte - start, endByte - start);
  if (bytes.length < endByte - firstByte) throw endsEarly();
  return index.bitsPerFrame % 8 === 0 ? bytes : shiftToFirstBit(bytes, firstBit % 8, index.bitsPerFrame);
}

/** Bytes of the pixel data as a whole, which may lie in pieces. */
function readStretch(index: NativeFrames, source: ByteSource, start: number, length: number): Buffer {
  const { pieces } = index;
  if (pieces === undefined) return source.read(index.offset + start, length);
  const parts: Buffer[] = [];
  let before = 0;
  for (let at = 0; at < pieces.length; at += 2) {
    const size = pieces[at + 1]!;
    const from = Math.max(0, start - before);
    const to = Math.min(size, start + length - before);
    if (from < to) parts.push(source.read(pieces[at]! + from, to - from));
    before += size;
  }
  return Buffer.concat(parts);
}

/** Bits are filled in from the least significant one of each byte (PS3.5 Section 8.1.1, Figure 8.1.1-1). */
function shiftToFirstBit(bytes: Buffer, shift: number, bits: number): Buffer {
  const aligned = Buffer.alloc(Math.ceil(bits / 8));
  for (let at = 0; at < aligned.length; at += 1) {
    aligned[at] = (bytes[at]! >>> shift) | ((bytes[at + 1] ?? 0) << (8 - shift));
  }
  const used = bits % 8;
  if (used !== 0) aligned[aligned.length - 1]! &= (1 << used) - 1;
  return aligned;
}

function readPieces(source: ByteSource, pieces: readonly number[]): Buffer {
  const parts: Buffer[] = [];
  for (let at = 0; at < pieces.length; at += 2) {
    const part = source.read(pieces[at]!, pieces[at + 1]!);
    if (part.length < pieces[at + 1]!) throw endsEarly();
    parts.push(part);
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts);
}

function endsEarly(): VoxgateError {
  return new VoxgateError('not-dicom', 'the object ends before the frame does');
}
