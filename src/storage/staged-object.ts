import { close, closeSync, constants, fdatasync, open, readSync, rename, unlink, write, writev } from 'node:fs';
import { promisify } from 'node:util';
import { allOf, rethrowFull } from './disk-errors.ts';
import { sealedKey } from './object-key.ts';

const openFile = promisify(open);
const syncFile = promisify(fdatasync);
const closeFile = promisify(close);
const moveFile = promisify(rename);
const unlinkFile = promisify(unlink);
const writeBuffer = promisify(write);
const writeBuffers = promisify(writev);

/** Chunks are gathered to this size before they are written, beside the receiving of what follows. */
const GATHER_BYTES = 128 * 1024;
/** The sender is made to wait when the disk is so far behind: that bounds the memory of an object. */
const MOST_BEHIND = 1024 * 1024;
/** What of the beginning stays in memory: the headers of most objects, and no file is read for them. */
const HEAD_BYTES = 66 * 1024;
/** A large object is synced as it comes: little is left to be done when it ends, and the disk's own cache stays small. */
const SYNC_EVERY = 16 * 1024 * 1024;
const MOST_UNSYNCED = 3 * SYNC_EVERY;

/** What all staged objects of a store share. */
export interface Disk {
  /** Makes the folder of the key if need be; undefined where it is there. */
  folderFor(key: string): Promise<unknown> | undefined;
  pathOf(key: string): string;
  stagingPathOf(key: string): string;
  /** @throws VoxgateError out-of-resources when the disk is nearly full */
  requireRoom(): void;
  /** Runs a long sync when few others do: the threads they occupy are those that every object needs. */
  inTurn(sync: () => Promise<void>): Promise<void>;
  /** The object is no longer on its way. */
  forget(key: string): void;
}

/**
 * One object being received, under the key it will keep. Write, `complete` and `sync`, or `discard`; the last two close
 * the file. All of it is done by other threads: a busy disk would else hold up everybody.
 */
export class StagedObject {
  readonly #arrivalName: string;
  #key: string;
  readonly #disk: Disk;
  #fd: number | undefined;
  /** Begun with the first byte, so that the file is there when the last has come. */
  #opening: Promise<number> | undefined;
  #head: Buffer[] | undefined = [];
  #headBytes = 0;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  /** Bytes handed to the disk, and those of them that it has taken. */
  #written = 0;
  #taken = 0;
  #syncedTo = 0;
  /** What is on its way to the disk. Once a write has failed all that follows fail: there would be a hole. */
  #writing: Promise<void> | undefined;
  #syncing: Promise<void> | undefined;
  /** The first write that failed. */
  #failed: Promise<void> | undefined;
  #moved = false;
  #ended = false;

  constructor(key: string, disk: Disk) {
    this.#arrivalName = key;
    this.#key = key;
    this.#disk = disk;
  }

  /** The name it came under, and when `seal` was called the one it keeps. */
  get key(): string {
    return this.#key;
  }

  /** Makes its content part of its key; see `sealedKey`. To be called before `complete`. */
  seal(contentDigest: string): void {
    this.#key = sealedKey(this.#arrivalName, contentDigest);
  }

  /** Where its file is now. */
  get path(): string {
    return this.#moved ? this.#disk.pathOf(this.key) : this.#disk.stagingPathOf(this.#arrivalName);
  }

  /** Bytes received so far. */
  get size(): number {
    return this.#written + this.#pendingBytes;
  }

