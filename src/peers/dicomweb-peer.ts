import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { JsonDataset } from '../dicom/dataset.ts';
import { items, number } from '../dicom/read-values.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';
import type { OutgoingObject, Peer } from './peer.ts';

const ANSWER_MS = 5 * 60_000;

/** A node reached by DICOMweb: STOW-RS (PS3.18 10.5), one request an object so that one refusal spares the rest. */
export class DicomwebPeer implements Peer {
  readonly name: string;
  readonly #root: string;

  constructor(name: string, root: string) {
    this.name = name;
    this.#root = root;
  }

  async store(objects: readonly OutgoingObject[]): Promise<void> {
    for (const object of objects) await this.#storeOne(object);
  }

  async echo(): Promise<void> {
    const { status, ok } = await this.#ask(`${this.#root}/studies?limit=1`, {
      headers: { accept: 'application/dicom+json' },
    });
    if (!ok) throw new VoxgateError('peer-failed', `${this.name}: QIDO-RS was answered with HTTP ${status}`);
  }

  async #storeOne(object: OutgoingObject): Promise<void> {
    const boundary = `voxgate-${randomUUID()}`;
    const body = Buffer.concat([
      Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
      await readFile(object.path),
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]);
    const { status, ok, answer } = await this.#ask(`${this.#root}/studies`, {
      method: 'POST',
      body,
      headers: {
        accept: 'application/dicom+json',
        'content-type': `multipart/related; type="application/dicom"; boundary=${boundary}`,
      },
    });
    const reason = failureReason(answer);
    const because = reason === undefined ? '' : ` and failure reason ${reason}`;
    if (!ok || reason !== undefined)
      throw new VoxgateError(
        'peer-failed',
        `${this.name}: STOW-RS of SOP class ${object.sopClassUid} was answered with HTTP ${status}${because}`,
      );
  }

  async #ask(url: string, init: RequestInit): Promise<{ status: number; ok: boolean; answer: string }> {
    try {
      const response = await fetch(url, { ...init, signal: AbortSignal.timeout(ANSWER_MS) });
      return { status: response.status, ok: response.ok, answer: await response.text() };
    } catch (error) {
      const cause = error instanceof Error && error.cause ? error.cause : error;
      throw new VoxgateError('peer-failed', `${this.name} at ${this.#root} cannot be reached: ${sentenceOf(cause)}`, {
        cause: error,
      });
    }
  }
}

/** Failure Reason (0008,1197) of the first item of Failed SOP Sequence (PS3.18 Table 10.5.3-2), if there is one. */
function failureReason(answer: string): string | undefined {
  const failed = failedObjects(answer)[0];
  if (failed === undefined) return undefined;
  const reason = number(failed, 'FailureReason');
  return reason === undefined ? 'unknown' : `${reason.toString(16).toUpperCase().padStart(4, '0')}H`;
}

/** None where the answer is not DICOM JSON: a peer that is not asked for it by its own rules, or a page of a proxy. */
function failedObjects(answer: string): JsonDataset[] {
  try {
    const parsed: JsonDataset | JsonDataset[] = JSON.parse(answer);
    // Some servers put the one data set into a list.
    return items((Array.isArray(parsed) ? parsed[0] : parsed) ?? {}, 'FailedSOPSequence');
  } catch {
    return [];
  }
}
