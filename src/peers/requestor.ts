import type { Socket } from 'node:net';
import { sentenceOf, VoxgateError } from '../errors.ts';
import type { Command, CommandValues, RequestName } from '../network/command-set.ts';
import {
  type DataSetSink,
  type IncomingRequest,
  type IncomingResponse,
  MessageExchange,
} from '../network/message-exchange.ts';
import { MessageWriter, type Payload } from '../network/message-writer.ts';
import { PduError, PduReader } from '../network/pdu-reader.ts';
import {
  type Acceptance,
  type AcceptedContext,
  AssociationPdus,
  MOST_CONTEXTS,
  type Proposal,
} from './association-pdus.ts';
import { connect } from './connect.ts';
import { type DimseAddress, REQUESTOR_DEADLINES, type RequestorDeadlines } from './dimse-address.ts';

import type { RequestorAssociation, RequestorOptions } from './requestor-association.ts';

export { type AcceptedContext, MOST_CONTEXTS, type Proposal } from './association-pdus.ts';
export type { DimseAddress, RequestorDeadlines } from './dimse-address.ts';
export type { IncomingStore, RequestorAssociation, RequestorOptions } from './requestor-association.ts';

const UNRECOGNIZED_OPERATION = 0x0211;
const ABORT_TAKEN_WITHIN_MS = 2000;

/**
 * Opens an association as its requestor.
 * @throws VoxgateError peer-failed: whom, and in words why
 */
export async function openAssociation(
  address: DimseAddress,
  proposals: readonly Proposal[],
  options: RequestorOptions = {},
): Promise<RequestorAssociation> {
  if (proposals.length > MOST_CONTEXTS)
    throw failure(address, `${proposals.length} presentation contexts do not go over one association`);
  const deadlines = { ...REQUESTOR_DEADLINES, ...options.deadlines };
  const socket = await connect(address, deadlines.connect).catch((cause: unknown) => {
    throw failure(address, sentenceOf(cause), cause);
  });
  const association = new OpenedAssociation(socket, address, { ...options, deadlines });
  await association.associate(proposals);
  return association;
}

function failure({ calledAe, host, port }: DimseAddress, reason: string, cause?: unknown): VoxgateError {
  return new VoxgateError('peer-failed', `${calledAe} at ${host}:${port}: ${reason}`, { cause });
}

type Options = RequestorOptions & { readonly deadlines: RequestorDeadlines };

/** Bytes come by our reader and messages go by our exchange, as on the provider's side (dimse/association.ts). */
class OpenedAssociation implements RequestorAssociation {
  readonly #socket: Socket;
  readonly #address: DimseAddress;
  readonly #options: Options;
  readonly #pdus: AssociationPdus;
  readonly #writer: MessageWriter;
  readonly #exchange: MessageExchange;
  readonly #reader: PduReader;
  readonly #closed: Promise<void>;
  #acceptance: Acceptance | undefined;
  /** Settle what is waited for: the answer to the association request, the one to the release. */
  #associated: (error?: Error) => void = () => undefined;
  #released: () => void = () => undefined;
  /** Why it is over, once it is. */
  #over: string | undefined;