  /** Takes a chunk, to keep; the returned promise is settled when the disk has taken it, so awaiting it slows the sender. */
  write(chunk: Buffer): Promise<void> | undefined {
    if (this.#headBytes < HEAD_BYTES) {
      this.#head?.push(chunk);
      this.#headBytes += chunk.length;
    }
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    if (this.#opening === undefined) this.#file().catch(() => undefined);
    if (this.#failed) return this.#failed;
    if (this.#pendingBytes < GATHER_BYTES) return undefined;
    const flushed = this.flush();
    // Not waited for, it is heard of with the next chunk.
    flushed.catch(() => {
      this.#failed = flushed;
    });
    return this.size - this.#taken > MOST_BEHIND ? flushed : undefined;
  }

  /** Everything received so far is in the file when it resolves. */
  async flush(): Promise<void> {
    if (this.#pendingBytes > 0) {
      const [buffers, bytes, position] = [this.#pending, this.#pendingBytes, this.#written];
      this.#pending = [];
      this.#pendingBytes = 0;
      this.#written += bytes;
      const before = this.#writing;
      this.#writing = (async () => {
        await before;
        if (position - this.#syncedTo >= SYNC_EVERY) await this.#syncAlong(position);
        await this.#writeOut(buffers, bytes, position);
        this.#taken = position + bytes;
      })();
      // Seen by whoever waits for it; a sender that is gone waits for nothing.
      this.#writing.catch(() => undefined);
    }
    await this.#writing;
  }

  /** Whether `read` can have those bytes: they are in memory or in the file, and not on their way to it. */
  canRead(offset: number, length: number): boolean {
    const inHead = this.#head !== undefined && Math.min(offset + length, this.size) <= this.#headBytes;
    return inHead || this.#taken === this.#written;
  }

  /**
   * The bytes at that place, from memory as far as they are there. What was flushed must have been waited for.
   */
  read(offset: number, length: number): Buffer {
    const head = this.#joinedHead();
    const end = Math.min(offset + length, this.size);
    if (end <= head.length) return head.subarray(Math.min(offset, end), end);
    const bytes = Buffer.allocUnsafe(Math.max(0, end - offset));
    let filled = 0;
    while (this.#fd !== undefined && offset + filled < Math.min(end, this.#written)) {
      const got = readSync(this.#fd, bytes, filled, Math.min(end, this.#written) - offset - filled, offset + filled);
      if (got === 0) break;
      filled += got;
    }
    let start = this.#written;
    for (const chunk of this.#pending) {
      const from = Math.max(offset, start);
      const to = Math.min(end, start + chunk.length);
      if (from < to) filled += chunk.copy(bytes, from - offset, from - start, to - start);
      start += chunk.length;
    }
    return bytes.subarray(0, filled);
  }

  /** Writes what is left and moves the file to its place, after which it is whole, and nothing of it sure. */
  async complete(): Promise<void> {
    await this.#failed;
    await allOf([this.flush(), this.#move()]);
  }

  /** Makes its bytes durable, but not the name of its file in the folder, and closes the file. */
  async sync(): Promise<void> {
    const fd = await this.#file();
    await this.#syncing;
    const sync = (): Promise<void> => syncFile(fd).catch(rethrowFull);
    await (this.#written - this.#syncedTo > SYNC_EVERY ? this.#disk.inTurn(sync) : sync());
    this.#head = undefined;
    this.#fd = undefined;
    closeSync(fd);
  }

  /** The group it belonged to is settled: its file stays, or is not there. */
  settle(): void {
    this.#ended = true;
    this.#disk.forget(this.#arrivalName);
  }

  /** Gives it up; its file goes. Once it is settled this does nothing. */
  async discard(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#pending = [];
    this.#pendingBytes = 0;
    this.#head = undefined;
    // Not before the last write has ended: its descriptor could be another object's by then.
    await this.#writing?.catch(() => undefined);
    await this.#syncing?.catch(() => undefined);
    await this.#opening?.catch(() => undefined);
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) await closeFile(fd);
    if (this.#opening !== undefined) await removeFile(this.path);
    this.#disk.forget(this.#arrivalName);
  }

  /** The file is open, so it may be written to under either name. */
  async #move(): Promise<void> {
    await this.#file();
    const wait = this.#disk.folderFor(this.key);
    if (wait) await wait;
    await moveFile(this.path, this.#disk.pathOf(this.key)).catch(rethrowFull);
    this.#moved = true;
  }

  #joinedHead(): Buffer {
    const parts = this.#head ?? [];
    if (parts.length > 1) this.#head = [Buffer.concat(parts)];
    return this.#head?.[0] ?? Buffer.alloc(0);
  }

  async #writeOut(buffers: Buffer[], bytes: number, position: number): Promise<void> {
    this.#disk.requireRoom();
    try {
      const fd = await this.#file();
      const { bytesWritten } = await writeBuffers(fd, buffers, position);
      if (bytesWritten === bytes) return;
      const all = Buffer.concat(buffers, bytes);
      for (let at = bytesWritten; at < bytes; ) {
        const rest = await writeBuffer(fd, all, at, bytes - at, position + at);
        at += rest.bytesWritten;
      }
    } catch (error) {
      rethrowFull(error as NodeJS.ErrnoException);
    }
  }

  /** Begins a sync beside the writing, and waits for the one before where the disk has fallen behind. */
  async #syncAlong(position: number): Promise<void> {
    if (this.#syncing !== undefined && position - this.#syncedTo < MOST_UNSYNCED) return;
    await this.#syncing;
    const fd = await this.#file();
    this.#syncedTo = position;
    this.#syncing = this.#disk
      .inTurn(() => syncFile(fd).catch(rethrowFull))
      .then(() => {
        this.#syncing = undefined;
      });
    this.#syncing.catch(() => undefined);
  }

  #file(): Promise<number> {
    this.#opening ??= (async () => {
      const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
      this.#fd = await openFile(this.path, flags, 0o640).catch(rethrowFull);
      return this.#fd;
    })();
    return this.#opening;
  }
}

async function removeFile(path: string): Promise<void> {
  await unlinkFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}
