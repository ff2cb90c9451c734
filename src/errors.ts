/**
 * The closed list of what can go wrong, in our own words. Each door maps it exhaustively to its wire
 * (`Record<ErrorCode, …>`); what is not on the list is our own bug.
 */
export type ErrorCode =
  /** The bytes are not DICOM, or break off where they may not. */
  | 'not-dicom'
  /** DICOM, but an identifier we cannot live without is missing or unusable. */
  | 'unidentifiable'
  /** The object is not what the request said it was (other SOP Instance UID, other study). */
  | 'mismatch'
  /** A composite instance we do not keep (a DICOMDIR, for one). */
  | 'unsupported-object'
  /** The request itself cannot be understood. */
  | 'bad-request'
  /** Nothing here under that name. */
  | 'not-found'
  /** It exists, but not in a representation the caller accepts. */
  | 'not-acceptable'
  /** The body is of a media type we do not take. */
  | 'unsupported-media-type'
  /** Larger than a stated limit. */
  | 'too-large'
  /** Disk, memory or a peer is at its limit; trying again later may help. */
  | 'out-of-resources'
  /** The series is no volume this node can analyse; says why. */
  | 'not-a-volume'
  /** A codec or pixel layout that cannot be decoded here; names the syntax. */
  | 'undecodable'
  /** A model package is wrong: says which file and key. */
  | 'bad-model'
  /** An inference lane failed or ran out of time. */
  | 'inference-failed'
  /** A result object of ours that does not hold what it should: it is not sent. */
  | 'bad-result'
  /** A peer refused, did not answer, or answered with a failure. */
  | 'peer-failed'
  /** A setting is wrong; names it. */
  | 'bad-setting';

export interface Subject {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
}

/** One code from the list, a sentence for the operator (never a patient's name or ID), the cause kept. */
export class VoxgateError extends Error {
  readonly code: ErrorCode;
  /** The SOP instance it is about, where that could be read. */
  readonly subject: Subject | undefined;
  constructor(code: ErrorCode, sentence: string, options: { cause?: unknown; subject?: Subject } = {}) {
    super(sentence, options);
    this.name = 'VoxgateError';
    this.code = code;
    this.subject = options.subject;
  }
}

/** The sentence of anything thrown; for logs and reasons, where only the message is wanted. */
export function sentenceOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
