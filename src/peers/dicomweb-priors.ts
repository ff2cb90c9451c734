import type { JsonDataset } from '../dicom/dataset.ts';
import { parseMediaType } from '../dicom/media-types.ts';
import { boundaryOf, readMultipart } from '../dicom/multipart.ts';
import { text } from '../dicom/read-values.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';
import {
  type EarlierSeries,
  type FetchedObject,
  type FetchedObjects,
  isSingleValue,
  MOST_EARLIER_STUDIES,
  type PriorPeer,
  type PriorQuery,
} from './prior-peer.ts';

const ANSWER_MS = 60_000;
/** A series over a slow line. */
const FETCH_MS = 10 * 60_000;
/** Of a list of matches; a hundred studies have some hundred kilobytes. */
const MOST_ANSWER_BYTES = 16 * 2 ** 20;
const MOST_OBJECT_BYTES = 4 * 2 ** 30;

/** Earlier studies by QIDO-RS and WADO-RS (PS3.18 10.6 and 10.4). */
export class DicomwebPriors implements PriorPeer {
  readonly name: string;
  readonly #root: string;

  constructor(name: string, root: string) {
    this.name = name;
    this.#root = root;
  }

  async findEarlier({ patientId, issuer, from, to, modality }: PriorQuery): Promise<EarlierSeries[]> {
    if (!isSingleValue(patientId)) return [];
    const asked = new URLSearchParams({ PatientID: patientId, StudyDate: `${from}-${to}`, limit: '100' });
    asked.append('includefield', 'IssuerOfPatientID');
    const studies = (await this.#search(`studies?${asked}`)).filter((one) => {
      const said = text(one, 'IssuerOfPatientID');
      return text(one, 'PatientID') === patientId && (issuer === undefined || said === undefined || said === issuer);
    });
    const newest = studies
      .sort((a, b) => (text(b, 'StudyDate') ?? '').localeCompare(text(a, 'StudyDate') ?? ''))
      .slice(0, MOST_EARLIER_STUDIES);
    const found: EarlierSeries[] = [];
    for (const study of newest) {
      const studyInstanceUid = text(study, 'StudyInstanceUID') ?? '';
      const query = new URLSearchParams({ Modality: modality, includefield: 'BodyPartExamined' });
      const series = await this.#search(`studies/${encodeURIComponent(studyInstanceUid)}/series?${query}`);
      for (const one of series) {
        const seriesInstanceUid = text(one, 'SeriesInstanceUID');
        if (seriesInstanceUid === undefined || text(one, 'Modality') !== modality) continue;
        const bodyPart = text(one, 'BodyPartExamined');
        found.push({ studyInstanceUid, seriesInstanceUid, studyDate: text(study, 'StudyDate') ?? '', bodyPart });
      }
    }
    return found;
  }

  async fetch({ studyInstanceUid, seriesInstanceUid }: EarlierSeries, into: FetchedObjects): Promise<void> {
    const path = `studies/${encodeURIComponent(studyInstanceUid)}/series/${encodeURIComponent(seriesInstanceUid)}`;
    const accept = 'multipart/related; type="application/dicom"; transfer-syntax=*';
    const response = await this.#ask(path, accept, FETCH_MS);
    const type = parseMediaType(response.headers.get('content-type') ?? '');
    if (type === undefined || response.body === null) throw this.#failed('WADO-RS', 'a body of no known type');
    const parts = readMultipart(response.body, boundaryOf(type), { maxPartBytes: MOST_OBJECT_BYTES });
    for await (const { body } of parts) await keep(body, await into.beginFile());
  }

  /** No match is 204, or an empty list. */
  async #search(query: string): Promise<JsonDataset[]> {
    const response = await this.#ask(query, 'application/dicom+json', ANSWER_MS);
    if (response.status === 204 || response.body === null) return [];
    const pieces: Uint8Array[] = [];
    let size = 0;
    for await (const piece of response.body) {
      size += piece.length;
      if (size > MOST_ANSWER_BYTES) throw this.#failed('QIDO-RS', `more than ${MOST_ANSWER_BYTES} bytes`);
      pieces.push(piece);
    }
    try {
      const answer: unknown = JSON.parse(Buffer.concat(pieces).toString('utf8') || '[]');
      if (Array.isArray(answer)) return answer;
    } catch {
      // said below
    }
    throw this.#failed('QIDO-RS', 'what is no list of matches');
  }

  async #ask(path: string, accept: string, deadlineMs: number): Promise<Response> {
    const response = await fetch(`${this.#root}/${path}`, {
      headers: { accept },
      signal: AbortSignal.timeout(deadlineMs),
    }).catch((error: unknown) => {
      const cause = error instanceof Error && error.cause ? error.cause : error;
      throw new VoxgateError('peer-failed', `${this.name} at ${this.#root} cannot be reached: ${sentenceOf(cause)}`);
    });
    if (response.ok) return response;
    await response.body?.cancel();
    throw this.#failed('a question', `HTTP ${response.status}`);
  }

  #failed(what: string, answer: string): VoxgateError {
    return new VoxgateError('peer-failed', `${this.name}: ${what} was answered with ${answer}`);
  }
}

async function keep(body: AsyncIterable<Buffer>, object: FetchedObject): Promise<void> {
  try {
    for await (const piece of body) await object.write(piece);
  } catch (error) {
    await object.discard();
    throw error;
  }
  await object.finish();
}
