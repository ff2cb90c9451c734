import {
  closeSync,
  constants,
  open as openCallback,
  openSync,
  read as readCallback,
  readdirSync,
  write as writeCallback,
  writevSync,
} from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32, gunzip, gzipSync } from 'node:zlib';
import { rethrowFull } from './disk-errors.ts';

const openFile = promisify(openCallback);
const readInto = promisify(readCallback);
const writeAt = promisify(writeCallback);
const gunzipped = promisify<Uint8Array, Buffer>(gunzip);

/** Where a record lies, head included. */
export interface LogPlace {
  readonly segment: number;
  readonly offset: number;
  readonly length: number;
}

/** What is kept of an object besides its bytes; all of it can be read from them again. */
export interface Metadata {
  /** DICOM JSON, UTF-8. */
  readonly json: Packed;
  /** Serialised frame index, where it is too long for the row. */
  readonly frames: Packed | null;
}

/** A text as it is kept. Who makes a long one packs it, apart from everybody else: packing takes its time. */
export interface Packed {
  readonly bytes: Uint8Array;
  readonly gzipped: boolean;
}

/** Long texts are kept compressed; what is short is read far more often than it takes room. */
const COMPRESS_ABOVE = 48 * 1024;

export function pack(text: string): Packed {
  const bytes = Buffer.from(text);
  return bytes.length > COMPRESS_ABOVE
    ? { bytes: gzipSync(bytes, { level: 1 }), gzipped: true }
    : { bytes, gzipped: false };
}

export async function unpack(packed: Packed): Promise<string> {
  return (await unpackBytes(packed)).toString('utf8');
}

/** The text as UTF-8. */
export async function unpackBytes({ bytes, gzipped }: Packed): Promise<Buffer> {
  const plain = gzipped ? await gunzipped(bytes) : bytes;
  return Buffer.from(plain.buffer, plain.byteOffset, plain.length);
}

const SEGMENT_BYTES = 256 * 1024 * 1024;
/** magic, CRC-32 of what follows it, storage key (16 bytes, zeros behind a longer one's first), flags, length of the JSON */
const HEAD_BYTES = 4 + 4 + 16 + 4 + 4;
const MAGIC = 0x564d4431;
const JSON_GZIPPED = 1;
const FRAMES_GZIPPED = 2;

/** Records that lie close together are read at once, up to so much. */
const LARGEST_READ = 4 * 1024 * 1024;
const LARGEST_GAP = 32 * 1024;

/**
 * Metadata of all objects in an append-only log of segments, `metadata/<number>.log`: series come together, so they lie
 * together and are read with few calls. Nothing here is synced: it is derived. A record that is not what it should be
 * (lost in a power cut, cut short, another object's) is answered with undefined, and its reader makes it anew.
 */
export class MetadataLog {
  readonly #folder: string;
  #segment: number;
  #fd: number | undefined;
  #end = 0;
  readonly #readers = new Map<number, number>();

  private constructor(folder: string, segment: number) {
    this.#folder = folder;
    this.#segment = segment;
  }

  static async open(root: string): Promise<MetadataLog> {
    const folder = join(root, 'metadata');
    await mkdir(folder, { recursive: true });
    // What a crash left half written is not written behind: every start has segments of its own.
    const numbers = readdirSync(folder).map((name) => Number(/^(\d+)\.log$/.exec(name)?.[1] ?? 0));
    return new MetadataLog(folder, Math.max(0, ...numbers) + 1);
  }