  constructor(socket: Socket, address: DimseAddress, options: Options) {
    this.#socket = socket;
    this.#address = address;
    this.#options = options;
    this.#pdus = new AssociationPdus(socket, {
      accepted: (acceptance) => this.#accepted(acceptance),
      ended: (reason) => this.#end(reason),
      releaseRequested: () => this.#end('the peer released the association'),
      released: () => this.#released(),
      failed: (error) => this.#fail(error),
    });
    this.#writer = new MessageWriter(socket, options.deadlines.write);
    this.#exchange = new MessageExchange(
      this.#writer,
      {
        openSink: (command, contextId) => this.#openSink(command, contextId),
        perform: (request) => this.#perform(request),
      },
      (error) => this.#fail(error),
    );
    this.#reader = new PduReader({
      control: (pdu) => this.#pdus.take(pdu),
      fragment: (contextId, isCommand, piece, last) => this.#takeFragment(contextId, isCommand, piece, last),
    });
    this.#closed = this.#serve();
  }

  get contexts(): readonly AcceptedContext[] {
    return this.#acceptance?.contexts ?? [];
  }

  agreed(sopClassUid: string): Buffer | undefined {
    return this.#acceptance?.items.extended.get(sopClassUid);
  }

  get isOpen(): boolean {
    return this.#over === undefined;
  }

  async associate(proposals: readonly Proposal[]): Promise<void> {
    const { associate } = this.#options.deadlines;
    const late = `no answer to the association request within ${associate / 1000} s`;
    const timer = setTimeout(() => this.#end(late), associate);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#associated = (error) => (error ? reject(error) : resolve());
        this.#pdus.request(this.#address, proposals, this.#options);
      });
    } finally {
      clearTimeout(timer);
    }
  }

  #accepted(acceptance: Acceptance): void {
    this.#acceptance = acceptance;
    this.#writer.maxPduLength = acceptance.maxPduLength;
    this.#associated();
  }

  async release(): Promise<void> {
    if (!this.isOpen) return this.#closed;
    const { release } = this.#options.deadlines;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, release);
      this.#released = () => {
        clearTimeout(timer);
        resolve();
      };
      this.#pdus.sendAssociationReleaseRequest();
    });
    this.#end('it was released');
    await this.#closed;
  }

  abort(): void {
    this.#fail(new Error('we aborted the association'));
  }

  #fail(error: unknown): void {
    if (this.isOpen && this.#socket.writable) this.#pdus.abortAsUser();
    this.#end(sentenceOf(error));
  }

  /** Over for the reason given; the first reason counts. */
  #end(reason: string): void {
    if (this.#over !== undefined) return;
    this.#over = reason;
    this.#associated(this.#failure());
    this.#released();
    this.#socket.removeAllListeners('data');
    this.#socket.destroySoon();
    const timer = setTimeout(() => this.#socket.destroy(), ABORT_TAKEN_WITHIN_MS);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  #failure(): VoxgateError {
    return failure(this.#address, this.#over ?? 'the association is over');
  }

  async #serve(): Promise<void> {
    const socket = this.#socket;
    await new Promise<void>((resolve) => {
      socket.on('data', (chunk: Buffer) => this.#takeChunk(chunk));
      socket.once('close', resolve);
      if (socket.destroyed) resolve();
    });
    this.#end('the connection was closed before the end');
    await this.#exchange.end();
  }

  /** What was read while a sink makes us wait stays in the socket: a slow disk slows the sender. */
  #takeChunk(chunk: Buffer): void {
    try {
      const wait = this.#reader.push(chunk);
      if (!wait) return;
      this.#socket.pause();
      wait.then(
        () => this.#socket.resume(),
        (error: unknown) => this.#fail(error),
      );
    } catch (error) {
      this.#fail(error);
    }
  }

  // Messages

  async request(
    contextId: number,
    name: RequestName,
    values: CommandValues,
    payload?: Payload,
    deadlineMs: number = this.#options.deadlines.response,
  ): Promise<IncomingResponse> {
    try {
      return await this.#exchange.request(contextId, name, values, payload, deadlineMs);
    } catch (error) {
      throw this.#lost(error);
    }
  }

  async *requestMany(
    contextId: number,
    name: RequestName,
    values: CommandValues,
    payload?: Payload,
    deadlineMs: number = this.#options.deadlines.response,
  ): AsyncGenerator<IncomingResponse, void> {
    try {
      yield* this.#exchange.requestMany(contextId, name, values, payload, deadlineMs);
    } catch (error) {
      throw this.#lost(error);
    }
  }

  /** What did not come in time may still come: nothing further can be asked on this association. */
  #lost(error: unknown): unknown {
    this.#fail(error);
    return error instanceof VoxgateError && error.code === 'peer-failed' ? this.#failure() : error;
  }

  #takeFragment(contextId: number, isCommand: boolean, piece: Buffer, last: boolean): Promise<void> | undefined {
    if (!this.#acceptance) throw new PduError('data came before the association was accepted', 2);
    return this.#exchange.takeFragment(contextId, isCommand, piece, last);
  }

  #openSink(command: Command, contextId: number): Promise<DataSetSink> | undefined {
    const context = this.contexts.find(({ id }) => id === contextId);
    if (!context) return undefined;
    const respond = (values: CommandValues): Promise<void> => this.#exchange.respond(contextId, command, values);
    return this.#options.openSink?.({ command, context, respond });
  }

  async #perform(request: IncomingRequest): Promise<void> {
    const context = this.contexts.find(({ id }) => id === request.contextId);
    if (context && this.#options.onRequest) await this.#options.onRequest(request, context);
    else await request.respond({ status: UNRECOGNIZED_OPERATION });
  }
}
