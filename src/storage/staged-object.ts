import { closeSync, constants, openSync } from 'node:fs';
import { DataSetDigest } from './data-set-digest.ts';
import type { Disk } from './disk.ts';
import { type Beginning, type Content, SLAB_BYTES } from './disk-messages.ts';
import type { DiskThread, Follower } from './disk-thread.ts';
import { readAt, removeFile } from './file-steps.ts';
import { contentOf } from './object-key.ts';
import { Settled } from './settled.ts';
import { SlabBytes } from './slab-bytes.ts';

/** Chunks are gathered to this size before the disk thread is told. */
const GATHER_BYTES = 256 * 1024;
/** The sender is made to wait when the disk is so far behind: that bounds the memory of an object. */
const MOST_BEHIND = 1024 * 1024;
/** Up to this size an object is digested here: that takes less time than to hear of its digest. */
const SMALL = SLAB_BYTES;

/**
 * One object being received, under the key it will keep. Write, `finish`, wait for `published` and `settle`, or
 * `discard`. A disk thread does all of it: a busy disk would else hold up everybody.
 */
export class StagedObject {
  readonly #arrivalName: string;
  #key: string;
  readonly #disk: Disk;
  readonly #thread: DiskThread;
  readonly #id: number;
  readonly #beginning: Beginning;
  #begun = false;
  readonly #bytes: SlabBytes;
  /** Bytes handed to the disk thread, and those of them that it has taken as far as is known. */
  #ordered = 0;
  #taken = 0;
  /** Who waits for the disk thread: each answer is for the oldest. */
  readonly #waiting: { readonly upTo: number; readonly taken: Settled<void> }[] = [];
  readonly #content = new Settled<Content | undefined>();
  readonly #published = new Settled<void>();
  readonly #dropped = new Settled<void>();
  #failure: Error | undefined;
  /** Its file is on the way to its place, and there. */
  #moving = false;
  #moved = false;
  #released = false;
  #ended = false;
  #readFd: number | undefined;

  constructor(key: string, disk: Disk, thread: DiskThread, dataSetOffset: number | undefined) {
    this.#arrivalName = key;
    this.#key = key;
    this.#disk = disk;
    this.#thread = thread;
    this.#beginning = { arrivalName: key, dataSetOffset };
    this.#bytes = new SlabBytes(thread.slabs);
    this.#id = thread.follow(this.#follower);
  }

  /** The name it came under, and when its content is known the one it keeps. */
  get key(): string {
    return this.#key;
  }

  /** Where its file is now. */
  get path(): string {
    return this.#moved ? this.#disk.pathOf(this.#key) : this.#disk.stagingPathOf(this.#arrivalName);
  }

  /** Bytes received so far. */
  get size(): number {
    return this.#bytes.size;
  }

