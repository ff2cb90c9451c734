import type { CommitmentInstance } from '../catalog/commitments.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { isPresent, items, text } from '../dicom/read-values.ts';
import { isUsableAsUid } from '../dicom/uid.ts';
import { VoxgateError } from '../errors.ts';

/** What a requestor wants kept. */
export interface AskedInstances {
  readonly instances: readonly CommitmentInstance[];
  /** It named studies and series, and wants its answer so. */
  readonly byStudy: boolean;
}

/** More than a whole study of any kind has; one request holds them all in memory. */
export const MOST_INSTANCES = 150_000;

/**
 * Reads a Referenced SOP Sequence (PS3.4 Table J.3-1, PS3.18 J.1), or the Referenced Study Sequence that DICOMweb knows
 * beside it. An instance that is named twice is asked for once.
 * @throws VoxgateError bad-request naming the attribute that is missing or wrong, too-large
 */
export function readAskedInstances(request: JsonDataset): AskedInstances {
  const byStudy = !isPresent(request, 'ReferencedSOPSequence') && isPresent(request, 'ReferencedStudySequence');
  const all = byStudy
    ? instancesOfStudies(request)
    : items(request, 'ReferencedSOPSequence').map((item) => reference(item));
  if (all.length === 0)
    throw new VoxgateError('bad-request', 'Referenced SOP Sequence (0008,1199) is missing or has no item');
  if (all.length > MOST_INSTANCES)
    throw new VoxgateError('too-large', `the request names ${all.length} instances; ${MOST_INSTANCES} are looked at`);
  return { instances: [...new Map(all.map((one) => [nameOf(one), one])).values()], byStudy };
}

function nameOf(one: CommitmentInstance): string {
  return [one.sopClassUid, one.sopInstanceUid, one.studyInstanceUid, one.seriesInstanceUid].join(' ');
}

function instancesOfStudies(request: JsonDataset): CommitmentInstance[] {
  return items(request, 'ReferencedStudySequence').flatMap((study) => {
    const studyInstanceUid = uid(study, 'StudyInstanceUID');
    return items(study, 'ReferencedSeriesSequence').flatMap((series) => {
      const seriesInstanceUid = uid(series, 'SeriesInstanceUID');
      return items(series, 'ReferencedInstancesBySOPClassSequence').flatMap((sopClass) => {
        const sopClassUid = uid(sopClass, 'ReferencedSOPClassUID');
        return items(sopClass, 'ReferencedInstanceSequence').map((instance) => ({
          sopClassUid,
          sopInstanceUid: uid(instance, 'ReferencedSOPInstanceUID'),
          studyInstanceUid,
          seriesInstanceUid,
        }));
      });
    });
  });
}

function reference(item: JsonDataset): CommitmentInstance {
  return {
    sopClassUid: uid(item, 'ReferencedSOPClassUID'),
    sopInstanceUid: uid(item, 'ReferencedSOPInstanceUID'),
  };
}

function uid(item: JsonDataset, keyword: string): string {
  const value = text(item, keyword) ?? '';
  if (!isUsableAsUid(value)) throw new VoxgateError('bad-request', `an item has no usable ${keyword}`);
  return value;
}
