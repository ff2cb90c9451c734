import { setImmediate as nextTurn } from 'node:timers/promises';
import { type MediaType, parseMediaType } from '../dicom/media-types.ts';
import type { Part } from '../dicom/multipart.ts';
import { type AttributeFault, readJsonModel } from '../dicom/read-json-model.ts';
import { VoxgateError } from '../errors.ts';
import { type BulkPart, receiveBulkPart } from './bulk-part.ts';
import { dataSetsOf, isMetadata, JSON_TYPES } from './metadata-part.ts';
import { PendingInstance } from './store-bulk.ts';
import { refused, type Store, storePieces } from './store-file.ts';
import type { PartOutcome } from './store-response.ts';

/** Metadata of one request: some thousand instances in JSON; a document in XML is one. */
const LARGEST_JSON = 32 * 1024 * 1024;
const LARGEST_XML = 16 * 1024 * 1024;
/** For each byte of metadata, what the data sets made of it take in memory. */
const IN_MEMORY = 8;

/**
 * An upload of metadata and bulk data (PS3.18 10.5.1, 8.6.1.2.3): first the metadata, then parts that their BulkDataURIs
 * name by Content-Location. An instance is stored as soon as its last part has come; its bulk data wait on the disk.
 */
export class MetadataUpload {
  readonly #store: Store;
  /** Of the request: relative locations are resolved against it. */
  readonly #base: string;
  readonly #outcomes: PartOutcome[] = [];
  /** Who waits for the parts of a location. */
  readonly #waiting = new Map<string, Set<PendingInstance>>();
  /** Locations of instances that have failed: what comes for them is passed over. */
  readonly #inVain = new Set<string>();
  /** How many instances still need a part. */
  readonly #needed = new Map<BulkPart, number>();
  #unread = false;
  #budget = 0;

  constructor(store: Store, base: string) {
    this.#store = store;
    this.#base = base;
  }

  /** Takes one part of the request. Throws what the reading of the body throws: then the whole request is broken. */
  async take({ headers, body }: Part, rootType: string): Promise<void> {
    const mediaType = mediaTypeOf(headers.get('content-type') ?? rootType);
    if (mediaType === undefined) {
      this.#refuse(new VoxgateError('unsupported-media-type', 'the Content-Type of a part is no media type'));
    } else if (isMetadata(mediaType, headers.has('content-location'))) {
      await this.takeMetadata(body, mediaType);
    } else {
      await this.#takeBulk(body, mediaType, headers.get('content-location'));
    }
  }

  async takeMetadata(body: AsyncIterable<Buffer>, { type }: MediaType): Promise<void> {
    const isJson = JSON_TYPES.includes(type);
    const bytes = await this.#gather(body, isJson ? LARGEST_JSON : LARGEST_XML);
    let dataSets: readonly unknown[];
    try {
      if (bytes instanceof VoxgateError) throw bytes;
      dataSets = dataSetsOf(bytes, isJson ? 'json' : 'xml');
    } catch (error) {
      this.#unread = true;
      this.#refuse(error);
      return;
    }
    for (const dataSet of dataSets) {
      await nextTurn();
      await this.#expect(dataSet);
    }
  }