  /** What has gone wrong with it. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Takes a chunk and copies it; awaiting what it returns slows the sender to the pace of the disk. */
  write(chunk: Buffer): Promise<void> | undefined {
    if (this.#failure) return Promise.reject(this.#failure);
    this.#bytes.append(chunk);
    if (this.size - this.#taken > MOST_BEHIND || this.#bytes.holdsTooMuch) return this.flush();
    if (this.size - this.#ordered >= GATHER_BYTES) this.#order({ tell: false });
    return undefined;
  }

  /** Everything received so far is in the file when it resolves, and that is not being moved. */
  async flush(): Promise<void> {
    if (this.#failure) throw this.#failure;
    if (this.#moving && (await this.#content.promise)) return this.#published.promise;
    if (this.#taken === this.size) return;
    const waiting = { upTo: this.size, taken: new Settled<void>() };
    this.#waiting.push(waiting);
    this.#order({ tell: true });
    await waiting.taken.promise;
  }

  /** Whether `read` can have those bytes: they are in memory or in the file, and not on their way to it. */
  canRead(offset: number, length: number): boolean {
    const inFile = this.#taken === this.size && !this.#moving;
    return inFile || this.#bytes.has(offset, Math.min(offset + length, this.size));
  }

  /** The bytes at that place, to be used at once: the memory they are in is used again. */
  read(offset: number, length: number): Buffer {
    const end = Math.min(offset + length, this.size);
    if (end <= offset) return Buffer.alloc(0);
    if (this.#bytes.has(offset, end)) return this.#bytes.read(offset, end);
    this.#readFd ??= openSync(this.path, constants.O_RDONLY);
    return readAt(this.#readFd, offset, end - offset);
  }

  /**
   * All of it has come: what is left is written, the file moved to its place and made durable, of its own accord where
   * the digest is known; `content` and `published` tell.
   */
  finish(): void {
    if (this.#ended || this.#failure) return;
    this.#moving = true;
    if (this.#begun || this.size > SMALL) {
      this.#order({ tell: false, end: { key: undefined } });
      return;
    }
    const digest = new DataSetDigest(this.#beginning.dataSetOffset);
    digest.update(this.read(0, this.size));
    const content = contentOf(this.#arrivalName, digest, this.size, (length) => this.read(0, length));
    this.#order({ tell: false, end: { key: content?.key } });
    if (content) this.#sealed(content);
  }

  /** What it is known by, when it is finished; undefined where it does not say where its data set begins: see `move`. */
  content(): Promise<Content | undefined> {
    return this.#content.promise;
  }

  /** Gives a key to an object that had no content to make one of, and moves it to its place. */
  move(key: string): void {
    this.#key = key;
    this.#moving = true;
    this.#thread.order({ kind: 'move', id: this.#id, key });
  }

  /** Resolves when its bytes and its name are durable. @throws VoxgateError out-of-resources */
  published(): Promise<void> {
    return this.#published.promise;
  }

  /** What is kept in memory to be read is not needed any more. */
  release(): void {
    this.#released = true;
    if (this.#taken === this.size) this.#bytes.release();
  }

  /** The group it belonged to is settled: its file stays, or is not there. */
  settle(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#close();
  }

  /** Gives it up; its file goes. Once it is settled this does nothing. */
  async discard(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    this.#fail(new Error('the object was given up'));
    try {
      if (this.#begun && this.#thread.alive && !this.#moved) {
        this.#thread.order({ kind: 'drop', id: this.#id });
        await this.#dropped.promise;
      }
      // The thread does not know those any more that are in their place.
      if (this.#moved || !this.#thread.alive) await removeFile(this.#disk.pathOf(this.#key));
      if (!this.#thread.alive) await removeFile(this.#disk.stagingPathOf(this.#arrivalName));
    } finally {
      this.#close();
    }
  }

  #close(): void {
    this.#bytes.release();
    if (this.#readFd !== undefined) closeSync(this.#readFd);
    this.#readFd = undefined;
    this.#thread.forget(this.#id);
    this.#disk.forget(this.#arrivalName);
  }

  #order({ tell, end }: { readonly tell: boolean; readonly end?: { readonly key: string | undefined } }): void {
    try {
      this.#disk.requireRoom();
    } catch (error) {
      this.#fail(error as Error);
      return;
    }
    const bytes = this.size - this.#ordered;
    const slabs = bytes === 0 ? [] : this.#bytes.slabsFrom(this.#ordered);
    const from = this.#ordered % SLAB_BYTES;
    const begin = this.#begun ? undefined : this.#beginning;
    this.#ordered = this.size;
    this.#begun = true;
    this.#thread.order({ kind: 'write', id: this.#id, begin, slabs, from, bytes, tell, end });
  }

  readonly #follower: Follower = {
    taken: () => {
      const waiting = this.#waiting.shift();
      if (!waiting) return;
      this.#taken = waiting.upTo;
      this.#bytes.written(this.#taken);
      waiting.taken.resolve();
    },
    sealed: (content) => {
      this.#allTaken();
      this.#sealed(content);
    },
    published: () => {
      this.#allTaken();
      this.#moving = false;
      this.#moved = true;
      this.#published.resolve();
    },
    dropped: (failed) => {
      if (failed === undefined) this.#dropped.resolve();
      else this.#dropped.reject(new Error(failed));
    },
    failed: (error) => {
      // What is durable stays so.
      if (!this.#moved) this.#fail(error);
      // A thread that has ended answers nothing any more.
      if (!this.#thread.alive) this.#dropped.resolve();
    },
  };

  #sealed(content: Content | undefined): void {
    if (content) this.#key = content.key;
    else this.#moving = false;
    this.#content.resolve(content);
  }

  #allTaken(): void {
    this.#taken = this.size;
    if (this.#released) this.#bytes.release();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { taken } of this.#waiting.splice(0)) taken.reject(this.#failure);
    this.#content.reject(this.#failure);
    this.#published.reject(this.#failure);
  }
}
