import {
  close,
  closeSync,
  constants,
  createReadStream,
  fsync,
  open,
  openSync,
  type ReadStream,
  read as readCallback,
  statfsSync,
} from 'node:fs';
import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { VoxgateError } from '../errors.ts';
import { allOf, rethrowFull } from './disk-errors.ts';
import { startThread, type Thread } from './disk-thread.ts';
import { DiskThreads } from './disk-threads.ts';
import { MetadataLog } from './metadata-log.ts';
import { arrivalName, newArrivalName, objectPath } from './object-key.ts';
import type { Folders } from './object-writer.ts';
import { StagedObject } from './staged-object.ts';
import { type StoredFile, walkFolder } from './walk-folder.ts';

export { objectPath } from './object-key.ts';
export { StagedObject } from './staged-object.ts';
export { type StoredFile, walkFolder } from './walk-folder.ts';

const openFile = promisify(open);
const readInto = promisify(readCallback);
const syncFd = promisify(fsync);
const closeFd = promisify(close);

const STREAM_BYTES = 256 * 1024;
/** What the disk has left is asked this often. */
const ROOM_MS = 1000;

export interface FileStoreOptions {
  /** Nothing is taken in when the disk has fewer bytes left. */
  readonly minFreeBytes?: number;
  /** What writes the objects, where it is no thread. */
  readonly startThread?: (folders: Folders) => Thread;
}

/**
 * Objects as plain files: written to `staging/`, moved whole to `objects/<day>/<ten minutes>/<key>.dcm`, made durable,
 * and only then recorded. A crash may leave a file that no row names, never a row without its file: see `walk` and
 * `isUnderWay`, by which a sweep tells them.
 */
export class FileStore {
  readonly metadata: MetadataLog;
  readonly #staging: string;
  readonly #objects: string;
  readonly #minFreeBytes: number;
  readonly #underWay = new Set<string>();
  #free = Number.POSITIVE_INFINITY;
  #freeAskedAt = Number.NEGATIVE_INFINITY;
  readonly #threads: DiskThreads;

  private constructor(root: string, metadata: MetadataLog, options: FileStoreOptions) {
    this.metadata = metadata;
    this.#staging = join(root, 'staging');
    this.#objects = join(root, 'objects');
    this.#minFreeBytes = options.minFreeBytes ?? 0;
    const start = options.startThread ?? startThread;
    this.#threads = new DiskThreads(() => start({ staging: this.#staging, objects: this.#objects }));
  }

  static async open(root: string, options: FileStoreOptions = {}): Promise<FileStore> {
    await mkdir(join(root, 'objects'), { recursive: true });
    const store = new FileStore(root, await MetadataLog.open(root), options);
    // What is kept in a folder is as durable as the folder's own name.
    await syncFolder(root);
    await syncFolder(store.#objects);
    // What was on its way when a crash came: none of it was acknowledged.
    await rm(store.#staging, { recursive: true, force: true });
    await mkdir(store.#staging);
    return store;
  }

  /**
   * @param dataSetOffset where the data set will begin; undefined for a file that is to say it
   * @throws VoxgateError out-of-resources when the disk is nearly full, or nobody writes to it just now
   */
  stage(dataSetOffset?: number): StagedObject {
    this.requireRoom();
    const thread = this.#threads.get();
    const key = newArrivalName();
    this.#underWay.add(key);
    return new StagedObject(key, this.#disk, thread, dataSetOffset);
  }

  pathOf(key: string): string {
    return objectPath(this.#objects, key);
  }

  /**
   * Waits until staged objects that are finished are durable: every file synced, and its folder, so that after this
   * returns a power cut loses none of them.
   *
   * @throws VoxgateError out-of-resources; those that failed have a `failure`
   */
  async publish(group: readonly StagedObject[]): Promise<void> {
    await allOf(group.map((staged) => staged.published()));
  }

  /** Whether the object of this key is being received or recorded just now: no row names it, and it is no left-over. */
  isUnderWay(key: string): boolean {
    return this.#underWay.has(arrivalName(key));
  }

  /** @throws VoxgateError not-found where the file is not there, or ends early */
  async read(key: string, offset: number, length: number): Promise<Buffer> {
    const fd = this.#openToRead(key);
    try {
      const buffer = Buffer.allocUnsafe(length);
      let filled = 0;
      while (filled < length) {
        const { bytesRead } = await readInto(fd, buffer, filled, length - filled, offset + filled);
        if (bytesRead === 0)
          throw new VoxgateError('not-found', `the stored object ${key} ends before byte ${offset + length}`);
        filled += bytesRead;
      }
      return buffer;
    } finally {
      closeSync(fd);
    }
  }

  /** Bytes `offset` to `offset + length` as they are read; ends early only by error. */
  stream(key: string, offset: number, length: number): ReadStream {
    return createReadStream(this.pathOf(key), { start: offset, end: offset + length - 1, highWaterMark: STREAM_BYTES });
  }

  async remove(key: string): Promise<void> {
    await rm(this.pathOf(key), { force: true });
  }

  /** Takes no more objects; those on their way are waited for, but not for ever. */
  async close(): Promise<void> {
    await this.#threads.close();
    this.metadata.close();
  }

  /** Every file of the store, in no particular order; files that are no objects are left out. */
  walk(): AsyncGenerator<StoredFile, void, undefined> {
    return walkFolder(this.#objects);
  }

  /** Bytes left on the disk that holds the objects. */
  async freeBytes(): Promise<number> {
    const { bavail, bsize } = await statfs(this.#objects);
    return bavail * bsize;
  }

  /** @throws VoxgateError out-of-resources when the disk is nearly full */
  requireRoom(): void {
    if (this.#minFreeBytes === 0) return;
    const now = performance.now();
    if (now - this.#freeAskedAt > ROOM_MS) {
      const { bavail, bsize } = statfsSync(this.#objects);
      this.#free = bavail * bsize;
      this.#freeAskedAt = now;
    }
    if (this.#free < this.#minFreeBytes)
      throw new VoxgateError(
        'out-of-resources',
        `the disk has less than ${this.#minFreeBytes} bytes left (VOXGATE_MIN_FREE_BYTES)`,
      );
  }

  readonly #disk = {
    pathOf: (key: string): string => this.pathOf(key),
    stagingPathOf: (key: string): string => `${this.#staging}/${key}`,
    requireRoom: (): void => this.requireRoom(),
    forget: (key: string): void => {
      this.#underWay.delete(key);
    },
  };

  #openToRead(key: string): number {
    try {
      return openSync(this.pathOf(key), 'r');
    } catch (cause) {
      if (!(cause instanceof Error) || !('code' in cause) || cause.code !== 'ENOENT')
        return rethrowFull(cause as Error);
      throw new VoxgateError('not-found', `the stored object ${key} is not on disk`, { cause });
    }
  }
}

async function syncFolder(folder: string): Promise<void> {
  const fd = await openFile(folder, constants.O_RDONLY, 0);
  try {
    await syncFd(fd);
  } finally {
    await closeFd(fd);
  }
}
