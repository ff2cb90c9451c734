import type { Commitment, CommitmentOutcome } from '../catalog/commitments.ts';
import { dataset, type Fields } from '../dicom/build.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { PROCESSING_FAILURE } from './commitment-check.ts';

/** A verified request: which of its instances are kept safely, and which are not and why. */
export interface CommitmentResult {
  readonly commitment: Commitment;
  readonly outcomes: readonly CommitmentOutcome[];
}

/** Event Type ID of a Storage Commitment Result (PS3.4 Table J.3-2). */
export const REQUEST_SUCCESSFUL = 1;
export const FAILURES_EXIST = 2;

export function eventTypeOf({ outcomes }: CommitmentResult): number {
  return outcomes.every(isCommitted) ? REQUEST_SUCCESSFUL : FAILURES_EXIST;
}

/** Event Information of an N-EVENT-REPORT (PS3.4 Table J.3-2). */
export function eventInformation({ commitment, outcomes }: CommitmentResult, retrieveAeTitle: string): JsonDataset {
  return dataset({
    TransactionUID: commitment.transactionUid,
    RetrieveAETitle: outcomes.some(isCommitted) ? retrieveAeTitle : undefined,
    ...referencesOf(outcomes),
  });
}

/** Storage Commitment Response Module (PS3.18 Table J.2-1): speaks of instances or of studies, as the request did. */
export function responseModule({ commitment, outcomes }: CommitmentResult): JsonDataset {
  if (!commitment.byStudy) return dataset(referencesOf(outcomes));
  const studies = (some: readonly CommitmentOutcome[]) => (some.length === 0 ? undefined : byStudy(some));
  return dataset({
    ReferencedStudySequence: studies(outcomes.filter(isCommitted)),
    FailedStudySequence: studies(outcomes.filter((one) => !isCommitted(one))),
  });
}

function isCommitted({ failureReason }: CommitmentOutcome): boolean {
  return failureReason === 0;
}

function referencesOf(outcomes: readonly CommitmentOutcome[]): Fields {
  const committed = outcomes.filter(isCommitted);
  const failed = outcomes.filter((one) => !isCommitted(one));
  return {
    ReferencedSOPSequence: committed.length === 0 ? undefined : committed.map(referenceTo),
    FailedSOPSequence: failed.length === 0 ? undefined : failed.map(referenceTo),
  };
}

function referenceTo(one: CommitmentOutcome): Fields {
  return {
    ReferencedSOPClassUID: one.sopClassUid,
    ReferencedSOPInstanceUID: one.sopInstanceUid,
    FailureReason: isCommitted(one) ? undefined : (one.failureReason ?? PROCESSING_FAILURE),
  };
}

function byStudy(outcomes: readonly CommitmentOutcome[]): Fields[] {
  return grouped(outcomes, ({ studyInstanceUid }) => studyInstanceUid).map(([study, ofStudy]) => ({
    StudyInstanceUID: study,
    ReferencedSeriesSequence: grouped(ofStudy, ({ seriesInstanceUid }) => seriesInstanceUid).map(
      ([series, ofSeries]) => ({
        SeriesInstanceUID: series,
        ReferencedInstancesBySOPClassSequence: grouped(ofSeries, ({ sopClassUid }) => sopClassUid).map(
          ([sopClass, ofClass]) => ({
            ReferencedSOPClassUID: sopClass,
            ReferencedInstanceSequence: ofClass.map(referenceTo),
          }),
        ),
      }),
    ),
  }));
}

function grouped(
  outcomes: readonly CommitmentOutcome[],
  key: (one: CommitmentOutcome) => string | null | undefined,
): [string, CommitmentOutcome[]][] {
  const groups = new Map<string, CommitmentOutcome[]>();
  for (const one of outcomes) {
    const name = key(one) ?? '';
    const group = groups.get(name);
    if (group) group.push(one);
    else groups.set(name, [one]);
  }
  return [...groups];
}
