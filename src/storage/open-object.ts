import { closeSync, constants, fdatasync, fdatasyncSync, openSync, renameSync, unlinkSync, writevSync } from 'node:fs';
import { promisify } from 'node:util';
import { DataSetDigest } from './data-set-digest.ts';
import { rethrowFull } from './disk-errors.ts';
import type { Beginning, Content } from './disk-messages.ts';
import { readAt } from './file-steps.ts';
import { contentOf } from './object-key.ts';

const syncFile = promisify(fdatasync);

/** A large object is synced as it comes: little is left to be done when it ends, and the disk's own cache stays small. */
const SYNC_EVERY = 16 * 1024 * 1024;
const MOST_UNSYNCED = 3 * SYNC_EVERY;
/** More than so much is synced beside the work for other objects. */
const LONG_SYNC = 4 * 1024 * 1024;

/** Runs long syncs one after another: they occupy the threads that all of the process shares. */
export type InTurn = (sync: () => Promise<void>) => Promise<void>;

/** An object that a disk thread writes: its file, and the digest of what went there. */
export class OpenObject {
  readonly id: number;
  /** Nothing more is done with it: a step has failed, or it is to go. */
  givenUp = false;
  readonly #beginning: Beginning;
  readonly #inTurn: InTurn;
  #digest: DataSetDigest | undefined;
  #path: string;
  #fd: number | undefined;
  #written = 0;
  /** Synced to here, or on the way. */
  #syncedTo = 0;
  #syncing: Promise<void> | undefined;

  /** Its file is made at once. */
  constructor(id: number, beginning: Beginning, staging: string, inTurn: InTurn) {
    this.id = id;
    this.#beginning = beginning;
    this.#inTurn = inTurn;
    this.#path = `${staging}/${beginning.arrivalName}`;
    this.#fd = openSync(this.#path, constants.O_RDWR | constants.O_CREAT | constants.O_EXCL, 0o640);
  }

  get path(): string {
    return this.#path;
  }

  write(pieces: readonly Buffer[], bytes: number, digested: boolean): void {
    if (bytes > 0) writeAll(this.#fd!, pieces, this.#written, bytes);
    this.#written += bytes;
    if (digested) return;
    this.#digest ??= new DataSetDigest(this.#beginning.dataSetOffset);
    for (const piece of pieces) this.#digest.update(piece);
  }

  /** Syncs beside the work for others, where enough has come; `failed` is told when that fails. */
  syncAlong(failed: (error: unknown) => void): void {
    if (this.#syncing === undefined && this.#written - this.#syncedTo >= SYNC_EVERY) this.#sync().catch(failed);
  }

  /** Whom the sender waits for: a disk that has fallen behind with its syncs stops it. */
  get behind(): Promise<void> | undefined {
    return this.#written - this.#syncedTo < MOST_UNSYNCED ? undefined : this.#syncing;
  }

  content(): Content | undefined {
    const readHead = (length: number): Buffer => readAt(this.#fd!, 0, length);
    return this.#digest && contentOf(this.#beginning.arrivalName, this.#digest, this.#written, readHead);
  }

  rename(path: string): void {
    renameSync(this.#path, path);
    this.#path = path;
  }

  /** Whether the bytes that are left to be synced keep nobody waiting for long. */
  get isShort(): boolean {
    return this.#syncing === undefined && this.#written - this.#syncedTo <= LONG_SYNC;
  }

  /** Makes its bytes durable and closes the file. */
  finish(): void {
    if (this.#fd === undefined) return;
    if (this.#syncedTo < this.#written || this.#written === 0) fdatasyncSync(this.#fd);
    this.#close();
  }

  /** Does most of that beside the work for others; `finish` is left. */
  async prepareFinish(): Promise<void> {
    await this.#syncing;
    await this.#sync();
  }

  /** It is given up: its file goes. Waits for what is being synced: its descriptor could be another object's by then. */
  async remove(): Promise<void> {
    this.givenUp = true;
    while (this.#syncing) await this.#syncing.catch(() => undefined);
    this.#close();
    try {
      unlinkSync(this.#path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  #sync(): Promise<void> {
    const [fd, upTo] = [this.#fd!, this.#written];
    this.#syncedTo = upTo;
    this.#syncing = this.#inTurn(() => syncFile(fd).catch(rethrowFull)).finally(() => {
      this.#syncing = undefined;
    });
    return this.#syncing;
  }

  #close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}

function writeAll(fd: number, pieces: readonly Buffer[], position: number, bytes: number): void {
  let done = writevSync(fd, pieces, position);
  if (done === bytes) return;
  const all = Buffer.concat(pieces, bytes);
  while (done < bytes) done += writevSync(fd, [all.subarray(done)], position + done);
}
