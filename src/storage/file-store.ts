import { randomUUID } from 'node:crypto';
import {
  close,
  constants,
  createReadStream,
  fdatasync,
  open as openCallback,
  type ReadStream,
  write as writeCallback,
  writev as writevCallback,
} from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { VoxgateError } from '../errors.ts';

const openFile = promisify(openCallback);
const closeFile = promisify(close);
const syncFile = promisify(fdatasync);
const writeBuffer = promisify(writeCallback);
const writeBuffers = promisify(writevCallback);

/** Chunks are gathered to this size before they are written: two or three system calls a CT slice. */
const GATHER_BYTES = 256 * 1024;

/**
 * Objects as files: written to `staging/`, made durable, then moved to `objects/<first two digits>/<key>.dcm`.
 * A key is the digest of the content, so the same bytes written twice are one file.
 */
export class FileStore {
  readonly #staging: string;
  readonly #objects: string;

  private constructor(root: string) {
    this.#staging = join(root, 'staging');
    this.#objects = join(root, 'objects');
  }

  /** Opens the store, and drops what a crash left staged: none of it was acknowledged. */
  static async open(root: string): Promise<FileStore> {
    const store = new FileStore(root);
    await mkdir(store.#staging, { recursive: true });
    await mkdir(store.#objects, { recursive: true });
    // What is kept in a folder is as durable as the folder's own name.
    await syncFolder(root);
    await syncFolder(store.#objects);
    for (const name of await readdir(store.#staging)) await rm(join(store.#staging, name), { force: true });
    return store;
  }

  async stage(): Promise<StagedObject> {
    const path = join(this.#staging, randomUUID());
    const fd = await openFile(path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o640).catch(rethrowFull);
    return new StagedObject(path, fd);
  }

  pathOf(key: string): string {
    return join(this.#objects, key.slice(0, 2), `${key}.dcm`);
  }

  /**
   * Makes staged objects durable under their keys: every file synced, moved, and its folder synced, so that after
   * this returns a power cut loses none of them. A group shares the folder syncs.
   *
   * @throws VoxgateError out-of-resources; the caller discards the group, and what was moved already is named by no row
   */
  async publish(group: readonly { staged: StagedObject; key: string }[]): Promise<void> {
    // All of them end, whatever one does: the caller may close the files then.
    const synced = await Promise.allSettled(group.map(({ staged }) => staged.sync()));
    for (const result of synced) if (result.status === 'rejected') throw result.reason;
    const folders = new Set<string>();
    for (const { staged, key } of group) {
      const folder = join(this.#objects, key.slice(0, 2));
      if (!folders.has(folder)) {
        const made = await mkdir(folder, { recursive: true });
        if (made !== undefined) await syncFolder(this.#objects);
        folders.add(folder);
      }
      await staged.moveTo(this.pathOf(key));
    }
    await Promise.all([...folders].map(syncFolder));
  }

  async read(key: string, offset: number, length: number): Promise<Buffer> {
    const handle = await open(this.pathOf(key), 'r').catch((cause: NodeJS.ErrnoException) => {
      if (cause.code !== 'ENOENT') return rethrowFull(cause);
      throw new VoxgateError('not-found', `the stored object ${key} is not on disk`, { cause });
    });
    try {
      const buffer = Buffer.allocUnsafe(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await handle.read(buffer, filled, length - filled, offset + filled);
        if (bytesRead === 0)
          throw new VoxgateError('not-found', `the stored object ${key} ends before byte ${offset + length}`);
        filled += bytesRead;
      }
      return buffer;
    } finally {
      await handle.close();
    }
  }

  /** Bytes `offset` to `offset + length` as they are read; ends early only by error. */
  stream(key: string, offset: number, length: number): ReadStream {
    return createReadStream(this.pathOf(key), { start: offset, end: offset + length - 1, highWaterMark: GATHER_BYTES });
  }

  async remove(key: string): Promise<void> {
    await rm(this.pathOf(key), { force: true });
  }

  /** Bytes left on the disk that holds the objects. */
  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#objects);
    return bavail * bsize;
  }
}

/** One object being received. Write, then publish or discard; both close the file. */
export class StagedObject {
  readonly path: string;
  readonly fd: number;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #size = 0;
  /** What is on its way to the disk. Once a write has failed all that follows fail: there would be a hole. */
  #writing: Promise<void> = Promise.resolve();
  #open = true;

  constructor(path: string, fd: number) {
    this.path = path;
    this.fd = fd;
  }

  /** Bytes received so far. */
  get size(): number {
    return this.#size + this.#pendingBytes;
  }

  /** Takes a chunk; the returned promise is settled when the disk has taken it, so awaiting it slows the sender. */
  write(chunk: Buffer): Promise<void> | undefined {
    this.#pending.push(chunk);
    this.#pendingBytes += chunk.length;
    return this.#pendingBytes >= GATHER_BYTES ? this.flush() : undefined;
  }

  flush(): Promise<void> {
    const [buffers, bytes, position] = [this.#pending, this.#pendingBytes, this.#size];
    if (bytes > 0) {
      this.#pending = [];
      this.#pendingBytes = 0;
      this.#size += bytes;
      this.#writing = this.#writing.then(() => this.#writeOut(buffers, bytes, position));
      // Seen by whoever waits for it; a sender that is gone waits for nothing.
      this.#writing.catch(() => undefined);
    }
    return this.#writing;
  }

  async #writeOut(buffers: Buffer[], bytes: number, position: number): Promise<void> {
    const { bytesWritten } = await writeBuffers(this.fd, buffers, position).catch(rethrowFull);
    if (bytesWritten === bytes) return;
    const all = Buffer.concat(buffers, bytes);
    for (let at = bytesWritten; at < bytes; ) {
      const rest = await writeBuffer(this.fd, all, at, bytes - at, position + at).catch(rethrowFull);
      at += rest.bytesWritten;
    }
  }

  async sync(): Promise<void> {
    await this.flush();
    await syncFile(this.fd).catch(rethrowFull);
  }

  async moveTo(path: string): Promise<void> {
    await this.#close();
    if (await exists(path)) await rm(this.path, { force: true });
    else await rename(this.path, path);
  }

  async discard(): Promise<void> {
    this.#pending = [];
    this.#pendingBytes = 0;
    await this.#close();
    await rm(this.path, { force: true });
  }

  /** Not before the last write has ended: its descriptor could be another object's by then. */
  async #close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    await this.#writing.catch(() => undefined);
    await closeFile(this.fd);
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG', 'EMFILE', 'ENFILE']);

function rethrowFull(cause: NodeJS.ErrnoException): never {
  if (FULL.has(cause.code ?? ''))
    throw new VoxgateError('out-of-resources', `the object cannot be written: ${cause.code}`, { cause });
  throw cause;
}
