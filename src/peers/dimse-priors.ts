import { dataset } from '../dicom/build.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { text } from '../dicom/read-values.ts';
import { STORAGE_SOP_CLASSES } from '../dicom/sop-classes.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';
import type { QueryPeer } from './peer.ts';
import {
  type EarlierSeries,
  type FetchedObjects,
  isSingleValue,
  MOST_EARLIER_STUDIES,
  type PriorPeer,
  type PriorQuery,
} from './prior-peer.ts';

/** A C-GET proposes two contexts for each, of 128 in all (PS3.8 9.3.2.2). */
const MOST_CLASSES = 63;
const IMAGES = STORAGE_SOP_CLASSES.filter(({ name, retired }) => !retired && /Image Storage/.test(name))
  .map(({ uid }) => uid)
  .slice(0, MOST_CLASSES);

/** Earlier studies by C-FIND, and C-GET; by C-MOVE to us from a peer that has no C-GET. */
export class DimsePriors implements PriorPeer {
  readonly name: string;
  readonly #peer: QueryPeer;
  readonly #ownAeTitle: string;

  constructor(peer: QueryPeer, ownAeTitle: string) {
    this.name = peer.name;
    this.#peer = peer;
    this.#ownAeTitle = ownAeTitle;
  }

  async findEarlier({ patientId, issuer, from, to, modality }: PriorQuery): Promise<EarlierSeries[]> {
    if (!isSingleValue(patientId)) return [];
    const studies: JsonDataset[] = [];
    const asked = {
      ...{ QueryRetrieveLevel: 'STUDY', PatientID: patientId, StudyDate: `${from}-${to}` },
      ...{ StudyInstanceUID: null, IssuerOfPatientID: null, ModalitiesInStudy: null },
    };
    for await (const match of this.#peer.find('study', dataset(asked)))
      if (isSamePatient(match, patientId, issuer)) studies.push(match);
    const newest = studies
      .sort((a, b) => (text(b, 'StudyDate') ?? '').localeCompare(text(a, 'StudyDate') ?? ''))
      .slice(0, MOST_EARLIER_STUDIES);
    const series: EarlierSeries[] = [];
    for (const study of newest) series.push(...(await this.#seriesOf(study, modality)));
    return series;
  }

  async #seriesOf(study: JsonDataset, modality: string): Promise<EarlierSeries[]> {
    const studyInstanceUid = text(study, 'StudyInstanceUID') ?? '';
    const asked = {
      ...{ QueryRetrieveLevel: 'SERIES', StudyInstanceUID: studyInstanceUid, Modality: modality },
      ...{ SeriesInstanceUID: null, BodyPartExamined: null },
    };
    const found: EarlierSeries[] = [];
    for await (const match of this.#peer.find('study', dataset(asked))) {
      const seriesInstanceUid = text(match, 'SeriesInstanceUID');
      if (seriesInstanceUid === undefined || text(match, 'Modality') !== modality) continue;
      const bodyPart = text(match, 'BodyPartExamined');
      found.push({ studyInstanceUid, seriesInstanceUid, studyDate: text(study, 'StudyDate') ?? '', bodyPart });
    }
    return found;
  }

  async fetch({ studyInstanceUid, seriesInstanceUid }: EarlierSeries, into: FetchedObjects): Promise<void> {
    const keys = dataset({
      ...{ QueryRetrieveLevel: 'SERIES', StudyInstanceUID: studyInstanceUid, SeriesInstanceUID: seriesInstanceUid },
    });
    const got = await this.#get(keys, into);
    const { failed } = got ?? (await this.#peer.move('study', keys, this.#ownAeTitle));
    if (failed > 0) throw new VoxgateError('peer-failed', `${this.name} failed to send ${failed} objects of a series`);
  }

  /** Undefined where the peer has no C-GET. */
  async #get(keys: JsonDataset, into: FetchedObjects): Promise<{ failed: number } | undefined> {
    try {
      return await this.#peer.get('study', keys, IMAGES, { begin: (announced) => into.beginDataSet(announced) });
    } catch (error) {
      if (/did not accept/.test(sentenceOf(error))) return undefined;
      throw error;
    }
  }
}

/** The peer's own words: what it says of another issuer, or of no such ID at all, is not believed to be the same patient. */
function isSamePatient(match: JsonDataset, patientId: string, issuer: string | undefined): boolean {
  const said = text(match, 'IssuerOfPatientID');
  return text(match, 'PatientID') === patientId && (issuer === undefined || said === undefined || said === issuer);
}
