import type { Command, CommandValues, RequestName } from '../network/command-set.ts';
import type { DataSetSink, IncomingRequest, IncomingResponse } from '../network/message-exchange.ts';
import type { Payload } from '../network/message-writer.ts';
import type { AcceptedContext, NegotiatedItems } from './association-pdus.ts';
import type { RequestorDeadlines } from './dimse-address.ts';

export interface RequestorOptions extends NegotiatedItems {
  readonly deadlines?: Partial<RequestorDeadlines>;
  /** Answers what the peer asks on the association; left out, it is told that nothing is provided. */
  readonly onRequest?: (request: IncomingRequest, context: AcceptedContext) => Promise<void>;
  /** Takes the data set of a request as it comes (C-STORE of a C-GET); undefined has it gathered for `onRequest`. */
  readonly openSink?: (request: IncomingStore) => Promise<DataSetSink> | undefined;
}

/** A request whose data set is still to come. */
export interface IncomingStore {
  readonly command: Command;
  readonly context: AcceptedContext;
  respond(values: CommandValues): Promise<void>;
}

/** An association that we opened. */
export interface RequestorAssociation {
  readonly contexts: readonly AcceptedContext[];
  /** Application information that the peer agreed on (PS3.7 D.3.3.5). */
  agreed(sopClassUid: string): Buffer | undefined;
  /** True until it was released, aborted or lost. */
  readonly isOpen: boolean;
  /**
   * Sends a request and waits for its response; after an error the association is aborted.
   * @throws VoxgateError peer-failed with the reason
   */
  request(
    contextId: number,
    name: RequestName,
    values: CommandValues,
    payload?: Payload,
    deadlineMs?: number,
  ): Promise<IncomingResponse>;
  /** The same for C-FIND, C-GET and C-MOVE: every response as it comes. Left early, it sends C-CANCEL-RQ. */
  requestMany(
    contextId: number,
    name: RequestName,
    values: CommandValues,
    payload?: Payload,
    deadlineMs?: number,
  ): AsyncGenerator<IncomingResponse, void>;
  /** Never fails: once everything is answered, how the peer takes its leave is all the same. */
  release(): Promise<void>;
  abort(): void;
}
