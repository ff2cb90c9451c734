import type { Socket } from 'node:net';
import type { Transfer } from '../archive/transfer.ts';
import type { Log } from '../log.ts';
import { COMMAND_FIELDS, type Command } from '../network/command-set.ts';
import { type DataSetSink, type IncomingRequest, MessageExchange } from '../network/message-exchange.ts';
import type { MessageWriter } from '../network/message-writer.ts';
import { PduError } from '../network/pdu-reader.ts';
import type { CallerPolicy } from '../peer-settings.ts';
import type { ByteBudget, Hold } from './byte-budget.ts';
import { allowsSopClass } from './caller-policy.ts';
import type { Negotiated } from './negotiate.ts';
import type { AcceptedContext, OpenAssociation, Service } from './service.ts';
import { StoreSink } from './store-sink.ts';

export interface MessageParts {
  readonly socket: Socket;
  readonly writer: MessageWriter;
  /** By SOP class. */
  readonly services: ReadonlyMap<string, Service>;
  /** Messages that are gathered in memory, of all associations. */
  readonly memory: ByteBudget;
  readonly log: Log;
  /** Is told of an error in a service: the association cannot go on. */
  readonly fail: (error: unknown) => void;
}

/** Who came in, and with what. */
export interface Accepted {
  readonly callingAe: string;
  readonly address: string;
  readonly policy: CallerPolicy;
  readonly negotiated: Negotiated;
  readonly quota: ByteBudget | undefined;
  /** Undefined once the association has been released. */
  readonly transfer: () => Transfer | undefined;
}

const REFUSED_SOP_CLASS_NOT_SUPPORTED = 0x0122;
const UNRECOGNIZED_OPERATION = 0x0211;

/** The messages of one association: objects go to their store, requests to their service, and all are counted. */
export class AssociationMessages {
  readonly #parts: MessageParts;
  readonly #exchange: MessageExchange;
  /** What is gathered of data sets, and what of objects is not yet committed (of the quota of the peer). */
  readonly #memory: Hold;
  #quota: Hold | undefined;
  #accepted: Accepted | undefined;
  #storing = false;
  #lastHeard = performance.now();
  readonly #endListeners: (() => void)[] = [];

  constructor(parts: MessageParts) {
    this.#parts = parts;
    this.#memory = parts.memory.open();
    const handlers = {
      openSink: (command: Command, contextId: number) => this.#openSink(command, contextId),
      perform: (request: IncomingRequest) => this.#perform(request),
    };
    this.#exchange = new MessageExchange(parts.writer, handlers, parts.fail);
  }

  /** True while a request is being answered or a response awaited: silence is ours then. */
  get performing(): boolean {
    return this.#exchange.performing;
  }

  /** True while a message has begun to come and has not ended. */
  get receiving(): boolean {
    return this.#exchange.receiving;
  }

  /** Something came. */
  heard(): void {
    this.#lastHeard = performance.now();
  }

  /** The caller has been let in. */
  accept(accepted: Accepted): void {
    const { services } = this.#parts;
    this.#accepted = accepted;
    this.#quota = accepted.quota?.open();
    const contexts = [...accepted.negotiated.contexts.values()];
    for (const service of new Set(contexts.map((context) => services.get(context.abstractSyntaxUid))))
      service?.opened?.(this.#opened(accepted));
  }

  /**
   * Takes a piece of a message; the reader waits for what it returns.
   * @throws PduError for what is no message
   */
  takeFragment(contextId: number, isCommand: boolean, piece: Buffer, last: boolean): Promise<void> | undefined {
    if (!this.#accepted) throw new PduError('data came without an association', 2);
    const taken = this.#exchange.takeFragment(contextId, isCommand, piece, last);
    return isCommand ? taken : this.#account(piece.length, last, taken);
  }

  /** The association is over; resolves when what it staged is stored or gone. */
  async end(): Promise<void> {
    this.#memory.close();
    this.#quota?.close();
    for (const listener of this.#endListeners) listener();
    await this.#exchange.end();
  }

  /** Where too many bytes are under way, the sender waits. */
  #account(bytes: number, last: boolean, taken: Promise<void> | undefined): Promise<void> | undefined {
    // An object goes to the disk as it comes, and takes no memory that grows: it counts for the quota alone.
    if (this.#storing && last) return this.#finishStoring(taken);
    const turn = this.#storing
      ? this.#quota?.set(this.#quota.bytes + bytes)
      : this.#memory.set(this.#exchange.heldBytes);
    if (!turn) return taken;
    return taken ? taken.then(() => turn) : turn;
  }

  async #finishStoring(taken: Promise<void> | undefined): Promise<void> {
    await taken;
    this.#storing = false;
    void this.#quota?.set(0);
  }

  #openSink(command: Command, contextId: number): Promise<DataSetSink> | undefined {
    if (command.commandField !== COMMAND_FIELDS['C-STORE-RQ']) return undefined;
    this.#storing = true;
    const context = this.#accepted?.negotiated.contexts.get(contextId);
    return StoreSink.open({
      command,
      transferSyntaxUid: context?.transferSyntaxUid,
      allowed: context !== undefined && this.#mayStore(command, context),
      transfer: this.#accepted?.transfer(),
      callingAe: this.#accepted?.callingAe ?? '',
      log: this.#parts.log,
      respond: (values) => this.#exchange.respond(contextId, command, values),
    });
  }

  /** Not on the context of another service, and no class that the context was only a pretext for. */
  #mayStore({ affectedSopClassUid = '' }: Command, { abstractSyntaxUid }: AcceptedContext): boolean {
    const { services } = this.#parts;
    const { policy = {} } = this.#accepted ?? {};
    return !services.has(abstractSyntaxUid) && allowsSopClass(policy, affectedSopClassUid, undefined);
  }

  async #perform(request: IncomingRequest): Promise<void> {
    const accepted = this.#accepted;
    const context = accepted?.negotiated.contexts.get(request.contextId);
    const service = context && this.#parts.services.get(context.abstractSyntaxUid);
    if (!accepted || !context || !service) return request.respond({ status: REFUSED_SOP_CLASS_NOT_SUPPORTED });
    const known = service.requests.some((name) => COMMAND_FIELDS[name] === request.command.commandField);
    if (!known) return request.respond({ status: UNRECOGNIZED_OPERATION });
    const { abstractSyntaxUid, transferSyntaxUid } = context;
    await service.perform({ ...request, abstractSyntaxUid, transferSyntaxUid, association: this.#opened(accepted) });
    void this.#memory.set(this.#exchange.heldBytes - (request.dataSet?.length ?? 0));
  }

  #opened({ callingAe, address, negotiated }: Accepted): OpenAssociation {
    const { socket } = this.#parts;
    const heard = () => this.#lastHeard;
    return {
      get isOpen() {
        return socket.writable;
      },
      get quietMs() {
        return performance.now() - heard();
      },
      callingAe,
      address,
      contexts: [...negotiated.contexts.values()],
      agreed: (uid) => negotiated.agreed.get(uid),
      request: (...asked) => this.#exchange.request(...asked),
      onEnd: (listener) => this.#endListeners.push(listener),
    };
  }
}
