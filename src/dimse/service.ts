import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transfer-syntaxes.ts';
import type { CommandValues, RequestName } from '../network/command-set.ts';
import type { IncomingRequest, IncomingResponse } from '../network/message-exchange.ts';
import type { Payload } from '../network/message-writer.ts';

/** A presentation context that was accepted. */
export interface AcceptedContext {
  readonly id: number;
  readonly abstractSyntaxUid: string;
  readonly transferSyntaxUid: string;
  /** The peer agreed to be the provider of this SOP class too: it takes C-STORE (C-GET) or N-EVENT-REPORT from us. */
  readonly peerIsProvider: boolean;
}

/** What a service may know of the association, and do on it. */
export interface OpenAssociation {
  readonly callingAe: string;
  /** Of the peer's socket. */
  readonly address: string;
  readonly contexts: readonly AcceptedContext[];
  /** Application information that was agreed on for a SOP class (PS3.7 D.3.3.5), undefined where none was proposed. */
  agreed(sopClassUid: string): Buffer | undefined;
  /** Sends a request to the peer. @throws VoxgateError peer-failed */
  request(
    contextId: number,
    name: RequestName,
    values: CommandValues,
    payload: Payload | undefined,
    deadlineMs: number,
  ): Promise<IncomingResponse>;
  /** False once it is over, however it ended. */
  readonly isOpen: boolean;
  /** Since anything came from the peer, in milliseconds. */
  readonly quietMs: number;
  /** Called once when the association is over, however it ends. */
  onEnd(listener: () => void): void;
}

/** A request in the presentation context it came by. */
export interface ServiceRequest extends IncomingRequest {
  readonly abstractSyntaxUid: string;
  readonly transferSyntaxUid: string;
  readonly association: OpenAssociation;
}

/** A service class that this node provides besides storage. */
export interface Service {
  /** Its SOP classes: each is accepted as an abstract syntax. */
  readonly sopClasses: readonly string[];
  readonly requests: readonly RequestName[];
  /** Our answer to the service class application information that the peer proposed (PS3.7 D.3.3.5). */
  agree?(sopClassUid: string, proposed: Buffer): Buffer;
  /** An association was accepted on which the peer proposed one of the SOP classes. */
  opened?(association: OpenAssociation): void;
  /**
   * Answers one request, with `request.respond`; what it throws ends the association, so whatever can be said in a
   * status is.
   */
  perform(request: ServiceRequest): Promise<void>;
}

/** Encodings of identifiers and N-service data sets, best first. */
export const SERVICE_SYNTAXES: readonly string[] = [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN];
