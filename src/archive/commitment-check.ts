import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { HeldInstance } from '../catalog/commitments.ts';
import { fileSource, parsePart10 } from '../dicom/parse.ts';
import { text } from '../dicom/read-values.ts';
import { VoxgateError } from '../errors.ts';
import type { FileStore } from '../storage/file-store.ts';
import { contentDigest, isKeyOf } from '../storage/object-key.ts';

/** Failure Reason (0008,1197) of PS3.3 C.14.1.1; 0 where there is none. */
export const COMMITTED = 0;
export const PROCESSING_FAILURE = 0x0110;
export const NO_SUCH_INSTANCE = 0x0112;
export const CLASS_INSTANCE_CONFLICT = 0x0119;
export const RESOURCE_LIMITATION = 0x0213;

export interface Finding {
  readonly failureReason: number;
  /** For the log: why it cannot be committed to; only where something here is not as it should be. */
  readonly fault?: string;
}

/**
 * Whether this node can answer for an instance (PS3.4 J.3.3): it is held under that SOP class (and study and series, where
 * these were named), no other object claims its UID, and the bytes on the disk, read again, are those that were stored.
 * @param signal gives up the reading of a long file
 */
export async function checkInstance(
  store: Pick<FileStore, 'pathOf' | 'stream'>,
  { held, ...asked }: HeldInstance,
  signal: AbortSignal,
): Promise<Finding> {
  if (held === null) return { failureReason: NO_SUCH_INSTANCE };
  if (asked.studyInstanceUid !== null && asked.studyInstanceUid !== held.studyInstanceUid)
    return { failureReason: NO_SUCH_INSTANCE };
  if (asked.seriesInstanceUid !== null && asked.seriesInstanceUid !== held.seriesInstanceUid)
    return { failureReason: NO_SUCH_INSTANCE };
  if (asked.sopClassUid !== held.sopClassUid) return { failureReason: CLASS_INSTANCE_CONFLICT };
  // Whose object the requestor means cannot be told: it keeps its own until somebody has looked.
  if (held.disputed) return { failureReason: PROCESSING_FAILURE, fault: 'another object of its UID is kept apart' };
  try {
    const fault = await fileFault(store, held, asked.sopInstanceUid, signal);
    return fault === undefined ? { failureReason: COMMITTED } : { failureReason: PROCESSING_FAILURE, fault };
  } catch (error) {
    signal.throwIfAborted();
    return failureOf(error);
  }
}

type Held = NonNullable<HeldInstance['held']>;

/**
 * Rereads a stored file; undefined where it is as it was stored: its size, the digest of its data set, and what stands
 * before that, which its key tells.
 */
async function fileFault(
  store: Pick<FileStore, 'pathOf' | 'stream'>,
  held: Held,
  sopInstanceUid: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { storageKey, size, digest, dataSetOffset, transferSyntaxUid } = held;
  const { size: found } = await stat(store.pathOf(storageKey));
  if (found !== size) return `its file has ${found} bytes instead of ${size}`;
  const header = readHeader(store.pathOf(storageKey), size);
  if (header?.transferSyntaxUid !== transferSyntaxUid || header.dataSetOffset !== dataSetOffset)
    return 'its file meta information is not the one that was stored';
  if (header.sopInstanceUid !== sopInstanceUid) return 'its file holds another object';
  const hash = createHash('sha256');
  let at = dataSetOffset;
  for await (const piece of store.stream(storageKey, dataSetOffset, size - dataSetOffset)) {
    signal.throwIfAborted();
    const bytes: Buffer = piece;
    hash.update(bytes);
    at += bytes.length;
  }
  if (at !== size) return `its file ended after ${at} of ${size} bytes`;
  if (!hash.digest().equals(digest)) return 'the bytes of its data set are not those that were stored';
  if (!isKeyOf(storageKey, contentDigest(header.head, digest)))
    return 'the bytes of its file meta information are not those that were stored';
  return undefined;
}

interface Header {
  readonly transferSyntaxUid: string;
  readonly dataSetOffset: number;
  readonly sopInstanceUid: string | undefined;
  /** All bytes before the data set. */
  readonly head: Buffer;
}

/** Undefined where the file cannot be read as DICOM. */
function readHeader(path: string, size: number): Header | undefined {
  const fd = openSync(path, 'r');
  try {
    const source = fileSource(fd, size);
    const { transferSyntaxUid, dataSetOffset, dataset } = parsePart10(source);
    const sopInstanceUid = text(dataset, 'SOPInstanceUID');
    return { transferSyntaxUid, dataSetOffset, sopInstanceUid, head: source.read(0, dataSetOffset) };
  } catch (error) {
    if (error instanceof VoxgateError) return undefined;
    throw error;
  } finally {
    closeSync(fd);
  }
}

const OUT_OF_RESOURCES = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

function failureOf(error: unknown): Finding {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  const fault = `its file cannot be read: ${code}`;
  if (code === 'ENOENT') return { failureReason: NO_SUCH_INSTANCE, fault };
  return { failureReason: OUT_OF_RESOURCES.has(code) ? RESOURCE_LIMITATION : PROCESSING_FAILURE, fault };
}
