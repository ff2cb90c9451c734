import { closeSync, openSync } from 'node:fs';
import { readBulk } from '../dicom/bulk.ts';
import { readInto } from '../dicom/byte-source.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { inflate } from '../dicom/deflate.ts';
import { tagOfKeywordOrTag } from '../dicom/dictionary.ts';
import { type FrameIndex, frameIndex, frameRanges, readFrame } from '../dicom/frames.ts';
import { type ByteSource, bufferSource, fileSource, type ParsedObject, parsePart10 } from '../dicom/parse.ts';
import { items } from '../dicom/read-values.ts';
import type { PixelTag } from '../dicom/reading.ts';
import { VoxgateError } from '../errors.ts';
import type { StoredObject } from './render-request.ts';

/** A stored object whose header has been read; its values and frames are read from the file when asked for. */
export interface OpenedObject {
  readonly dataset: JsonDataset;
  readonly transferSyntaxUid: string;
  /** Which of the three kinds of pixel data it has (PS3.3 C.7.6.3, C.7.6.24). */
  readonly pixelTag: PixelTag | undefined;
  readonly frameCount: number;
  /**
   * @param room taken for the bytes where they are no more than it holds and stand in one piece: whoever gives it is done
   *   with the frame before giving it again
   * @throws VoxgateError not-found where there is no such frame
   */
  readFrame(frame: number, room?: Buffer): Buffer;
  /** The bytes of a value, little endian, wherever they stand; undefined where it is absent. */
  bytesOf(item: JsonDataset, keywordOrTag: string): Buffer | undefined;
}

interface Header {
  readonly parsed: ParsedObject;
  readonly index: FrameIndex | undefined;
  /** About as many as it takes in the file; in memory it is some times as large. */
  readonly bytes: number;
}

/** The frames of an object are asked for one after the other; the header of an enhanced one takes a second to read. */
const KEPT = 4;
/** Small headers are kept beyond that: a series is looked through, and looked through again in another window. */
const KEPT_BYTES = 2 * 2 ** 20;
/** Stored files are never changed: a path stands for its bytes. The longest unused first. */
const kept = new Map<string, Header>();
let keptBytes = 0;

/** @throws VoxgateError not-found where the file is gone, not-dicom where it cannot be read */
export function openObject({ path, size }: StoredObject): OpenedObject {
  const read = <T>(use: (source: ByteSource) => T): T => withDescriptor(path, (fd) => use(fileSource(fd, size)));
  const { parsed, index } = header(path, () => read(parse));
  return {
    dataset: parsed.dataset,
    transferSyntaxUid: parsed.transferSyntaxUid,
    pixelTag: parsed.pixelData?.tag,
    frameCount: index?.count ?? 0,
    readFrame(frame, room) {
      if (!index) throw new VoxgateError('not-found', 'the object has no frames');
      const [range, ...more] = (room && frameRanges(index, frame)) ?? [];
      if (room && range && more.length === 0 && range[1] <= room.length && range[0] + range[1] <= size) {
        const bytes = room.subarray(0, range[1]);
        if (withDescriptor(path, (fd) => readInto(fd, bytes, range[0])) === bytes.length) return bytes;
      }
      return read((source) => readFrame(index, frame, source));
    },
    bytesOf: (item, keywordOrTag) => read((source) => bytesOf(parsed, source, item, keywordOrTag)),
  };
}

function header(path: string, read: () => Header): Header {
  const known = kept.get(path);
  const found = known ?? read();
  kept.delete(path);
  kept.set(path, found);
  if (!known) keptBytes += found.bytes;
  for (const [oldest, { bytes }] of kept) {
    if (kept.size <= KEPT || keptBytes <= KEPT_BYTES) break;
    kept.delete(oldest);
    keptBytes -= bytes;
  }
  return found;
}

function withDescriptor<T>(path: string, use: (fd: number) => T): T {
  const fd = opened(path);
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

function opened(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw new VoxgateError('not-found', 'the object is held no longer', { cause });
  }
}

function parse(source: ByteSource): Header {
  const parsed = parsePart10(source);
  const index = frameIndex(parsed, source);
  const ranges = index?.kind === 'compressed' ? index.frames.reduce((sum, { length }) => sum + length * 8, 0) : 0;
  return { parsed, index, bytes: (parsed.pixelData?.offset ?? source.size) + ranges };
}

const WORDS = new Set(['US', 'SS']);

function bytesOf(parsed: ParsedObject, file: ByteSource, item: JsonDataset, keywordOrTag: string): Buffer | undefined {
  const element = item[tagOfKeywordOrTag(keywordOrTag) ?? ''];
  if (!element) return undefined;
  if (element.InlineBinary !== undefined) return Buffer.from(element.InlineBinary, 'base64');
  if (element.BulkDataURI !== undefined) {
    const value = parsed.bulk.get(element.BulkDataURI.replace('bulkdata/', ''));
    if (!value) return undefined;
    return readBulk(value, parsed.deflated ? bufferSource(inflate(file, parsed.dataSetOffset).bytes) : file);
  }
  if (!WORDS.has(element.vr) || !element.Value) return undefined;
  const words = Buffer.alloc(element.Value.length * 2);
  for (const [i, value] of element.Value.entries()) words.writeUInt16LE(Number(value) & 0xffff, i * 2);
  return words;
}

/**
 * The first item of a functional group macro for a frame counted from 1 (PS3.3 C.7.6.16): its own, or the shared one.
 */
export function functionalGroup(dataset: JsonDataset, frame: number, sequence: string): JsonDataset | undefined {
  const own = items(dataset, 'PerFrameFunctionalGroupsSequence')[frame - 1];
  const [shared] = items(dataset, 'SharedFunctionalGroupsSequence');
  return (own && items(own, sequence)[0]) ?? (shared && items(shared, sequence)[0]);
}
