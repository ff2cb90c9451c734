import type { Receipt } from '../archive/receive-instance.ts';
import { dataset, type Fields } from '../dicom/build.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { isUsableAsUid } from '../dicom/uid.ts';
import type { VoxgateError } from '../errors.ts';
import { retrieveUrl } from './addresses.ts';
import { FAILURE_REASON, PROCESSING_FAILURE, WARNING_INCOMPLETE, WARNING_KEPT_APART } from './failure-reasons.ts';

/** What became of one part; a failure that is not on our list is our own bug. */
export type PartOutcome = { readonly receipt: Receipt } | { readonly failure: VoxgateError | undefined };

/** PS3.18 Table 10.5.3-1: all stored 200; some, or with warnings 202; none 409, or 503 where trying again may help. */
export function statusOf(outcomes: readonly PartOutcome[]): number {
  const receipts = outcomes.flatMap((outcome) => ('receipt' in outcome ? [outcome.receipt] : []));
  if (receipts.length === 0)
    return outcomes.some((outcome) => 'failure' in outcome && outcome.failure?.code === 'out-of-resources') ? 503 : 409;
  return receipts.length === outcomes.length && receipts.every((receipt) => warningOf(receipt) === undefined)
    ? 200
    : 202;
}

function warningOf(receipt: Receipt): number | undefined {
  if (receipt.outcome === 'conflict') return WARNING_KEPT_APART;
  return receipt.complete ? undefined : WARNING_INCOMPLETE;
}

/** The Store Instances Response Module (PS3.18 Table I.1-1). */
export function storeResponse(outcomes: readonly PartOutcome[], root: string): JsonDataset {
  const referenced: Fields[] = [];
  const failed: Fields[] = [];
  const others: Fields[] = [];
  const studies = new Set<string>();
  for (const outcome of outcomes) {
    if ('receipt' in outcome) {
      referenced.push(referenceOf(outcome.receipt, root));
      if (outcome.receipt.outcome !== 'conflict') studies.add(outcome.receipt.studyInstanceUid);
    } else {
      const subject = subjectOf(outcome.failure);
      (subject === undefined ? others : failed).push({ ...subject, ...reasonOf(outcome.failure) });
    }
  }
  const [study] = studies;
  return dataset({
    RetrieveURL: study !== undefined && studies.size === 1 ? retrieveUrl(root, { studyInstanceUid: study }) : null,
    ReferencedSOPSequence: referenced.length > 0 ? referenced : undefined,
    FailedSOPSequence: failed.length > 0 ? failed : undefined,
    OtherFailuresSequence: others.length > 0 ? others : undefined,
  });
}

function referenceOf(receipt: Receipt, root: string): Fields {
  return {
    ReferencedSOPClassUID: receipt.sopClassUid,
    ReferencedSOPInstanceUID: receipt.sopInstanceUid,
    // What is kept apart cannot be retrieved: under its address lies the object that came first, or nothing.
    RetrieveURL: receipt.outcome === 'conflict' ? null : retrieveUrl(root, receipt),
    WarningReason: warningOf(receipt),
  };
}

/** The SOP instance, if the object told it: an item of Failed SOP Sequence has to name both. */
function subjectOf(failure: VoxgateError | undefined): Fields | undefined {
  const { sopClassUid = '', sopInstanceUid = '' } = failure?.subject ?? {};
  if (!isUsableAsUid(sopClassUid) || !isUsableAsUid(sopInstanceUid)) return undefined;
  return { ReferencedSOPClassUID: sopClassUid, ReferencedSOPInstanceUID: sopInstanceUid };
}

/** Error Comment is no part of the module and says what no code can: LO holds 64 characters. */
function reasonOf(failure: VoxgateError | undefined): Fields {
  return failure === undefined
    ? { FailureReason: PROCESSING_FAILURE }
    : { FailureReason: FAILURE_REASON[failure.code], ErrorComment: failure.message.slice(0, 64) };
}
