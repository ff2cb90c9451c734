import type { Archive } from '../archive/archive.ts';
import type { Database } from '../catalog/database.ts';
import { endPriorSearch, isHeld, noteFetched } from '../catalog/fetched-priors.ts';
import { anyInstanceOf } from '../catalog/worklist.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { text } from '../dicom/read-values.ts';
import { sentenceOf } from '../errors.ts';
import type { JobPayloads } from '../jobs/job.ts';
import { enqueue } from '../jobs/queue.ts';
import type { EarlierSeries, FetchedObject, FetchedObjects, PriorPeer, PriorQuery } from '../peers/prior-peer.ts';
import { bodyPartOf, bodyPartWord } from '../routing/vocabulary.ts';

export interface FetchParts {
  readonly database: Database;
  readonly archive: Archive;
  /** Peers that may be asked, in this order; the first that has something is the last that is asked. */
  readonly peers: readonly PriorPeer[];
}

/** The newest two are compared with; older ones would only take time from an analysis that waits. */
const MOST_STUDIES = 2;
const MOST_SERIES = 8;
/** What was fetched comes to rest by itself, and wakes who waits; this is for what does not. */
const SETTLE_AFTER_SECONDS = 15;

/**
 * Asks peers for earlier studies of the patient and brings the newest here. The analysis that waits does so until its own
 * time is over, whatever becomes of this; when there is nothing to wait for it is planned again at once.
 */
export async function fetchPriors(
  { database, archive, peers }: FetchParts,
  { studyInstanceUid, seriesInstanceUid, withinDays }: JobPayloads['fetch-priors'],
): Promise<void> {
  const sopInstanceUid = await anyInstanceOf(database, studyInstanceUid);
  const [present] = sopInstanceUid === undefined ? [] : await archive.describe({ studyInstanceUid, sopInstanceUid });
  const query = present && queryOf(present.dataset, withinDays);
  const told: string[] = [];
  let fetched = 0;
  for (const peer of query === undefined ? [] : peers) {
    try {
      const found = await peer.findEarlier(query!);
      const chosen = await worthFetching({ database, found, present: present!.dataset, studyInstanceUid });
      for (const series of chosen) {
        await noteFetched(database, { ...series, fetchedFor: studyInstanceUid, peer: peer.name });
        await bring(archive, peer, series);
        fetched += 1;
      }
      told.push(`${peer.name} has ${found.length} earlier series, of which ${chosen.length} were fetched.`);
    } catch (error) {
      told.push(`${peer.name} could not be asked: ${sentenceOf(error)}.`);
    }
    if (fetched > 0) break;
  }
  const reason = query === undefined ? 'The study names no patient ID and date to ask by.' : told.join(' ');
  await database.transaction(async (tx) => {
    await endPriorSearch(tx, studyInstanceUid, reason);
    await enqueue(
      tx,
      'settle-series',
      { studyInstanceUid, seriesInstanceUid, because: 'replan' },
      { key: `priors ended ${studyInstanceUid}`, delaySeconds: fetched > 0 ? SETTLE_AFTER_SECONDS : 0 },
    );
  });
}

/** By patient and day; undefined where the study does not say. */
function queryOf(dataset: JsonDataset, withinDays: number): PriorQuery | undefined {
  const patientId = text(dataset, 'PatientID')?.trim();
  const day = /^(\d{4})(\d\d)(\d\d)$/.exec(text(dataset, 'StudyDate') ?? '');
  const modality = text(dataset, 'Modality');
  if (!patientId || day === null || !modality) return undefined;
  const to = new Date(Date.UTC(Number(day[1]), Number(day[2]) - 1, Number(day[3])));
  const from = new Date(to.getTime() - withinDays * 86_400_000);
  return { patientId, issuer: text(dataset, 'IssuerOfPatientID'), from: compact(from), to: compact(to), modality };
}

function compact(day: Date): string {
  return day.toISOString().slice(0, 10).replaceAll('-', '');
}

/** Of the newest studies that are not here, the series that are not known to show another part of the body. */
async function worthFetching(asked: {
  readonly database: Database;
  readonly found: readonly EarlierSeries[];
  readonly present: JsonDataset;
  readonly studyInstanceUid: string;
}): Promise<EarlierSeries[]> {
  const part = bodyPartOf(asked.present);
  const chosen: EarlierSeries[] = [];
  for (const series of asked.found) {
    const other = series.bodyPart === undefined || part === undefined ? undefined : bodyPartWord(series.bodyPart);
    if (series.studyInstanceUid === asked.studyInstanceUid || (other !== undefined && other !== part)) continue;
    const studies = new Set([...chosen.map((one) => one.studyInstanceUid), series.studyInstanceUid]);
    if (studies.size > MOST_STUDIES || chosen.length >= MOST_SERIES) break;
    if (!(await isHeld(asked.database, series.studyInstanceUid))) chosen.push(series);
  }
  return chosen;
}

async function bring(archive: Archive, peer: PriorPeer, series: EarlierSeries): Promise<void> {
  const transfer = archive.ingest.begin('received');
  try {
    const keeping = (incoming: Awaited<ReturnType<typeof transfer.receiveFile>>): FetchedObject => ({
      write: (piece) => incoming.write(piece),
      discard: () => incoming.discard(),
      finish: async () => {
        await transfer.finish(incoming, series.studyInstanceUid);
      },
    });
    const into: FetchedObjects = {
      beginDataSet: async (announced) => keeping(await transfer.receiveDataSet(announced)),
      beginFile: async () => keeping(await transfer.receiveFile()),
    };
    await peer.fetch(series, into);
  } finally {
    await transfer.end();
  }
}
