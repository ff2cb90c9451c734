import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import type { HeldInstance } from '../catalog/commitments.ts';
import type { FileStore } from '../storage/file-store.ts';

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
    const fault = await fileFault(store, held, signal);
    return fault === undefined ? { failureReason: COMMITTED } : { failureReason: PROCESSING_FAILURE, fault };
  } catch (error) {
    signal.throwIfAborted();
    return failureOf(error);
  }
}

type HeldFile = Pick<NonNullable<HeldInstance['held']>, 'storageKey' | 'size' | 'digest' | 'dataSetOffset'>;

/** Rereads a stored file; undefined where every byte is as it was stored. The key is the digest of head and data set. */
async function fileFault(
  store: Pick<FileStore, 'pathOf' | 'stream'>,
  { storageKey, size, digest, dataSetOffset }: HeldFile,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { size: found } = await stat(store.pathOf(storageKey));
  if (found !== size) return `its file has ${found} bytes instead of ${size}`;
  const whole = createHash('sha256');
  const dataSet = createHash('sha256');
  let at = 0;
  for await (const piece of store.stream(storageKey, 0, size)) {
    signal.throwIfAborted();
    const bytes: Buffer = piece;
    const head = Math.min(Math.max(dataSetOffset - at, 0), bytes.length);
    if (head > 0) whole.update(bytes.subarray(0, head));
    if (head < bytes.length) dataSet.update(bytes.subarray(head));
    at += bytes.length;
  }
  if (at !== size) return `its file ended after ${at} of ${size} bytes`;
  const dataSetDigest = dataSet.digest();
  if (!dataSetDigest.equals(digest)) return 'the bytes of its data set are not those that were stored';
  if (whole.update(dataSetDigest).digest('hex') !== storageKey)
    return 'the bytes of its file meta information are not those that were stored';
  return undefined;
}

const OUT_OF_RESOURCES = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

function failureOf(error: unknown): Finding {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
  const fault = `its file cannot be read: ${code}`;
  if (code === 'ENOENT') return { failureReason: NO_SUCH_INSTANCE, fault };
  return { failureReason: OUT_OF_RESOURCES.has(code) ? RESOURCE_LIMITATION : PROCESSING_FAILURE, fault };
}
