/**
 * A DICOM data set in memory: the DICOM JSON Model (PS3.18 Annex F.2), keyed by eight hexadecimal digits.
 * It is what we index, serve as metadata, answer queries with, and build results from.
 */
export type Vr =
  | 'AE'
  | 'AS'
  | 'AT'
  | 'CS'
  | 'DA'
  | 'DS'
  | 'DT'
  | 'FD'
  | 'FL'
  | 'IS'
  | 'LO'
  | 'LT'
  | 'OB'
  | 'OD'
  | 'OF'
  | 'OL'
  | 'OV'
  | 'OW'
  | 'PN'
  | 'SH'
  | 'SL'
  | 'SQ'
  | 'SS'
  | 'ST'
  | 'SV'
  | 'TM'
  | 'UC'
  | 'UI'
  | 'UL'
  | 'UN'
  | 'UR'
  | 'US'
  | 'UT'
  | 'UV';

export interface PersonName {
  readonly Alphabetic?: string;
  readonly Ideographic?: string;
  readonly Phonetic?: string;
}

export type JsonValue = string | number | null | PersonName | JsonDataset;

export interface JsonElement {
  readonly vr: Vr;
  readonly Value?: readonly JsonValue[];
  /** Base64, little endian, for OB OD OF OL OV OW UN. */
  readonly InlineBinary?: string;
  readonly BulkDataURI?: string;
}

/** Keys are tags such as "00100010", ascending. */
export interface JsonDataset {
  readonly [tag: string]: JsonElement;
}
