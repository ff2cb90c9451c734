import type { Receipt } from '../archive/receive-instance.ts';
import { dataset, type Fields } from '../dicom/build.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import type { AttributeFault } from '../dicom/read-json-model.ts';
import { isUsableAsUid } from '../dicom/uid.ts';
import type { VoxgateError } from '../errors.ts';
import { retrieveUrl } from './addresses.ts';
import { FAILURE_REASON, PROCESSING_FAILURE, WARNING_INCOMPLETE, WARNING_KEPT_APART } from './failure-reasons.ts';

/** A failure that is not on our list is our own bug. */
export interface FailedPart {
  readonly failure: VoxgateError | undefined;
  /** What was wrong with which attribute. */
  readonly attributes?: readonly AttributeFault[];
}

/** What became of one part or instance. */
export type PartOutcome = { readonly receipt: Receipt } | FailedPart;

/**
 * PS3.18 Table 10.5.3-1: all stored 200; some, or with warnings 202; none 409, or 503 where trying again may help, or 400
 * where not even an object could be made out.
 */
export function statusOf(outcomes: readonly PartOutcome[]): number {
  const receipts = outcomes.flatMap((outcome) => ('receipt' in outcome ? [outcome.receipt] : []));
  const failures = outcomes.flatMap((outcome) => ('receipt' in outcome ? [] : [outcome.failure]));
  if (receipts.length === 0) {
    if (failures.some((failure) => failure?.code === 'out-of-resources')) return 503;
    return failures.every((failure) => failure?.code === 'bad-request' && failure.subject === undefined) ? 400 : 409;
  }
  return failures.length === 0 && receipts.every((receipt) => warningOf(receipt) === undefined) ? 200 : 202;
}

function warningOf(receipt: Receipt): number | undefined {
  if (receipt.outcome === 'conflict') return WARNING_KEPT_APART;
  return receipt.complete && receipt.warnings.length === 0 ? undefined : WARNING_INCOMPLETE;
}

/** A response has its limits, and a request can go wrong in any number of parts. */
const MOST_WARNINGS = 10;
const LONGEST_WARNING = 200;

/** The sentences in full, for the Warning header (RFC 7234 5.5): Error Comment holds 64 characters of one. */
export function warningsOf(outcomes: readonly PartOutcome[]): string {
  const sentences = outcomes.flatMap((outcome) => {
    if ('receipt' in outcome) return outcome.receipt.warnings;
    return [outcome.failure?.message ?? 'processing failure', ...sentencesOf(outcome.attributes ?? [])];
  });
  return [...new Set(sentences)]
    .slice(0, MOST_WARNINGS)
    .map((sentence) => `299 voxgate "${sentence.replace(/[^\x20-\x7e]|["\\]/g, '?').slice(0, LONGEST_WARNING)}"`)
    .join(', ');
}

function sentencesOf(faults: readonly AttributeFault[]): string[] {
  return faults.map(({ tag, sentence }) => `(${tag.slice(0, 4)},${tag.slice(4)}) ${sentence}`);
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
      const about = { ...reasonOf(outcome.failure), ...failedAttributes(sentencesOf(outcome.attributes ?? [])) };
      (subject === undefined ? others : failed).push({ ...subject, ...about });
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
    ...failedAttributes(receipt.warnings),
  };
}

/**
 * Failed Attributes Sequence is of UPS (PS3.3 C.30.1); other servers say with it, as we do, what was wrong with which
 * attribute of a stored or refused object. Items have the attribute (Selector Attribute) and a comment on it.
 */
function failedAttributes(sentences: readonly string[]): Fields {
  if (sentences.length === 0) return {};
  return {
    FailedAttributesSequence: sentences.map((sentence) => {
      const tag = /\(([0-9A-F]{4}),([0-9A-F]{4})\)/.exec(sentence);
      return {
        ErrorComment: commentOf(sentence),
        ...(tag ? { SelectorAttribute: `${tag[1]}${tag[2]}` } : {}),
      };
    }),
  };
}

/** The SOP instance, if the object told it: an item of Failed SOP Sequence has to name both. */
function subjectOf(failure: VoxgateError | undefined): Fields | undefined {
  const { sopClassUid = '', sopInstanceUid = '' } = failure?.subject ?? {};
  if (!isUsableAsUid(sopClassUid) || !isUsableAsUid(sopInstanceUid)) return undefined;
  return { ReferencedSOPClassUID: sopClassUid, ReferencedSOPInstanceUID: sopInstanceUid };
}

/** Error Comment is no part of the module and says what no code can. */
function reasonOf(failure: VoxgateError | undefined): Fields {
  return failure === undefined
    ? { FailureReason: PROCESSING_FAILURE }
    : { FailureReason: FAILURE_REASON[failure.code], ErrorComment: commentOf(failure.message) };
}

/** LO holds 64 characters. */
function commentOf(sentence: string): string {
  return sentence.replaceAll('\\', '/').slice(0, 64);
}
