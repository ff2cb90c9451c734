import { dataset, type Fields } from '../dicom/build.ts';
import { encodePart10 } from '../dicom/write.ts';
import { VoxgateError } from '../errors.ts';
import { CODE, CONCEPT } from './codes.ts';
import { codeValue, objectReference, rootContainer, textValue, uidReference } from './content-items.ts';
import { type ObjectInput, resultObject } from './result-object.ts';

export const KEY_OBJECT_SELECTION_STORAGE = '1.2.840.10008.5.1.4.1.1.88.59';

/** What a rejection note is made of. */
export interface RejectionInput extends ObjectInput {
  /** The study of the source and of what is rejected. */
  readonly studyInstanceUid: string;
  readonly rejected: readonly {
    readonly sopClassUid: string;
    readonly sopInstanceUid: string;
    readonly seriesInstanceUid: string;
  }[];
  /** For the reader: why. */
  readonly reason: string;
}

/**
 * A rejection note as IHE IOCM has it: a Key Object Selection (PS3.3 A.35.4, TID 2010) titled (113001, DCM, "Rejected for
 * Quality Reasons") that names results of ours a newer analysis took the place of. An archive that follows IOCM hides them
 * for good; one that does not shows a note beside them. Part 10, the same input gives the same bytes.
 *
 * @throws VoxgateError bad-result when there is nothing to reject
 */
export function buildRejectionNote(input: RejectionInput): Buffer {
  if (input.rejected.length === 0) throw new VoxgateError('bad-result', 'a rejection note that rejects nothing');
  const bySeries = seriesOf(input);
  const fields: Fields = {
    ...resultObject(
      { sopClassUid: KEY_OBJECT_SELECTION_STORAGE, modality: 'KO' },
      { ...input, seriesDescription: `AI ${input.algorithm.name} superseded` },
    ),
    ReferencedPerformedProcedureStepSequence: [],
    CurrentRequestedProcedureEvidenceSequence: [
      {
        StudyInstanceUID: input.studyInstanceUid,
        ReferencedSeriesSequence: [...bySeries].map(([seriesInstanceUid, instances]) => ({
          SeriesInstanceUID: seriesInstanceUid,
          ReferencedSOPSequence: instances.map(({ sopClassUid, sopInstanceUid }) => ({
            ReferencedSOPClassUID: sopClassUid,
            ReferencedSOPInstanceUID: sopInstanceUid,
          })),
        })),
      },
    ],
    ...rootContainer(CONCEPT.rejectedForQuality, '2010', [
      codeValue('HAS OBS CONTEXT', CONCEPT.observerType, CODE.device),
      uidReference('HAS OBS CONTEXT', CONCEPT.deviceObserverUid, input.device.uid),
      textValue('HAS OBS CONTEXT', CONCEPT.deviceObserverName, input.device.name),
      textValue('CONTAINS', CONCEPT.keyObjectDescription, input.reason),
      ...input.rejected.map(objectReference),
    ]),
  };
  return encodePart10(dataset(fields));
}

function seriesOf({ rejected }: RejectionInput): Map<string, RejectionInput['rejected'][number][]> {
  const bySeries = new Map<string, RejectionInput['rejected'][number][]>();
  for (const one of rejected)
    bySeries.set(one.seriesInstanceUid, [...(bySeries.get(one.seriesInstanceUid) ?? []), one]);
  return bySeries;
}
