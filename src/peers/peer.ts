import type { JsonDataset } from '../dicom/dataset.ts';
import type { StoredObject } from '../network/send-object.ts';

/** One object to be sent, as it is stored. */
export type OutgoingObject = StoredObject;

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

/** Query/Retrieve information models (PS3.4 C.6). */
export type QueryModel = 'patient' | 'study';

/** What a retrieval came to (PS3.4 C.4.2.1.6 and C.4.3.1.5). */
export interface RetrieveResult {
  readonly status: number;
  readonly completed: number;
  readonly failed: number;
  readonly warning: number;
  /** Failed SOP Instance UID List (0008,0058). */
  readonly failedSopInstanceUids: readonly string[];
}

/** Where a C-GET puts what comes: the archive's transfer fits. */
export interface RetrievedObjects {
  begin(announced: {
    readonly sopClassUid: string;
    readonly sopInstanceUid: string;
    readonly transferSyntaxUid: string;
  }): Promise<IncomingObject>;
}

/** One object that comes in. */
export interface IncomingObject {
  /** Awaiting what it returns slows the sender. */
  write(piece: Buffer): Promise<void> | undefined;
  /** Makes it durable. @throws VoxgateError why it is not kept */
  finish(): Promise<void>;
  discard(): Promise<void>;
}

/** A peer that can be asked what it holds, and for it. Each call is one association. */
export interface QueryPeer extends Peer {
  /** The matches as they come; leaving the loop cancels the query. @throws VoxgateError peer-failed */
  find(model: QueryModel, identifier: JsonDataset): AsyncGenerator<JsonDataset, void>;
  /**
   * Has the peer send to another node, known to it by its AE title (C-MOVE).
   * @throws VoxgateError peer-failed where it ends with a failure status
   */
  move(model: QueryModel, identifier: JsonDataset, destination: string): Promise<RetrieveResult>;
  /**
   * Has the peer send on this very association (C-GET): for peers that cannot open one to us.
   * @param sopClassUids of what may come; at most 63: each takes two of 128 contexts
   * @throws VoxgateError peer-failed where it ends with a failure status
   */
  get(
    model: QueryModel,
    identifier: JsonDataset,
    sopClassUids: readonly string[],
    into: RetrievedObjects,
  ): Promise<RetrieveResult>;
}
