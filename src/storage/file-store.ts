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
import { MetadataLog } from './metadata-log.ts';
import { arrivalName, EXTENSION, folderOf, newArrivalName } from './object-key.ts';
import { StagedObject } from './staged-object.ts';
import { type StoredFile, walkFolder } from './walk-folder.ts';

export { StagedObject } from './staged-object.ts';
export { type StoredFile, walkFolder } from './walk-folder.ts';

const openFile = promisify(open);
const readInto = promisify(readCallback);
const syncFd = promisify(fsync);
const closeFd = promisify(close);

const STREAM_BYTES = 256 * 1024;
/** What the disk has left is asked this often. */
const ROOM_MS = 1000;
/** Long syncs at once, of the four threads that Node has for files. */
const SYNCS_AT_ONCE = 2;

export interface FileStoreOptions {
  /** Nothing is taken in when the disk has fewer bytes left. */
  readonly minFreeBytes?: number;
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
  /** Folders that are there, with the descriptor that syncs them. The newest ones; others are opened again. */
  readonly #folders = new Map<string, Folder>();
  readonly #underWay = new Set<string>();
  #free = Number.POSITIVE_INFINITY;
  #freeAskedAt = Number.NEGATIVE_INFINITY;
  #syncs = 0;
  readonly #waitingSyncs: (() => void)[] = [];

  private constructor(root: string, metadata: MetadataLog, { minFreeBytes = 0 }: FileStoreOptions) {
    this.metadata = metadata;
    this.#staging = join(root, 'staging');
    this.#objects = join(root, 'objects');
    this.#minFreeBytes = minFreeBytes;
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

  /** @throws VoxgateError out-of-resources when the disk is nearly full */
  stage(): StagedObject {
    this.requireRoom();
    const key = newArrivalName();
    this.#underWay.add(key);
    return new StagedObject(key, this.#disk);
  }

  pathOf(key: string): string {
    return objectPath(this.#objects, key);
  }

  /**
   * Makes staged objects durable: every file synced, and its folder, so that after this returns a power cut loses none
   * of them. A group shares the folder syncs.
   *
   * @throws VoxgateError out-of-resources; the caller discards the group
   */
  async publish(group: readonly StagedObject[]): Promise<void> {
    await allOf(group.map((staged) => staged.complete()));
    const keyByFolder = new Map(group.map(({ key }) => [folderOf(key), key]));
    await allOf([
      ...group.map((staged) => staged.sync()),
      ...[...keyByFolder.values()].map((key) => this.#syncEntries(key)),
    ]);
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
    folderFor: (key: string): Promise<unknown> | undefined => {
      const folder = this.#folderOf(key);
      return folder.fd === undefined ? folder.ready : undefined;
    },
    pathOf: (key: string): string => this.pathOf(key),
    stagingPathOf: (key: string): string => `${this.#staging}/${key}`,
    requireRoom: (): void => this.requireRoom(),
    inTurn: (sync: () => Promise<void>): Promise<void> => this.#inTurn(sync),
    forget: (key: string): void => {
      this.#underWay.delete(key);
    },
  };

  #folderOf(key: string): Folder {
    const name = folderOf(key);
    const known = this.#folders.get(name);
    if (known) return known;
    const folder: Folder = { fd: undefined, ready: this.#makeFolder(name) };
    this.#folders.set(name, folder);
    folder.ready.then(
      (fd) => {
        folder.fd = fd;
      },
      // Tried again by the next that needs it.
      () => this.#folders.delete(name),
    );
    if (this.#folders.size > FOLDERS_OPEN) this.#closeOldest();
    return folder;
  }

  /** Once in ten minutes: the folder, and the names of new folders up to the one that was there. */
  async #makeFolder(name: string): Promise<number> {
    try {
      const made = await mkdir(join(this.#objects, name), { recursive: true });
      if (made !== undefined) for (const part of parentsOf(name)) await syncFolder(join(this.#objects, part));
      return await openFile(join(this.#objects, name), constants.O_RDONLY, 0);
    } catch (error) {
      return rethrowFull(error as NodeJS.ErrnoException);
    }
  }

  async #syncEntries(key: string): Promise<void> {
    const folder = this.#folderOf(key);
    await syncFd(folder.fd ?? (await folder.ready)).catch(rethrowFull);
  }

  #closeOldest(): void {
    const [oldest] = this.#folders;
    if (!oldest) return;
    this.#folders.delete(oldest[0]);
    // Long out of use by then, but for objects that take an hour to come: those have it opened again.
    setTimeout(() => void oldest[1].ready.then(closeFd).catch(() => undefined), CLOSE_AFTER_MS).unref();
  }

  async #inTurn(sync: () => Promise<void>): Promise<void> {
    if (this.#syncs >= SYNCS_AT_ONCE) await new Promise<void>((resolve) => this.#waitingSyncs.push(resolve));
    else this.#syncs += 1;
    try {
      await sync();
    } finally {
      const next = this.#waitingSyncs.shift();
      if (next) next();
      else this.#syncs -= 1;
    }
  }

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

interface Folder {
  /** Known when `ready` has resolved. */
  fd: number | undefined;
  readonly ready: Promise<number>;
}

/** Where the object of a key lies below the folder `objects`. */
export function objectPath(objects: string, key: string): string {
  return `${objects}/${folderOf(key)}/${key}${EXTENSION}`;
}

const FOLDERS_OPEN = 8;
const CLOSE_AFTER_MS = 60_000;

/** "2026-11-22/13-40" has its name in "2026-11-22", and that in the folder above. */
function parentsOf(folder: string): string[] {
  const slash = folder.indexOf('/');
  return slash === -1 ? [''] : [folder.slice(0, slash), ''];
}

async function syncFolder(folder: string): Promise<void> {
  const fd = await openFile(folder, constants.O_RDONLY, 0);
  try {
    await syncFd(fd);
  } finally {
    await closeFd(fd);
  }
}
