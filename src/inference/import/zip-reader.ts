import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { crc32, inflateRaw } from 'node:zlib';
import { BUNDLE_LIMITS } from './bundle-limits.ts';
import { refused } from './config-value.ts';

export interface ZipEntry {
  readonly name: string;
  readonly size: number;
  readonly packed: number;
  readonly method: number;
  readonly crc: number;
  readonly offset: number;
}

const END = 0x06054b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
/** End record (22 bytes) and the longest comment. APPNOTE.TXT 6.3.10, 4.3.16. */
const TAIL = 22 + 0xffff;
const SYMBOLIC_LINK = 0xa000;
const FILE_KIND = 0xf000;
const UNIX = 3;
const ENCRYPTED = 1;

const inflate = promisify(inflateRaw);

/**
 * The entries of a zip, from its central directory (APPNOTE.TXT 4.3.12), none unpacked yet.
 * @throws VoxgateError bad-model: no zip, a name that leads out of it, a link, encrypted, or beyond a limit
 */
export async function readZipDirectory(file: FileHandle, label: string): Promise<ZipEntry[]> {
  const { size } = await file.stat();
  const tail = await readAt(file, label, Math.max(0, size - TAIL), Math.min(size, TAIL));
  let end = tail.length - 22;
  while (end >= 0 && tail.readUInt32LE(end) !== END) end--;
  if (end < 0) throw refused(label, '', 'is no zip: it has no end record');
  const count = tail.readUInt16LE(end + 10);
  const bytes = tail.readUInt32LE(end + 12);
  const start = tail.readUInt32LE(end + 16);
  if (count === 0xffff || bytes === 0xffffffff || start === 0xffffffff)
    throw refused(label, '', 'is a ZIP64 archive, which is not read: give the unpacked folder');
  if (count > BUNDLE_LIMITS.entries)
    throw refused(label, '', `holds ${count} entries, more than ${BUNDLE_LIMITS.entries}`);
  if (bytes > count * 2048) throw refused(label, '', `has a directory of ${bytes} bytes for ${count} entries`);
  const directory = await readAt(file, label, start, bytes);
  const entries = readEntries(directory, count, label);
  const total = entries.reduce((sum, entry) => sum + entry.size, 0);
  if (total > BUNDLE_LIMITS.totalBytes) throw refused(label, '', `would unpack to ${total} bytes`);
  const names = new Set<string>();
  for (const { name } of entries) {
    if (names.has(name)) throw refused(label, name, 'stands twice in the zip');
    names.add(name);
  }
  return entries;
}

function readEntries(directory: Buffer, count: number, label: string): ZipEntry[] {
  const entries: ZipEntry[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== CENTRAL)
      throw refused(label, '', `the directory breaks off at entry ${i + 1} of ${count}`);
    const nameLength = directory.readUInt16LE(at + 28);
    const next = at + 46 + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
    if (next > directory.length) throw refused(label, '', `entry ${i + 1} runs past the directory`);
    const name = directory.toString('utf8', at + 46, at + 46 + nameLength);
    checkEntryName(label, name);
    if (directory.readUInt16LE(at + 8) & ENCRYPTED) throw refused(label, name, 'is encrypted');
    const host = directory.readUInt16LE(at + 4) >> 8;
    const mode = directory.readUInt32LE(at + 38) >>> 16;
    if (host === UNIX && (mode & FILE_KIND) === SYMBOLIC_LINK) throw refused(label, name, 'is a symbolic link');
    const entry = {
      name,
      size: directory.readUInt32LE(at + 24),
      packed: directory.readUInt32LE(at + 20),
      method: directory.readUInt16LE(at + 10),
      crc: directory.readUInt32LE(at + 16),
      offset: directory.readUInt32LE(at + 42),
    };
    if (entry.size > 4096 && entry.size > entry.packed * BUNDLE_LIMITS.ratio)
      throw refused(label, name, `unpacks ${entry.packed} bytes to ${entry.size}: taken for a zip bomb`);
    if (!name.endsWith('/')) entries.push(entry);
    at = next;
  }
  return entries;
}

/** @throws VoxgateError bad-model where a name in an archive leads, or could lead, out of it */
export function checkEntryName(label: string, name: string): void {
  const reason =
    name === '' || name.includes('\0')
      ? 'is no file name'
      : name.includes('\\')
        ? 'has a backslash in its name'
        : name.startsWith('/') || /^[A-Za-z]:/.test(name)
          ? 'is an absolute path'
          : name.split('/').includes('..')
            ? 'leads out of the bundle'
            : name.split('/').length > BUNDLE_LIMITS.folderDepth
              ? 'lies too deep'
              : undefined;
  if (reason) throw refused(label, JSON.stringify(name.slice(0, 200)), reason);
}

/**
 * One entry unpacked, of at most `limit` bytes.
 * @throws VoxgateError bad-model: larger, packed in another way than stored or deflate, or damaged
 */
export async function readZipEntry(file: FileHandle, label: string, entry: ZipEntry, limit: number): Promise<Buffer> {
  if (entry.size > limit) throw refused(label, entry.name, `has ${entry.size} bytes, more than ${limit}`);
  if (entry.packed > limit + 65_536) throw refused(label, entry.name, `is packed larger than it may be unpacked`);
  const header = await readAt(file, label, entry.offset, 30);
  if (header.readUInt32LE(0) !== LOCAL) throw refused(label, entry.name, 'has no local header');
  const data = entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const packed = await readAt(file, label, data, entry.packed);
  const bytes = await unpack(label, entry, packed, limit);
  if (bytes.length !== entry.size || crc32(bytes) !== entry.crc)
    throw refused(label, entry.name, 'is damaged: its length or CRC-32 is not what the zip says');
  return bytes;
}

async function unpack(label: string, entry: ZipEntry, packed: Buffer, limit: number): Promise<Buffer> {
  if (entry.method === 0) return packed;
  if (entry.method !== 8) throw refused(label, entry.name, `is packed by method ${entry.method}, not deflate`);
  try {
    return await inflate(packed, { maxOutputLength: Math.max(1, Math.min(limit, entry.size)) });
  } catch (cause) {
    throw refused(label, entry.name, 'cannot be unpacked to the size it states', cause);
  }
}

async function readAt(file: FileHandle, label: string, position: number, length: number): Promise<Buffer> {
  const { size } = await file.stat();
  if (position + length > size) throw refused(label, '', `breaks off: ${length} bytes are missing at ${position}`);
  const buffer = Buffer.alloc(length);
  const { bytesRead } = await file.read(buffer, 0, length, position);
  if (bytesRead !== length) throw refused(label, '', `breaks off at ${position}`);
  return buffer;
}
