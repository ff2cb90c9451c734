import type { Receipt } from '../archive/receive-instance.ts';
import type { ErrorCode } from '../errors.ts';

/** Status of a C-STORE response and what to say with it (PS3.4 Table B.2-1; Error Comment (0000,0902) LO). */
export interface StoreStatus {
  readonly status: number;
  readonly comment?: string;
}

export const PROCESSING_FAILURE = 0x0110;
const OUT_OF_RESOURCES = 0xa700;
const DATA_SET_DOES_NOT_MATCH = 0xa900;
const CANNOT_UNDERSTAND = 0xc000;
/** Warnings: stored, and something is to be known about it. */
const COERCION = 0xb000;
const DATA_SET_DOES_NOT_MATCH_WARNING = 0xb007;

const STATUS_OF: Readonly<Record<ErrorCode, number>> = {
  'not-dicom': CANNOT_UNDERSTAND,
  unidentifiable: CANNOT_UNDERSTAND,
  mismatch: DATA_SET_DOES_NOT_MATCH,
  'unsupported-object': CANNOT_UNDERSTAND,
  'bad-request': CANNOT_UNDERSTAND,
  'not-found': PROCESSING_FAILURE,
  'not-acceptable': PROCESSING_FAILURE,
  'unsupported-media-type': PROCESSING_FAILURE,
  'too-large': OUT_OF_RESOURCES,
  'out-of-resources': OUT_OF_RESOURCES,
  'not-a-volume': PROCESSING_FAILURE,
  undecodable: PROCESSING_FAILURE,
  'bad-model': PROCESSING_FAILURE,
  'inference-failed': PROCESSING_FAILURE,
  'bad-result': PROCESSING_FAILURE,
  'peer-failed': PROCESSING_FAILURE,
  'bad-setting': PROCESSING_FAILURE,
};

export function failureStatus(code: ErrorCode, sentence: string): StoreStatus {
  return { status: STATUS_OF[code], comment: comment(sentence) };
}

export function receiptStatus(receipt: Receipt): StoreStatus {
  if (receipt.outcome === 'conflict')
    return { status: COERCION, comment: 'UID already held with other content; kept apart' };
  if (!receipt.complete)
    return {
      status: DATA_SET_DOES_NOT_MATCH_WARNING,
      comment: comment(receipt.warnings[0] ?? 'the data set is truncated'),
    };
  return { status: 0 };
}

/** LO holds 64 characters of the default repertoire. */
export function comment(sentence: string): string {
  return sentence.replace(/[^\x20-\x5b\x5d-\x7e]/g, '?').slice(0, 64);
}
