import { closeSync, openSync, type ReadStream } from 'node:fs';
import type { Database } from '../catalog/database.ts';
import type { Found } from '../catalog/found.ts';
import {
  type DescribedInstance,
  type LocatedInstance,
  locateByRow,
  locateInstances,
  type Place,
} from '../catalog/locate.ts';
import { frameRanges, readFrame } from '../dicom/frames.ts';
import { fileSource } from '../dicom/parse.ts';
import type { Query } from '../dicom/query.ts';
import { VoxgateError } from '../errors.ts';
import type { FileStore } from '../storage/file-store.ts';
import { inTurns } from '../turns.ts';
import { Describer } from './describer.ts';
import { findEach } from './find.ts';
import { type Listed, type ListOptions, list } from './list.ts';
import { Listings } from './listings.ts';
import { locateKept } from './located-instances.ts';
import { MetadataReader } from './metadata-reader.ts';
import { type SelectedInstances, selectForSending, type UniqueKeys } from './send-instances.ts';
import { StoredValue } from './stored-value.ts';
import { Ingest } from './transfer.ts';

export type { Found, Place as PlaceInOrder } from '../catalog/found.ts';
export type { DescribedInstance, LocatedInstance, Place } from '../catalog/locate.ts';
export { QUERY_KEYS } from '../catalog/query-keys.ts';
export { MOST_ANSWERS } from '../catalog/search.ts';
export type { Listed } from './list.ts';

export interface ArchiveOptions {
  readonly store: FileStore;
  readonly database: Database;
  readonly settleSeconds: number;
  readonly idleSettleSeconds: number;
  readonly leastQuietSeconds?: number;
  /** Why nothing more is to be received just now; undefined when all is well. */
  readonly overload?: () => string | undefined;
}

export interface FramePlace {
  readonly file: { readonly path: string; readonly size: number; readonly pixelsFrom?: number | undefined };
  readonly ranges: readonly (readonly [number, number])[] | undefined;
}

/** What both doors and the pipeline ask of what is held: receive, find, retrieve. */
export class Archive {
  readonly ingest: Ingest;
  readonly #store: FileStore;
  readonly #database: Database;
  readonly #metadata: MetadataReader;
  readonly #describer: Describer;
  readonly #listings = new Listings();

  constructor(options: ArchiveOptions) {
    const describer = new Describer();
    this.ingest = new Ingest({ ...options, describer });
    this.#metadata = new MetadataReader({ ...options, describer });
    this.#describer = describer;
    this.#store = options.store;
    this.#database = options.database;
  }

  /** A page of the patients, studies, series or instances that match, newest study first; at most MOST_ANSWERS. */
  list(query: Query, options: ListOptions): Promise<Listed> {
    const parts = {
      database: this.#database,
      readMetadata: (ids: readonly number[]) => this.#ownAttributes(ids),
      listings: this.#listings,
    };
    return list(parts, query, options);
  }

