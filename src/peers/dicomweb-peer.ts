import { randomUUID } from 'node:crypto';
import type { JsonDataset } from '../dicom/dataset.ts';
import { items, text } from '../dicom/read-values.ts';
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
    const response = await this.#fetch(`${this.#root}/studies?limit=1`, {
      headers: { accept: 'application/dicom+json' },
    });
    await response.body?.cancel();
    if (!response.ok)
      throw new VoxgateError('peer-failed', `${this.name}: QIDO-RS was answered with HTTP ${response.status}`);
  }

  async #storeOne(object: OutgoingObject): Promise<void> {
    const boundary = `voxgate-${randomUUID()}`;
    const body = Buffer.concat([
      Buffer.from(`--${boundary}\r\nContent-Type: application/dicom\r\n\r\n`),
      await object.readFile(),
      Buffer.from(`\r\n--${boundary}--\r\n`),
    ]);
    const response = await this.#fetch(`${this.#root}/studies`, {
      method: 'POST',
      body,
      headers: {
        accept: 'application/dicom+json',
        'content-type': `multipart/related; type="application/dicom"; boundary=${boundary}`,
      },
    });
    const answer = await response.text();
    if (!response.ok)
      throw new VoxgateError(
        'peer-failed',
        `${this.name}: STOW-RS of SOP class ${object.sopClassUid} was answered with HTTP ${response.status}`,
      );
    const reason = failureReason(answer);
    if (reason !== undefined)
      throw new VoxgateError(
        'peer-failed',
        `${this.name}: STOW-RS refused SOP class ${object.sopClassUid} with failure reason ${reason}`,
      );
  }

  async #fetch(url: string, init: RequestInit): Promise<Response> {
    try {
      return await fetch(url, { ...init, signal: AbortSignal.timeout(ANSWER_MS) });
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
  if (answer.trim() === '') return undefined;
  let parsed: JsonDataset;
  try {
    parsed = JSON.parse(answer);
  } catch {
    return undefined;
  }
  const failed = items(parsed, 'FailedSOPSequence')[0];
  return failed === undefined ? undefined : (text(failed, 'FailureReason') ?? 'unknown');
}
