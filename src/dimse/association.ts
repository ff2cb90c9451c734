import type { Socket } from 'node:net';
import type { Archive } from '../archive/archive.ts';
import type { Transfer } from '../archive/transfer.ts';
import { sentenceOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { COMMAND_FIELDS, type Command, type CommandValues, type RequestName } from '../network/command-set.ts';
import { AbortSource, type Association, Scp } from '../network/library.ts';
import {
  type DataSetSink,
  type IncomingRequest,
  type IncomingResponse,
  MessageExchange,
} from '../network/message-exchange.ts';
import { MessageWriter, type Payload } from '../network/message-writer.ts';
import {
  addUserItems,
  extendedItem,
  identityResponseItem,
  readUserItems,
  roleItem,
  type UserItems,
} from '../network/negotiation.ts';
import { PduError, PduReader } from '../network/pdu-reader.ts';
import { type AdmissionSettings, type Rejection, refusalOf } from './admission.ts';
import { answerPresentationContexts, grantedRoles } from './presentation-contexts.ts';
import type { AcceptedContext, OpenAssociation, Service } from './service.ts';
import { StoreSink } from './store-sink.ts';

/** How long each step of a peer may take, in milliseconds. */
export interface Deadlines {
  /** From connection to A-ASSOCIATE-RQ, and from our last word to the end of the connection (ARTIM, PS3.8 9.1.5). */
  readonly artim: number;
  /** Without a byte moved in either direction, while nothing of the peer's is being answered. */
  readonly idle: number;
  /** For the peer to take what we have written. */
  readonly write: number;
}

export interface AssociationParts {
  readonly archive: Archive;
  readonly admission: AdmissionSettings;
  readonly deadlines: Deadlines;
  /** By SOP class. */
  readonly services: ReadonlyMap<string, Service>;
  readonly log: Log;
  /** Associations open now, this one included. */
  readonly openAssociations: () => number;
}

/** What we offer to receive in one PDU. The reader streams, so this costs no memory. */
const MAX_PDU_LENGTH = 131_072;
const A_ASSOCIATE_RQ = 0x01;
const A_ASSOCIATE_AC = 0x02;
const REFUSED_SOP_CLASS_NOT_SUPPORTED = 0x0122;
const UNRECOGNIZED_OPERATION = 0x0211;

/** What of dcmjs-dimse's Network is not in its type declarations and is used here. */
interface NetworkInternals {
  _processPdu(pdu: Buffer): Promise<void>;
}

/**
 * One association as service class provider. The library keeps the association; bytes come to it by our reader, one
 * socket read at a time, so that order is kept and a slow disk slows the sender, and messages go by our exchange.
 */
export class ProviderAssociation extends Scp {
  readonly #socket: Socket;
  readonly #parts: AssociationParts;
  readonly #library: NetworkInternals;
  readonly #writer: MessageWriter;
  readonly #exchange: MessageExchange;
  readonly #reader: PduReader;
  readonly #endListeners: (() => void)[] = [];
  #association: Association | undefined;
  #items: UserItems | undefined;
  #contexts: ReadonlyMap<number, AcceptedContext> = new Map();
  #agreed: ReadonlyMap<string, Buffer> = new Map();
  #transfer: Transfer | undefined;
  /** Resolves when the connection is over and all it staged is stored or gone. */
  readonly done: Promise<void>;

  constructor(socket: Socket, parts: AssociationParts) {
    super(socket);
    this.#socket = socket;
    this.#parts = parts;
    // The library's declarations leave this out; pdu-reader.test.ts and the wire tests hold it.
    this.#library = this as unknown as NetworkInternals;
    this.#writer = new MessageWriter(socket, parts.deadlines.write);
    this.#exchange = new MessageExchange(
      this.#writer,
      {
        openSink: (command, contextId) => this.#openSink(command, contextId),
        perform: (request) => this.#perform(request),
      },
      (error) => this.#abort(sentenceOf(error), 0),
    );
    this.#reader = new PduReader({
      control: (pdu) => this.#takeControl(pdu),
      fragment: (contextId, isCommand, piece, last) => this.#takeFragment(contextId, isCommand, piece, last),
    });
    this.on('networkError', (error: unknown) => this.#abort(sentenceOf(error), 0));
    this.done = this.#serve();
  }

  /** The library would read the socket from its constructor; #serve does instead. */
  _wrapSocket(): void {}

  /** The library's A-ASSOCIATE-AC, with the items that it does not know. */
  _sendPdu(pdu: { writePdu(): Buffer; getType(): number }): void {
    const bytes = pdu.writePdu();
    this.#socket.write(pdu.getType() === A_ASSOCIATE_AC ? addUserItems(bytes, this.#answeredItems()) : bytes);
  }

  async #serve(): Promise<void> {
    const socket = this.#socket;
    const { artim, idle } = this.#parts.deadlines;
    socket.setNoDelay(true);
    socket.setTimeout(idle, () => {
      if (!this.#exchange.performing) this.#abort('nothing moved on the connection for too long', 0);
    });
    socket.on('error', () => undefined);
    const timer = setTimeout(() => {
      if (!this.#association) socket.destroy();
    }, artim);
    await new Promise<void>((resolve) => {
      socket.on('data', (chunk: Buffer) => this.#takeChunk(chunk));
      socket.once('end', () => socket.end());
      socket.once('close', resolve);
    });
    clearTimeout(timer);
    await this.#end();
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

  #fail(error: unknown): void {
    if (error instanceof PduError) this.#abort(error.message, error.abortReason);
    else this.#abort(sentenceOf(error), 0);
  }

  async #end(): Promise<void> {
    for (const listener of this.#endListeners) listener();
    await this.#exchange.end();
    await this.#endTransfer();
  }

  /** Series that gained objects settle from here on. */
  async #endTransfer(): Promise<void> {
    const transfer = this.#transfer;
    this.#transfer = undefined;
    await transfer?.end().catch((error: unknown) => {
      this.#parts.log.error({ reason: sentenceOf(error) }, 'the end of an association could not be recorded');
    });
  }

  get #callingAe(): string {
    return this.#association?.getCallingAeTitle().trim() ?? '';
  }

  // The association

  #takeControl(pdu: Buffer): Promise<void> {
    if (pdu[0] === A_ASSOCIATE_RQ) {
      if (this.#association) throw new PduError('a second association was requested on the connection', 2);
      this.#items = readUserItems(pdu);
    } else if (!this.#association) {
      throw new PduError('a PDU came before an association', 2);
    }
    return this.#library._processPdu(pdu);
  }

  override associationRequested(association: Association): void {
    const { admission, openAssociations, log } = this.#parts;
    this.#association = association;
    const caller = {
      callingAe: this.#callingAe,
      calledAe: association.getCalledAeTitle().trim(),
      address: this.#socket.remoteAddress ?? '',
      identity: this.#items?.identity,
    };
    const refusal = refusalOf(caller, openAssociations(), admission);
    if (refusal) {
      log.warn(
        { callingAe: caller.callingAe, calledAe: caller.calledAe, reason: refusal.because },
        'association refused',
      );
      this.#reject(refusal);
    } else {
      this.#accept(association);
    }
  }

  #accept(association: Association): void {
    const { services, archive } = this.#parts;
    const { roles, extended } = this.#items!;
    const accepted = answerPresentationContexts(association, roles, { services, allows: () => true });
    this.#contexts = new Map(accepted.map((context) => [context.id, context]));
    this.#agreed = new Map(
      [...extended].flatMap(([uid, proposed]) => {
        const answer = services.get(uid)?.agree?.(uid, proposed);
        return answer === undefined ? [] : [[uid, answer] as const];
      }),
    );
    association.setMaxAsyncOpsInvoked(1);
    association.setMaxAsyncOpsPerformed(1);
    // The library answers with the smaller of both sides' lengths; each side states its own (PS3.8 D.1).
    this.#writer.maxPduLength = association.getMaxPduLength();
    association.setMaxPduLength(MAX_PDU_LENGTH);
    this.#transfer = archive.ingest.begin();
    this.sendAssociationAccept();
  }

  #answeredItems(): Buffer[] {
    const { roles, identity } = this.#items!;
    return [
      ...grantedRoles(roles, [...this.#contexts.values()]).map(roleItem),
      ...[...this.#agreed].map(([uid, information]) => extendedItem(uid, information)),
      ...(identity?.wantsResponse ? [identityResponseItem(Buffer.alloc(0))] : []),
    ];
  }

  #reject({ result, source, reason }: Rejection): void {
    this.sendAssociationReject(result, source, reason);
    this.#hangUp();
  }

  override associationReleaseRequested(): void {
    // Settled before the answer: a sender that waits for it knows that its series is on its way.
    void this.#endTransfer().then(() => {
      this.sendAssociationReleaseResponse();
      this.#hangUp();
    });
  }

  override abort(): void {
    this.#socket.destroy();
  }

  /** Our last word is said: the peer closes, or is closed (ARTIM). */
  #hangUp(): void {
    this.#socket.end();
    const timer = setTimeout(() => this.#socket.destroy(), this.#parts.deadlines.artim);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  #abort(reason: string, abortReason: number): void {
    if (this.#socket.destroyed) return;
    this.#parts.log.warn({ callingAe: this.#callingAe, reason }, 'association aborted');
    if (this.#association && this.#socket.writable) this.sendAbort(AbortSource.ServiceProvider, abortReason);
    // Whatever else it sends is not looked at, and an abort it does not take is not waited for.
    this.#socket.removeAllListeners('data');
    this.#socket.destroySoon();
    const timer = setTimeout(() => this.#socket.destroy(), ABORT_TAKEN_WITHIN_MS);
    this.#socket.once('close', () => clearTimeout(timer));
  }

  // Messages

  #takeFragment(contextId: number, isCommand: boolean, piece: Buffer, last: boolean): Promise<void> | undefined {
    if (!this.#association) throw new PduError('data came before an association', 2);
    return this.#exchange.takeFragment(contextId, isCommand, piece, last);
  }

  #openSink(command: Command, contextId: number): Promise<DataSetSink> | undefined {
    if (command.commandField !== COMMAND_FIELDS['C-STORE-RQ']) return undefined;
    return StoreSink.open({
      command,
      transferSyntaxUid: this.#contexts.get(contextId)?.transferSyntaxUid,
      transfer: this.#transfer,
      callingAe: this.#callingAe,
      log: this.#parts.log,
      respond: (values) => this.#exchange.respond(contextId, command, values),
    });
  }

  async #perform(request: IncomingRequest): Promise<void> {
    const context = this.#contexts.get(request.contextId);
    const service = context && this.#parts.services.get(context.abstractSyntaxUid);
    if (!context || !service) return request.respond({ status: REFUSED_SOP_CLASS_NOT_SUPPORTED });
    const known = service.requests.some((name) => COMMAND_FIELDS[name] === request.command.commandField);
    if (!known) return request.respond({ status: UNRECOGNIZED_OPERATION });
    const { abstractSyntaxUid, transferSyntaxUid } = context;
    await service.perform({ ...request, abstractSyntaxUid, transferSyntaxUid, association: this.#opened() });
  }

  #opened(): OpenAssociation {
    return {
      callingAe: this.#callingAe,
      address: this.#socket.remoteAddress ?? '',
      contexts: [...this.#contexts.values()],
      agreed: (uid) => this.#agreed.get(uid),
      request: (
        contextId: number,
        name: RequestName,
        values: CommandValues,
        payload: Payload | undefined,
        deadlineMs: number,
      ): Promise<IncomingResponse> => this.#exchange.request(contextId, name, values, payload, deadlineMs),
      onEnd: (listener) => this.#endListeners.push(listener),
    };
  }
}

const ABORT_TAKEN_WITHIN_MS = 2000;