  /** @throws VoxgateError out-of-resources */
  append(records: readonly { readonly key: string; readonly metadata: Metadata }[]): LogPlace[] {
    const pieces: Uint8Array[] = [];
    const places: LogPlace[] = [];
    if (this.#fd === undefined || this.#end >= SEGMENT_BYTES) this.#nextSegment();
    const start = this.#end;
    let offset = start;
    for (const { key, metadata } of records) {
      const parts = encode(key, metadata);
      const length = parts.reduce((sum, part) => sum + part.length, 0);
      places.push({ segment: this.#segment, offset, length });
      pieces.push(...parts);
      offset += length;
    }
    this.#end = offset;
    try {
      if (writevSync(this.#fd!, pieces, start) === offset - start) return places;
      // The rest would be a hole; those records are made anew when they are read.
      this.#nextSegment();
      return places;
    } catch (error) {
      return rethrowFull(error as NodeJS.ErrnoException);
    }
  }

  /** The records of objects, in the order asked for; undefined where one is not what it should be. */
  async read(wanted: readonly { readonly key: string; readonly place: LogPlace }[]): Promise<(Metadata | undefined)[]> {
    const found: (Metadata | undefined)[] = new Array(wanted.length).fill(undefined);
    const order = wanted.map((_, index) => index).sort((a, b) => compare(wanted[a]!.place, wanted[b]!.place));
    for (let at = 0; at < order.length; ) {
      const first = wanted[order[at]!]!.place;
      let end = first.offset + first.length;
      let next = at + 1;
      for (; next < order.length; next += 1) {
        const { segment, offset, length } = wanted[order[next]!]!.place;
        if (segment !== first.segment || offset > end + LARGEST_GAP || offset + length - first.offset > LARGEST_READ)
          break;
        end = Math.max(end, offset + length);
      }
      const bytes = await this.#readAt(first.segment, first.offset, end - first.offset);
      for (const index of order.slice(at, next)) {
        const { key, place } = wanted[index]!;
        const from = place.offset - first.offset;
        found[index] = decode(key, bytes.subarray(from, from + place.length), place.length);
      }
      at = next;
    }
    return found;
  }

  /**
   * Overwrites the records of objects with zeros: what they tell of a patient goes with the object. What lies there of
   * another object stays (segments are numbered anew when the folder was deleted). The room is not given back.
   * @throws VoxgateError out-of-resources
   */
  async erase(records: readonly { readonly key: string; readonly place: LogPlace }[]): Promise<void> {
    for (const { key, place } of records) {
      const { segment, offset, length } = place;
      const head = await this.#readAt(segment, offset, HEAD_BYTES);
      if (head.length < HEAD_BYTES || !isHeadOf(key, head)) continue;
      const fd = await openFile(this.#pathOf(segment), constants.O_WRONLY).catch(rethrowFull);
      try {
        await writeAt(fd, Buffer.alloc(length), 0, length, offset).catch(rethrowFull);
      } finally {
        closeSync(fd);
      }
    }
  }

  close(): void {
    for (const fd of this.#readers.values()) closeSync(fd);
    this.#readers.clear();
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    this.#segment += 1;
  }

  #nextSegment(): void {
    if (this.#fd !== undefined) {
      closeSync(this.#fd);
      this.#segment += 1;
    }
    this.#fd = undefined;
    this.#end = 0;
    try {
      this.#fd = openSync(
        this.#pathOf(this.#segment),
        constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL,
        0o640,
      );
    } catch (error) {
      rethrowFull(error as NodeJS.ErrnoException);
    }
  }

  #pathOf(segment: number): string {
    return join(this.#folder, `${segment}.log`);
  }

  /** As many of the bytes as there are; none of a segment that is gone. */
  async #readAt(segment: number, offset: number, length: number): Promise<Buffer> {
    const fd = this.#reader(segment);
    if (fd === undefined) return Buffer.alloc(0);
    const bytes = Buffer.allocUnsafe(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await readInto(fd, bytes, filled, length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  }

  #reader(segment: number): number | undefined {
    const known = this.#readers.get(segment);
    if (known !== undefined) return known;
    try {
      const fd = openSync(this.#pathOf(segment), 'r');
      this.#readers.set(segment, fd);
      return fd;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }
}

function compare(a: LogPlace, b: LogPlace): number {
  return a.segment - b.segment || a.offset - b.offset;
}

function isHeadOf(key: string, head: Buffer): boolean {
  return head.readUInt32BE(0) === MAGIC && head.subarray(8, 24).equals(keyBytes(key));
}

function keyBytes(key: string): Buffer {
  return Buffer.from(key.slice(0, 32).padEnd(32, '0'), 'hex');
}

function encode(key: string, { json, frames }: Metadata): Uint8Array[] {
  const head = Buffer.allocUnsafe(HEAD_BYTES);
  head.writeUInt32BE(MAGIC, 0);
  keyBytes(key).copy(head, 8);
  head.writeUInt32BE((json.gzipped ? JSON_GZIPPED : 0) | (frames?.gzipped ? FRAMES_GZIPPED : 0), 24);
  head.writeUInt32BE(json.bytes.length, 28);
  const texts = frames === null ? [json.bytes] : [json.bytes, frames.bytes];
  head.writeUInt32BE(
    texts.reduce((sum, bytes) => crc32(bytes, sum), crc32(head.subarray(8))),
    4,
  );
  return [head, ...texts];
}

function decode(key: string, record: Buffer, length: number): Metadata | undefined {
  if (record.length < length || length < HEAD_BYTES) return undefined;
  if (record.readUInt32BE(4) !== crc32(record.subarray(8))) return undefined;
  if (!isHeadOf(key, record)) return undefined;
  const flags = record.readUInt32BE(24);
  const end = HEAD_BYTES + record.readUInt32BE(28);
  return {
    json: { bytes: record.subarray(HEAD_BYTES, end), gzipped: (flags & JSON_GZIPPED) !== 0 },
    frames: end < length ? { bytes: record.subarray(end), gzipped: (flags & FRAMES_GZIPPED) !== 0 } : null,
  };
}
