import type { Database } from '../catalog/database.ts';
import { type LocatedInstance, placeMetadata } from '../catalog/locate.ts';
import { type FrameIndex, parseFrameIndex } from '../dicom/frames.ts';
import type { FileStore } from '../storage/file-store.ts';
import { type Metadata, unpack, unpackBytes } from '../storage/metadata-log.ts';
import type { Describer } from './describer.ts';

export interface MetadataReaderParts {
  readonly store: FileStore;
  readonly database: Database;
  readonly describer: Describer;
}

/** Long frame indexes that were used last: those of a slide's tiles are asked for thousands of times. */
const INDEXES_KEPT = 16;

/**
 * Metadata as they were written down at ingest. They are derived: where the record is not to be had (the log is not
 * synced, and archives begun before it have none), the object is read once more and its metadata are written down anew.
 */
export class MetadataReader {
  readonly #parts: MetadataReaderParts;
  readonly #indexes = new Map<string, FrameIndex>();

  constructor(parts: MetadataReaderParts) {
    this.#parts = parts;
  }

  /** The DICOM JSON text of each. */
  async read(instances: readonly LocatedInstance[]): Promise<{ located: LocatedInstance; json: string }[]> {
    const read = await this.readBytes(instances);
    return read.map(({ located, json }) => ({ located, json: json.toString('utf8') }));
  }

  /** The same as UTF-8, for who sends it on. */
  async readBytes(instances: readonly LocatedInstance[]): Promise<{ located: LocatedInstance; json: Buffer }[]> {
    const found = await this.#written(instances);
    return Promise.all(
      instances.map(async (located, i) => {
        const { located: whole, metadata } = found[i] ?? (await this.#anew(located));
        return { located: whole, json: await unpackBytes(metadata.json) };
      }),
    );
  }

  /** The same instances, those without metadata read anew: only then are their frames known. */
  complete(instances: LocatedInstance[]): LocatedInstance[] | Promise<LocatedInstance[]> {
    if (instances.every(({ metadata }) => metadata !== null)) return instances;
    return Promise.all(instances.map(async (one) => (one.metadata === null ? (await this.#anew(one)).located : one)));
  }

  /** Where the frames of an instance lie; undefined for one without. */
  async frames(instance: LocatedInstance): Promise<FrameIndex | undefined> {
    if (instance.frameCount === 0 && instance.metadata !== null) return undefined;
    if (instance.frames !== null) return parseFrameIndex(instance.frames);
    const known = this.#indexes.get(instance.storageKey);
    if (known) return known;
    const [written] = await this.#written([instance]);
    const { located, metadata } = written ?? (await this.#anew(instance));
    const text = located.frames ?? (metadata.frames === null ? null : await unpack(metadata.frames));
    if (text === null) return undefined;
    const index = parseFrameIndex(text);
    const [oldest] = this.#indexes.keys();
    if (this.#indexes.size >= INDEXES_KEPT && oldest !== undefined) this.#indexes.delete(oldest);
    this.#indexes.set(instance.storageKey, index);
    return index;
  }

  async #written(instances: readonly LocatedInstance[]): Promise<(Read | undefined)[]> {
    const placed = instances.flatMap((one) =>
      one.metadata === null ? [] : [{ key: one.storageKey, place: one.metadata }],
    );
    const found = await this.#parts.store.metadata.read(placed);
    let next = 0;
    return instances.map((located) => {
      const metadata = located.metadata === null ? undefined : found[next++];
      return metadata && { located, metadata };
    });
  }

  async #anew(instance: LocatedInstance): Promise<Read> {
    const { store, database, describer } = this.#parts;
    const { storageKey, sopInstanceUid, size } = instance;
    const {
      metadata: json,
      longFrames,
      frameCount,
      frames,
    } = await describer.describeFile(store.pathOf(storageKey), size);
    const metadata: Metadata = { json, frames: longFrames };
    const [place] = store.metadata.append([{ key: storageKey, metadata }]);
    await placeMetadata(database, { sopInstanceUid, storageKey, metadata: place!, frameCount, frames });
    return { located: { ...instance, metadata: place!, frameCount, frames }, metadata };
  }
}

interface Read {
  readonly located: LocatedInstance;
  readonly metadata: Metadata;
}
