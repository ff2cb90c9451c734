import type { ErrorCode } from '../errors.ts';

/** Failure Reason (0008,1197) of an object that was not stored (PS3.18 Table I.2-2). */
export const FAILURE_REASON: Readonly<Record<ErrorCode, number>> = {
  'not-dicom': 0xc000,
  unidentifiable: 0xc000,
  mismatch: 0xa900,
  'unsupported-object': 0x0122,
  'bad-request': 0xc000,
  'not-found': 0x0110,
  'not-acceptable': 0x0110,
  'unsupported-media-type': 0xc122,
  'too-large': 0xa700,
  'out-of-resources': 0xa700,
  'not-a-volume': 0x0110,
  undecodable: 0xc122,
  'bad-model': 0x0110,
  'inference-failed': 0x0110,
  'bad-result': 0x0110,
  'peer-failed': 0x0110,
  'bad-setting': 0x0110,
};

/** Processing failure: our own bug. */
export const PROCESSING_FAILURE = 0x0110;

/** Warning Reason (0008,1196): stored, with a remark (PS3.18 Table I.2-1). */
export const WARNING_KEPT_APART = 0xb000;
/** Data Set does not match SOP Class: it breaks off, or attributes are not as they should be. */
export const WARNING_INCOMPLETE = 0xb007;
