import { createHash } from 'node:crypto';
import type { InstanceRecord, Outcome } from '../catalog/record-instances.ts';
import { fileMeta } from '../dicom/write.ts';
import { VoxgateError } from '../errors.ts';
import type { FileStore } from '../storage/file-store.ts';
import { contentDigest } from '../storage/object-key.ts';
import type { StagedObject } from '../storage/staged-object.ts';
import type { CommitQueue } from './commit-queue.ts';
import { DataSetDigest } from './data-set-digest.ts';
import type { Identifiers } from './describe-instance.ts';
import type { Announced, DescribedObject } from './describe-object.ts';
import type { Describer } from './describer.ts';

export type { Announced } from './describe-object.ts';

export interface Receipt extends Identifiers {
  readonly outcome: Outcome;
  /** What was wrong with the object and did not keep it from being stored; names attributes, never values. */
  readonly warnings: readonly string[];
  /** False when the object broke off before its end. */
  readonly complete: boolean;
}

export interface ReceiverParts {
  readonly store: FileStore;
  readonly describer: Describer;
  readonly commits: CommitQueue;
  readonly origin: 'received' | 'self';
  /** Of texts in objects that name no Specific Character Set, as it is known of the sender. */
  readonly characterSet?: readonly string[];
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

  private constructor(parts: ReceiverParts, announced: Announced | undefined, digest: DataSetDigest) {
    this.#parts = parts;
    this.#staged = parts.store.stage();
    this.#announced = announced;
    this.#digest = digest;
  }

  /**
   * A data set as DIMSE sends it: its file meta information (PS3.10 7.1) is ours, what follows is the sender's.
   * @throws VoxgateError out-of-resources when the disk is nearly full
   */
  static async ofDataSet(parts: ReceiverParts, announced: Announced): Promise<IncomingInstance> {
    const meta = fileMeta(announced);
    const incoming = new IncomingInstance(parts, announced, new DataSetDigest(meta.length));
    await incoming.write(meta);
    return incoming;
  }

  /**
   * A whole PS3.10 file as STOW-RS sends it, kept as it is.
   * @throws VoxgateError out-of-resources when the disk is nearly full
   */
  static async ofFile(parts: ReceiverParts): Promise<IncomingInstance> {
    return new IncomingInstance(parts, undefined, new DataSetDigest());
  }

  /** Takes a chunk, to keep as it is; awaiting what it returns slows the sender to the pace of the disk. */
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
    try {
      const { describer, characterSet } = this.#parts;
      const described = await describer.describe(this.#staged, { announced: this.#announced, characterSet });
      const { identifiers, warnings, complete } = described;
      if (study !== undefined && study !== identifiers.studyInstanceUid) {
        throw new VoxgateError(
          'mismatch',
          'the Study Instance UID (0020,000D) of the data set is not that of the request',
          { subject: identifiers },
        );
      }
      const digest = this.#digest.result(described.dataSetOffset) ?? (await this.#digestAnew(described.dataSetOffset));
      this.#staged.seal(contentDigest(this.#staged.read(0, described.dataSetOffset), digest));
      const outcome = await this.#parts.commits.commit({
        staged: this.#staged,
        record: this.#record(described, digest),
        metadata: { json: described.metadata, frames: described.longFrames },
      });
      return { ...identifiers, outcome, warnings, complete };
    } catch (error) {
      await this.#staged.discard();
      throw error;
    }
  }

  #record(described: DescribedObject, digest: Buffer): InstanceRecord {
    const { identifiers, warnings } = described;
    return {
      studyInstanceUid: identifiers.studyInstanceUid,
      seriesInstanceUid: identifiers.seriesInstanceUid,
      sopInstanceUid: identifiers.sopInstanceUid,
      study: described.study,
      series: described.series,
      instance: {
        sopClassUid: identifiers.sopClassUid,
        instanceNumber: described.instanceNumber,
        shape: described.shape,
        transferSyntaxUid: described.transferSyntaxUid,
        storageKey: this.#staged.key,
        size: this.#staged.size,
        digest: digest.toString('hex'),
        dataSetOffset: described.dataSetOffset,
        frameCount: described.frameCount,
        frames: described.frames,
        metadata: null,
        warnings: warnings.length > 0 ? JSON.stringify(warnings) : null,
        origin: this.#parts.origin,
      },
    };
  }

  /** For a data set that does not begin where the file meta information had said. */
  async #digestAnew(offset: number): Promise<Buffer> {
    await this.#staged.flush();
    const hash = createHash('sha256');
    for (let at = offset; at < this.#staged.size; at += REREAD_BYTES) {
      hash.update(this.#staged.read(at, REREAD_BYTES));
      // A gigabyte takes a second, in which others come and go.
      await new Promise(setImmediate);
    }
    return hash.digest();
  }
}

const REREAD_BYTES = 1024 * 1024;
