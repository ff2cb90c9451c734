import { createHash } from 'node:crypto';
import type { Outcome } from '../catalog/record-instances.ts';
import { frameIndex } from '../dicom/frames.ts';
import { fileSource, type ParsedObject, parsePart10 } from '../dicom/parse.ts';
import { text } from '../dicom/read-values.ts';
import { isUid, isUsableAsUid } from '../dicom/uid.ts';
import { fileMeta } from '../dicom/write.ts';
import { type Subject, VoxgateError } from '../errors.ts';
import type { FileStore, StagedObject } from '../storage/file-store.ts';
import type { CommitQueue } from './commit-queue.ts';
import { DataSetDigest } from './data-set-digest.ts';
import { describeInstance, type Identifiers } from './describe-instance.ts';

/** What the request said of the object before its bytes came (C-STORE-RQ, PS3.7 9.1.1.1). */
export interface Announced {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
}

export interface Receipt extends Identifiers {
  readonly outcome: Outcome;
  /** What was wrong with the object and did not keep it from being stored; names attributes, never values. */
  readonly warnings: readonly string[];
  /** False when the object broke off before its end. */
  readonly complete: boolean;
}

export interface ReceiverParts {
  readonly store: FileStore;
  readonly commits: CommitQueue;
  readonly origin: 'received' | 'self';
}

/**
 * One object on its way in: `write` what comes, then `finish`, or `discard` when the sender gives up.
 * Nothing of it is visible, and nothing may be acknowledged, before `finish` has resolved (contract, promise 1).
 */
export class IncomingInstance {
  readonly #parts: ReceiverParts;
  readonly #staged: StagedObject;
  readonly #announced: Announced | undefined;
  readonly #digest: DataSetDigest;

  private constructor(
    parts: ReceiverParts,
    staged: StagedObject,
    announced: Announced | undefined,
    digest: DataSetDigest,
  ) {
    this.#parts = parts;
    this.#staged = staged;
    this.#announced = announced;
    this.#digest = digest;
  }

  /** A data set as DIMSE sends it: its file meta information (PS3.10 7.1) is ours, what follows is the sender's. */
  static async ofDataSet(parts: ReceiverParts, announced: Announced): Promise<IncomingInstance> {
    const meta = fileMeta(announced);
    const incoming = new IncomingInstance(parts, await parts.store.stage(), announced, new DataSetDigest(meta.length));
    await incoming.write(meta);
    return incoming;
  }

  /** A whole PS3.10 file as STOW-RS sends it, kept as it is. */
  static async ofFile(parts: ReceiverParts): Promise<IncomingInstance> {
    return new IncomingInstance(parts, await parts.store.stage(), undefined, new DataSetDigest());
  }

  /** Awaiting what it returns slows the sender to the pace of the disk. */
  write(chunk: Buffer): Promise<void> | undefined {
    this.#digest.update(chunk);
    return this.#staged.write(chunk);
  }

  discard(): Promise<void> {
    return this.#staged.discard();
  }

