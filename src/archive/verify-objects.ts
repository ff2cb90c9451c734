import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import type { Database } from '../catalog/database.ts';
import {
  type HeldIn,
  type NamedObject,
  pageOfObjects,
  stillNames,
  unnamedKeys,
  type VerifiedPart,
} from '../catalog/verification.ts';
import { fileSource, type ParsedObject, parsePart10 } from '../dicom/parse.ts';
import { text } from '../dicom/read-values.ts';
import { sentenceOf } from '../errors.ts';

/** What of the file store verifying needs; it only reads. */
export interface VerifiedStore {
  walk(): AsyncIterable<{ readonly key: string; readonly size: number; readonly modifiedAt: Date }>;
  stream(key: string, offset: number, length: number): Readable;
  pathOf(key: string): string;
}

export interface VerifyParts {
  readonly database: Database;
  readonly store: VerifiedStore;
  /** Files younger than this are no orphans yet: their rows may be on the way. */
  readonly orphanAgeMs?: number;
}

export interface VerifyOptions extends VerifiedPart {
  /** Objects at most; for a sample of a large archive. */
  readonly limit?: number | undefined;
  readonly onProgress?: (checked: number, bytes: number) => void;
}

/** Not there; cut off; other bytes than were stored; bytes that say they are another object; a file no row names. */
export type FaultKind = 'missing' | 'short' | 'changed' | 'misfiled' | 'orphan';

export interface Fault {
  readonly kind: FaultKind;
  readonly storageKey: string;
  readonly sentence: string;
  readonly object?: Pick<NamedObject, 'heldIn' | 'studyInstanceUid' | 'seriesInstanceUid' | 'sopInstanceUid'>;
}

export interface Verified {
  readonly objects: number;
  readonly bytes: number;
  readonly faults: Readonly<Record<FaultKind, number>>;
}

const ROWS_OF_A_PAGE = 500;

/** Read side by side: enough to keep a disk busy while another is hashed. */
const AT_ONCE = 4;

const ORPHAN_AGE_MS = 60 * 60 * 1000;

/**
 * Rereads what is held, kept apart and in the trash: every byte against the digest taken when it came, its length, and
 * the UIDs in it against the row's. Reads a page of rows and some files at a time, so memory does not grow with the
 * archive. Where everything is asked for, files that no row names are told too.
 *
 * @param onFault called for each fault as it is found
 */
export async function verifyObjects(
  parts: VerifyParts,
  options: VerifyOptions,
  onFault: (fault: Fault) => void,
): Promise<Verified> {
  const faults: Record<FaultKind, number> = { missing: 0, short: 0, changed: 0, misfiled: 0, orphan: 0 };
  let [objects, bytes] = [0, 0];
  const tell = (fault: Fault): void => {
    faults[fault.kind] += 1;
    onFault(fault);
  };
  for await (const page of pages(parts.database, options)) {
    await side(page, async (object) => {
      const fault = await checkObject(parts, object);
      if (fault) tell(fault);
      objects += 1;
      bytes += object.size;
      options.onProgress?.(objects, bytes);
    });
  }
  const whole = options.studyInstanceUid === undefined && options.since === undefined && options.limit === undefined;
  if (whole) for await (const fault of orphans(parts)) tell(fault);
  return { objects, bytes, faults };
}

async function* pages(database: Database, options: VerifyOptions): AsyncGenerator<NamedObject[]> {
  let left = options.limit ?? Number.POSITIVE_INFINITY;
  const tables: readonly HeldIn[] = ['instances', 'conflicts', 'trash'];
  for (const heldIn of tables) {
    for (let after = 0; left > 0; ) {
      const page = await pageOfObjects(database, heldIn, options, after, Math.min(ROWS_OF_A_PAGE, left));
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.id;
      left -= page.length;
      yield page;
    }
  }
}

async function side<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const waiting = all.values();
  const lane = async (): Promise<void> => {
    for (const one of waiting) await work(one);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
}

/** The fault of an object, if it has one and its row still names it: it may be deleted while it is read. */
async function checkObject({ database, store }: VerifyParts, object: NamedObject): Promise<Fault | undefined> {
  const found = await faultOf(store, object);
  return found && (await stillNames(database, object)) ? found : undefined;
}

async function faultOf(store: VerifiedStore, object: NamedObject): Promise<Fault | undefined> {
  const { heldIn, studyInstanceUid, seriesInstanceUid, sopInstanceUid, storageKey } = object;
  const fault = (kind: FaultKind, sentence: string): Fault => ({
    kind,
    storageKey,
    sentence,
    object: { heldIn, studyInstanceUid, seriesInstanceUid, sopInstanceUid },
  });
  const path = store.pathOf(storageKey);
  try {
    const { size } = await stat(path);
    if (size < object.size) return fault('short', `the file has ${size} of ${object.size} bytes`);
    if (size > object.size) return fault('changed', `the file has ${size} bytes instead of ${object.size}`);
    const parsed = parseFile(path, size);
    const offset = object.dataSetOffset ?? (parsed instanceof Error ? 0 : parsed.dataSetOffset);
    const digest = await digestOf(store.stream(storageKey, offset, size - offset));
    if (digest !== object.digest)
      return fault('changed', 'the data set is not the one that was stored (SHA-256 differs)');
    if (parsed instanceof Error)
      return object.flagged ? undefined : fault('misfiled', `the file cannot be read as DICOM: ${parsed.message}`);
    const wrong = otherUids(parsed, object);
    return wrong.length === 0 ? undefined : fault('misfiled', `other than in its row: ${wrong.join(', ')}`);
  } catch (error) {
    if (isMissing(error)) return fault('missing', 'the file is not there');
    return fault('changed', `the file cannot be read: ${sentenceOf(error)}`);
  }
}

function parseFile(path: string, size: number): ParsedObject | Error {
  const fd = openSync(path, 'r');
  try {
    return parsePart10(fileSource(fd, size));
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  } finally {
    closeSync(fd);
  }
}

async function digestOf(stream: Readable): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of stream) hash.update(chunk);
  return hash.digest('hex');
}

/** UIDs that say something else than the row; one that is absent is a fault only where the object came without any. */
function otherUids({ dataset }: ParsedObject, object: NamedObject): string[] {
  const uids = [
    ['Study Instance UID (0020,000D)', 'StudyInstanceUID', object.studyInstanceUid],
    ['Series Instance UID (0020,000E)', 'SeriesInstanceUID', object.seriesInstanceUid],
    ['SOP Instance UID (0008,0018)', 'SOPInstanceUID', object.sopInstanceUid],
  ] as const;
  return uids.flatMap(([name, keyword, uid]) => {
    const said = text(dataset, keyword);
    return said === uid || (said === undefined && object.flagged) ? [] : [name];
  });
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

const KEYS_OF_ONE_STATEMENT = 100_000;

async function* orphans({ database, store, orphanAgeMs = ORPHAN_AGE_MS }: VerifyParts): AsyncGenerator<Fault> {
  const before = Date.now() - orphanAgeMs;
  const told = async (keys: readonly string[]): Promise<Fault[]> =>
    (keys.length === 0 ? [] : await unnamedKeys(database, keys)).map((storageKey) => ({
      kind: 'orphan',
      storageKey,
      sentence: 'no row names the file',
    }));
  let keys: string[] = [];
  for await (const { key, modifiedAt } of store.walk()) {
    if (modifiedAt.getTime() > before) continue;
    keys.push(key);
    if (keys.length < KEYS_OF_ONE_STATEMENT) continue;
    yield* await told(keys);
    keys = [];
  }
  yield* await told(keys);
}
