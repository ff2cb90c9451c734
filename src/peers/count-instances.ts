import { setTimeout as sleep } from 'node:timers/promises';
import { dataset } from '../dicom/build.ts';
import { number } from '../dicom/read-values.ts';
import type { DimseAddress } from './dimse-address.ts';
import { find } from './query-user.ts';

/** A series that is complete is not kept waiting for a peer that is slow. */
const ANSWER_WITHIN_MS = 500;

/**
 * How many instances of a series a peer says it has: Number of Series Related Instances (0020,1209) by C-FIND at the
 * SERIES level (PS3.4 C.6.2.1). Undefined where it does not say, does not answer, or takes longer than half a second.
 */
export async function countInstances(
  address: DimseAddress,
  { studyInstanceUid, seriesInstanceUid }: { readonly studyInstanceUid: string; readonly seriesInstanceUid: string },
): Promise<number | undefined> {
  const asked = dataset({
    QueryRetrieveLevel: 'SERIES',
    StudyInstanceUID: studyInstanceUid,
    SeriesInstanceUID: seriesInstanceUid,
    NumberOfSeriesRelatedInstances: null,
  });
  const answered = (async () => {
    for await (const match of find(address, 'study', asked)) {
      const count = number(match, 'NumberOfSeriesRelatedInstances');
      if (count !== undefined && Number.isInteger(count) && count > 0) return count;
    }
    return undefined;
  })().catch(() => undefined);
  return Promise.race([answered, sleep(ANSWER_WITHIN_MS, undefined, { ref: false })]);
}