  /** Any number of matches, read as they are taken; the signal stops it with its reason. */
  findEach(query: Query, signal?: AbortSignal): AsyncIterable<Found> {
    return findEach(this.#database, (ids) => this.#ownAttributes(ids), query, { signal });
  }

  async locate(place: Place): Promise<LocatedInstance[]> {
    return locateKept(this.#database, place, (located) => this.#metadata.complete(located));
  }

  /** What a C-MOVE or C-GET by these keys means. */
  select(keys: UniqueKeys): Promise<SelectedInstances> {
    return selectForSending({ database: this.#database, store: this.#store }, keys);
  }

  async describe(place: Place): Promise<DescribedInstance[]> {
    return inTurns(await this.metadata(place), ({ located, json }) => ({ ...located, dataset: JSON.parse(json) }));
  }

  /** The DICOM JSON text of each instance, as prepared at ingest. */
  async metadata(place: Place): Promise<{ located: LocatedInstance; json: string }[]> {
    return this.#metadata.read(await locateInstances(this.#database, place));
  }

  /** The same of instances that were located. */
  metadataOf(instances: readonly LocatedInstance[]): Promise<{ located: LocatedInstance; json: string }[]> {
    return this.#metadata.read(instances);
  }

  /** The same as UTF-8, for who sends it on. */
  metadataBytesOf(instances: readonly LocatedInstance[]): Promise<{ located: LocatedInstance; json: Buffer }[]> {
    return this.#metadata.readBytes(instances);
  }

  /** The DICOM JSON text of instances, by the rows that a search names, in the order asked. */
  async #ownAttributes(instanceIds: readonly number[]): Promise<string[]> {
    const located = await locateByRow(this.#database, instanceIds);
    const read = await this.#metadata.read([...located.values()]);
    const texts = new Map([...located.keys()].map((id, i) => [id, read[i]!.json]));
    return instanceIds.map((id) => texts.get(id) ?? '{}');
  }

  /** The PS3.10 file, byte for byte as stored: the whole, or from `start` up to, and not with, `end`. */
  stream(instance: LocatedInstance, start = 0, end = instance.size): ReadStream {
    return this.#store.stream(instance.storageKey, start, end - start);
  }

  readFile(instance: LocatedInstance): Promise<Buffer> {
    return this.#store.read(instance.storageKey, 0, instance.size);
  }

  pathOf(instance: LocatedInstance): string {
    return this.#store.pathOf(instance.storageKey);
  }

  freeBytes(): Promise<number> {
    return this.#store.freeBytes();
  }

  /** How many whole frames an instance has; 0 for one without pixels. */
  frameCount(instance: LocatedInstance): number {
    return instance.frameCount;
  }

  /**
   * The stored bytes of one frame, counted from 1.
   * @throws VoxgateError not-found when the object has no such frame
   */
  async readFrame(instance: LocatedInstance, number: number): Promise<Buffer> {
    const index = await this.#metadata.frames(instance);
    if (!index) throw new VoxgateError('not-found', 'the object has no frames');
    const ranges = frameRanges(index, number);
    if (ranges) return this.readRanges(instance, ranges);
    return this.#withSource(instance, (source) => readFrame(index, number, source));
  }

  /** Bytes of the file, one range behind the other. @throws VoxgateError not-found where the file ends early */
  async readRanges(instance: LocatedInstance, ranges: readonly (readonly [number, number])[]): Promise<Buffer> {
    const read = ([offset, length]: readonly [number, number]): Promise<Buffer> =>
      this.#store.read(instance.storageKey, offset, length);
    return ranges.length === 1 ? read(ranges[0]!) : Buffer.concat(await Promise.all(ranges.map(read)));
  }

  /**
   * Where one frame lies, for threads that read it themselves; without `ranges` where its bytes do not lie in the file as
   * they are (deflated, big endian, or beginning within a byte). `pixelsFrom` is the end of the header.
   * @throws VoxgateError not-found when the object has no such frame
   */
  async framePlace(instance: LocatedInstance, number: number): Promise<FramePlace> {
    const index = await this.#metadata.frames(instance);
    if (!index || number > index.count) throw new VoxgateError('not-found', `the object has no frame ${number}`);
    const path = this.pathOf(instance);
    const ranges = frameRanges(index, number);
    const pixelsFrom = index.kind === 'native' ? index.offset : index.frames[0]?.[0];
    return { file: { path, size: instance.size, ...(ranges ? { pixelsFrom } : {}) }, ranges };
  }

  /**
   * Where the bytes of one frame lie in its file, for processes that read it themselves; undefined where they do not
   * lie there as they are (deflated, or big endian), and the object has to be read anew.
   * @throws VoxgateError not-a-volume for an object without such a frame
   */
  async frameRanges(
    instance: LocatedInstance,
    number: number,
  ): Promise<readonly (readonly [number, number])[] | undefined> {
    const index = await this.#metadata.frames(instance);
    if (!index || index.count < number)
      throw new VoxgateError('not-a-volume', 'an instance of the series has no pixels.');
    return frameRanges(index, number);
  }

  /**
   * A value that the metadata name by a BulkDataURI, by its path ("7FE00010", "54000100/0/54001010"): nothing of it is
   * read yet.
   * @throws VoxgateError not-found when there is no such value; as Describer.locateValue
   */
  async value(instance: LocatedInstance, path: string): Promise<StoredValue> {
    const located = await this.#describer.locateValue(this.pathOf(instance), instance.size, path);
    return new StoredValue(located, (start, end) => this.stream(instance, start, end));
  }

  #withSource<T>(instance: LocatedInstance, read: (source: ReturnType<typeof fileSource>) => T): T {
    const fd = openSync(this.#store.pathOf(instance.storageKey), 'r');
    try {
      return read(fileSource(fd, instance.size));
    } finally {
      closeSync(fd);
    }
  }
}
