import { readAnalysis, readResults } from '../catalog/analyses.ts';
import type { Database } from '../catalog/database.ts';
import { dataset } from '../dicom/build.ts';
import { deterministicUid } from '../dicom/uid.ts';
import { VoxgateError } from '../errors.ts';
import { notifyOf } from '../peers/availability.ts';
import type { DimseAddress } from '../peers/dimse-address.ts';

export interface NotifyParts {
  readonly database: Database;
  readonly addresses: ReadonlyMap<string, DimseAddress>;
  /** Where the results can be retrieved: our own. */
  readonly retrieveAeTitle: string;
}

/**
 * Tells a peer that the results of an analysis are there (Instance Availability Notification, PS3.4 Annex R). The notice
 * has one UID, however often it is sent.
 */
export async function notifyAvailability(
  { database, addresses, retrieveAeTitle }: NotifyParts,
  { analysisId, peer }: { analysisId: number; peer: string },
): Promise<void> {
  const analysis = await readAnalysis(database, analysisId);
  const results = await readResults(database, analysisId);
  if (!analysis || results.length === 0) return;
  const address = addresses.get(peer);
  if (!address) throw new VoxgateError('bad-setting', `there is no DIMSE peer named ${peer} any more`);
  const series = [...new Set(results.map(({ seriesInstanceUid }) => seriesInstanceUid))];
  const notice = dataset({
    ReferencedPerformedProcedureStepSequence: [],
    StudyInstanceUID: analysis.studyInstanceUid,
    ReferencedSeriesSequence: series.map((uid) => ({
      SeriesInstanceUID: uid,
      ReferencedSOPSequence: results
        .filter(({ seriesInstanceUid }) => seriesInstanceUid === uid)
        .map(({ sopClassUid, sopInstanceUid }) => ({
          ReferencedSOPClassUID: sopClassUid,
          ReferencedSOPInstanceUID: sopInstanceUid,
          InstanceAvailability: 'ONLINE',
          RetrieveAETitle: retrieveAeTitle,
        })),
    })),
  });
  const uids = results.map(({ sopInstanceUid }) => sopInstanceUid).sort();
  await notifyOf(address, deterministicUid('availability', peer, ...uids), notice);
}
