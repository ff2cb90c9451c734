import type { ExpectedInstance } from '../catalog/availability.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { items, text } from '../dicom/read-values.ts';
import { isUsableAsUid } from '../dicom/uid.ts';

/** What a procedure step says it made, by its Performed Series Sequence (PS3.3 C.4.15); items without UIDs say nothing. */
export function performedInstances(step: JsonDataset): ExpectedInstance[] {
  const studies = studyUidsOf(step);
  // A step for several requested procedures (PS3.17) may have made images of each: the study is not known then.
  const studyInstanceUid = studies.length === 1 ? studies[0]! : null;
  return items(step, 'PerformedSeriesSequence')
    .flatMap((series) => {
      const seriesInstanceUid = text(series, 'SeriesInstanceUID') ?? '';
      const references = [
        ...items(series, 'ReferencedImageSequence'),
        ...items(series, 'ReferencedNonImageCompositeSOPInstanceSequence'),
      ];
      return references.map((reference) => ({
        ...referenced(reference),
        studyInstanceUid,
        seriesInstanceUid,
        retrieveAeTitle: null,
        availability: null,
      }));
    })
    .filter(isUsable);
}

/** What a notice says is available (PS3.3 C.4.23). */
export function announcedInstances(notice: JsonDataset): ExpectedInstance[] {
  const study = text(notice, 'StudyInstanceUID') ?? '';
  const studyInstanceUid = isUsableAsUid(study) ? study : null;
  return items(notice, 'ReferencedSeriesSequence')
    .flatMap((series) => {
      const seriesInstanceUid = text(series, 'SeriesInstanceUID') ?? '';
      return items(series, 'ReferencedSOPSequence').map((reference) => ({
        ...referenced(reference),
        studyInstanceUid,
        seriesInstanceUid,
        retrieveAeTitle: shortText(reference, 'RetrieveAETitle'),
        availability: shortText(reference, 'InstanceAvailability'),
      }));
    })
    .filter(isUsable);
}

/** Study Instance UIDs of the Scheduled Step Attributes Sequence. */
export function studyUidsOf(step: JsonDataset): string[] {
  const uids = items(step, 'ScheduledStepAttributesSequence').map((item) => text(item, 'StudyInstanceUID') ?? '');
  return [...new Set(uids.filter(isUsableAsUid))];
}

function referenced(reference: JsonDataset): { sopClassUid: string; sopInstanceUid: string } {
  return {
    sopClassUid: text(reference, 'ReferencedSOPClassUID') ?? '',
    sopInstanceUid: text(reference, 'ReferencedSOPInstanceUID') ?? '',
  };
}

/** AE and CS hold 16 characters (PS3.5 6.2). */
function shortText(reference: JsonDataset, keyword: string): string | null {
  const value = text(reference, keyword);
  return value !== undefined && /^[\x20-\x7e]{1,16}$/.test(value) ? value : null;
}

function isUsable({ seriesInstanceUid, sopClassUid, sopInstanceUid }: ExpectedInstance): boolean {
  return [seriesInstanceUid, sopClassUid, sopInstanceUid].every(isUsableAsUid);
}
