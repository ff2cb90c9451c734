/** One object to be sent, as it is stored. */
export interface OutgoingObject {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly transferSyntaxUid: string;
  /** The whole PS3.10 file. */
  readFile(): Promise<Buffer>;
  /** Where the data set begins in it. */
  readonly dataSetOffset: number;
}

/** Another node, reached by DIMSE or DICOMweb. */
export interface Peer {
  readonly name: string;
  /**
   * Sends all of them, in order; a peer that holds one already may say so with a warning.
   * @throws VoxgateError peer-failed: what was refused and with which status; none or some were taken then, and
   * sending all of them again is safe
   */
  store(objects: readonly OutgoingObject[]): Promise<void>;
  /** @throws VoxgateError peer-failed when the peer does not answer as a DICOM node */
  echo(): Promise<void>;
}