  /**
   * Reads the header, checks it against the announcement, makes bytes and rows durable.
   * @param study the only study it may belong to, where the request names one (PS3.18 10.5.1)
   * @throws VoxgateError not-dicom, unidentifiable, mismatch, unsupported-object, out-of-resources; nothing is kept then
   */
  async finish(study?: string): Promise<Receipt> {
    let subject: Subject | undefined;
    try {
      await this.#staged.flush();
      const source = fileSource(this.#staged.fd, this.#staged.size);
      const parsed = parsePart10(source);
      subject = {
        sopClassUid: text(parsed.dataset, 'SOPClassUID') ?? '',
        sopInstanceUid: text(parsed.dataset, 'SOPInstanceUID') ?? '',
      };
      const identifiers = identify(parsed, this.#announced);
      if (study !== undefined && study !== identifiers.studyInstanceUid) {
        throw new VoxgateError(
          'mismatch',
          'the Study Instance UID (0020,000D) of the data set is not that of the request',
        );
      }
      const digest = this.#digest.result(parsed.dataSetOffset) ?? digestFrom(source, parsed.dataSetOffset);
      const { index, warnings } = indexFrames(parsed, source);
      const all = [...oddUids(identifiers), ...parsed.warnings, ...warnings];
      const record = describeInstance(parsed.dataset, identifiers, {
        transferSyntaxUid: parsed.transferSyntaxUid,
        storageKey: storageKey(source.read(0, parsed.dataSetOffset), digest),
        size: this.#staged.size,
        digest: digest.toString('hex'),
        dataSetOffset: parsed.dataSetOffset,
        frames: index,
        warnings: all.length > 0 ? JSON.stringify(all.slice(0, MOST_WARNINGS)) : null,
        origin: this.#parts.origin,
      });
      const outcome = await this.#parts.commits.commit(this.#staged, record);
      return { ...identifiers, outcome, warnings: all.slice(0, MOST_WARNINGS), complete: parsed.complete };
    } catch (error) {
      await this.#staged.discard();
      if (!(error instanceof VoxgateError) || subject === undefined) throw error;
      throw new VoxgateError(error.code, error.message, { cause: error, subject });
    }
  }
}

/** A broken object can be wrong in every element; the first findings tell the story. */
const MOST_WARNINGS = 20;

const MEDIA_STORAGE_DIRECTORY = '1.2.840.10008.1.3.10';

/**
 * The four UIDs without which an object can neither be found nor told from another. The data set speaks; only the SOP
 * class may come from the file meta information or the request, for objects that lack it.
 */
function identify(parsed: ParsedObject, announced: Announced | undefined): Identifiers {
  const { dataset, meta } = parsed;
  const sopClassUid =
    text(dataset, 'SOPClassUID') ?? text(meta, 'MediaStorageSOPClassUID') ?? announced?.sopClassUid ?? '';
  if (sopClassUid === MEDIA_STORAGE_DIRECTORY || dataset['00041220'] !== undefined) {
    throw new VoxgateError(
      'unsupported-object',
      'a DICOMDIR (Media Storage Directory) is not a composite instance and is not kept',
    );
  }
  const identifiers: Identifiers = {
    sopClassUid,
    sopInstanceUid: text(dataset, 'SOPInstanceUID') ?? '',
    studyInstanceUid: text(dataset, 'StudyInstanceUID') ?? '',
    seriesInstanceUid: text(dataset, 'SeriesInstanceUID') ?? '',
  };
  for (const [name, uid] of named(identifiers)) {
    if (uid === '') throw new VoxgateError('unidentifiable', `${name} is missing or empty`);
    if (!isUsableAsUid(uid)) throw new VoxgateError('unidentifiable', `${name} is not a UID (PS3.5 9.1)`);
  }
  if (announced && announced.sopInstanceUid !== identifiers.sopInstanceUid) {
    throw new VoxgateError(
      'mismatch',
      'the SOP Instance UID (0008,0018) of the data set is not the Affected SOP Instance UID of the request',
    );
  }
  if (announced && announced.sopClassUid !== identifiers.sopClassUid) {
    throw new VoxgateError(
      'mismatch',
      'the SOP Class UID (0008,0016) of the data set is not the Affected SOP Class UID of the request',
    );
  }
  return identifiers;
}

function named(identifiers: Identifiers): (readonly [string, string])[] {
  return [
    ['SOP Class UID (0008,0016)', identifiers.sopClassUid],
    ['SOP Instance UID (0008,0018)', identifiers.sopInstanceUid],
    ['Study Instance UID (0020,000D)', identifiers.studyInstanceUid],
    ['Series Instance UID (0020,000E)', identifiers.seriesInstanceUid],
  ];
}

/** Identifiers that are no UIDs and are kept all the same. */
function oddUids(identifiers: Identifiers): string[] {
  return named(identifiers).flatMap(([name, uid]) =>
    isUid(uid) ? [] : [`${name} is not a UID (PS3.5 9.1); kept as it is`],
  );
}

function indexFrames(
  parsed: ParsedObject,
  source: ReturnType<typeof fileSource>,
): { index: string | null; warnings: readonly string[] } {
  const frames = frameIndex(parsed, source);
  return frames === undefined
    ? { index: null, warnings: [] }
    : { index: JSON.stringify(frames), warnings: frames.warnings };
}

const REREAD_BYTES = 1024 * 1024;

function digestFrom(source: ReturnType<typeof fileSource>, offset: number): Buffer {
  const hash = createHash('sha256');
  for (let at = offset; at < source.size; at += REREAD_BYTES)
    hash.update(source.read(at, Math.min(REREAD_BYTES, source.size - at)));
  return hash.digest();
}

/** Named by its whole content: what stands before the data set moves its offset, so it is part of the name. */
function storageKey(head: Buffer, dataSetDigest: Buffer): string {
  return createHash('sha256').update(head).update(dataSetDigest).digest('hex');
}
