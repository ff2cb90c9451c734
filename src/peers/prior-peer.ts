/** Which earlier series are looked for: of one patient, by ID and issuer. */
export interface PriorQuery {
  readonly patientId: string;
  /** Where the present study says; what the peer says otherwise is another patient. */
  readonly issuer: string | undefined;
  /** Days, "YYYYMMDD", both included. */
  readonly from: string;
  readonly to: string;
  readonly modality: string;
}

export interface EarlierSeries {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  /** "YYYYMMDD" */
  readonly studyDate: string;
  readonly bodyPart: string | undefined;
}

/** Where fetched objects go; the archive's transfer fits. */
export interface FetchedObjects {
  beginDataSet(announced: {
    readonly sopClassUid: string;
    readonly sopInstanceUid: string;
    readonly transferSyntaxUid: string;
  }): Promise<FetchedObject>;
  /** A whole PS3.10 file. */
  beginFile(): Promise<FetchedObject>;
}

export interface FetchedObject {
  write(piece: Buffer): Promise<void> | undefined;
  finish(): Promise<void>;
  discard(): Promise<void>;
}

/** A peer that may hold earlier studies. */
export interface PriorPeer {
  readonly name: string;
  /** The newest study first. @throws VoxgateError peer-failed */
  findEarlier(query: PriorQuery): Promise<EarlierSeries[]>;
  /** Brings a series here, by whichever way the peer has. @throws VoxgateError peer-failed */
  fetch(series: EarlierSeries, into: FetchedObjects): Promise<void>;
}

/** Studies of one patient that are looked at; more are no comparison but an archive. */
export const MOST_EARLIER_STUDIES = 8;

/** A value that would be a wild card, or a list, asks for other patients too: it is not asked for. */
export function isSingleValue(value: string): boolean {
  return value !== '' && !/[*?\\]/.test(value);
}