  /** What became of every instance and part, when all parts have come; those that lack one have failed. */
  async end(): Promise<readonly PartOutcome[]> {
    for (const pending of new Set([...this.#waiting.values()].flatMap((waiting) => [...waiting])))
      await this.#fail(
        pending,
        new VoxgateError('mismatch', 'bulk data that its metadata name did not come'),
        pending.missing(),
      );
    return this.#outcomes;
  }

  /** Frees what is still held; to be called however the request ends. */
  async close(): Promise<void> {
    for (const part of this.#needed.keys()) await part.discard();
    this.#needed.clear();
    this.#store.memory.give(this.#budget);
    this.#budget = 0;
  }

  get outcomes(): readonly PartOutcome[] {
    return this.#outcomes;
  }

  async #expect(dataSet: unknown): Promise<void> {
    let pending: PendingInstance;
    try {
      pending = new PendingInstance(readJsonModel(dataSet), (uri) => this.#keyOf(uri));
    } catch (error) {
      this.#unread = true;
      this.#refuse(error);
      return;
    }
    const { wanted, faults } = pending;
    if (faults.length > 0)
      await this.#fail(pending, new VoxgateError('bad-request', 'an attribute is not as its VR demands'), faults);
    else if (wanted.length === 0) await this.#finish(pending);
    else
      for (const key of wanted) {
        const waiting = this.#waiting.get(key);
        if (waiting) waiting.add(pending);
        else this.#waiting.set(key, new Set([pending]));
      }
  }

  async #takeBulk(body: AsyncIterable<Buffer>, mediaType: MediaType, location: string | undefined): Promise<void> {
    if (location === undefined) {
      this.#refuse(
        new VoxgateError(
          'unsupported-media-type',
          `a part of type ${mediaType.type.slice(0, 64)} has no Content-Location`,
        ),
      );
      return;
    }
    const key = this.#keyOf(location);
    const waiting = [...(this.#waiting.get(key) ?? [])];
    if (waiting.length === 0) {
      // Of metadata that could not be read nobody knows what they named.
      if (!this.#inVain.has(key) && !this.#unread)
        this.#refuse(
          new VoxgateError('mismatch', 'no metadata in front of a part name its Content-Location, or all is there'),
        );
      return;
    }
    let part: BulkPart;
    try {
      part = await receiveBulkPart(body, mediaType, this.#store);
    } catch (error) {
      if (error instanceof VoxgateError && error.code !== 'out-of-resources') throw error;
      for (const pending of waiting) await this.#fail(pending, error, []);
      return;
    }
    this.#needed.set(part, waiting.length);
    for (const pending of waiting) {
      pending.give(key, part);
      if (pending.isComplete()) await this.#finish(pending);
    }
  }

  async #finish(pending: PendingInstance): Promise<void> {
    let pieces: ReturnType<PendingInstance['pieces']>;
    try {
      pieces = pending.pieces();
    } catch (error) {
      await this.#fail(pending, error, []);
      return;
    }
    this.#outcomes.push(await storePieces(pieces, this.#store));
    await this.#leave(pending);
  }

  async #fail(pending: PendingInstance, error: unknown, faults: readonly AttributeFault[]): Promise<void> {
    const { subject } = pending;
    const reason =
      error instanceof VoxgateError && subject !== undefined
        ? new VoxgateError(error.code, error.message, { cause: error, subject })
        : error;
    this.#refuse(reason, faults);
    for (const key of pending.wanted) this.#inVain.add(key);
    await this.#leave(pending);
  }

  /** The instance waits for nothing any more. */
  async #leave(pending: PendingInstance): Promise<void> {
    for (const key of pending.wanted) {
      const waiting = this.#waiting.get(key);
      waiting?.delete(pending);
      if (waiting?.size === 0) this.#waiting.delete(key);
    }
    for (const part of pending.parts) {
      const left = (this.#needed.get(part) ?? 1) - 1;
      this.#needed.set(part, left);
      if (left > 0) continue;
      this.#needed.delete(part);
      await part.discard();
    }
  }

  #refuse(error: unknown, attributes: readonly AttributeFault[] = []): void {
    this.#outcomes.push({ ...refused(error, this.#store.log), attributes });
  }

  /** Locations may be relative, to the request as to anything (RFC 2557 5). */
  #keyOf(uri: string): string {
    return URL.canParse(uri, this.#base) ? new URL(uri, this.#base).href : uri;
  }

  /** The bytes, or why they were passed over: what comes behind them can still be read. */
  async #gather(body: AsyncIterable<Buffer>, most: number): Promise<Buffer | VoxgateError> {
    const pieces: Buffer[] = [];
    let bytes = 0;
    let reason: VoxgateError | undefined;
    for await (const piece of body) {
      if (reason !== undefined) continue;
      bytes += piece.length;
      if (bytes > most)
        reason = new VoxgateError('too-large', `metadata of more than ${most} bytes are not taken at once`);
      else if (this.#store.memory.take(piece.length * IN_MEMORY)) {
        this.#budget += piece.length * IN_MEMORY;
        pieces.push(piece);
      } else reason = new VoxgateError('out-of-resources', 'too many metadata are being uploaded at once');
    }
    return reason ?? Buffer.concat(pieces);
  }
}

function mediaTypeOf(text: string): MediaType | undefined {
  try {
    return parseMediaType(text);
  } catch {
    return undefined;
  }
}
