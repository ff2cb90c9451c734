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
import { addUserItems, readUserItems, type UserItems } from '../network/negotiation.ts';
import { PduError, PduReader } from '../network/pdu-reader.ts';
import type { Admission, Admitted, Rejection } from './admission.ts';
import type { ByteBudget, Hold } from './byte-budget.ts';
import type { CallerBook } from './callers.ts';
import { type Connection, connectionOf } from './connection.ts';
import { type Negotiated, negotiate, printable } from './negotiate.ts';
import { Pace } from './pace.ts';
import type { OpenAssociation, Service } from './service.ts';
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
  readonly admission: Admission;
  readonly callers: CallerBook;
  /** Messages that are gathered in memory, of all associations. */
  readonly memory: ByteBudget;
  readonly deadlines: Deadlines;
  /** By SOP class. */
  readonly services: ReadonlyMap<string, Service>;
  readonly log: Log;
  /** The caller has been let in. */
  readonly onAccepted: (socket: Socket) => void;
}

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
  readonly #connection: Connection;
  readonly #pace: Pace;
  /** What is gathered of data sets, and what of objects is not yet committed (of the quota of the peer). */
  readonly #memory: Hold;
  #quota: Hold | undefined;
  #association: Association | undefined;
  #items: UserItems | undefined;
  /** Until it has been let in. */
  #artim: NodeJS.Timeout | undefined;
  #admitting: Promise<void> = Promise.resolve();
  #admitted: Admitted | undefined;
  #negotiated: Negotiated | undefined;
  #transfer: Transfer | undefined;
  /** True while the sender is made to wait: its silence is ours then. */
  #waits = false;
  #storing = false;
  #lastHeard = performance.now();
  /** Resolves when the connection is over and all it staged is stored or gone. */
  readonly done: Promise<void>;

  constructor(socket: Socket, parts: AssociationParts) {
    super(socket);
    this.#socket = socket;
    this.#parts = parts;
    this.#connection = connectionOf(socket);
    this.#memory = parts.memory.open();
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
    this.#pace = new Pace(
      parts.deadlines.idle,
      () => this.#exchange.receiving || !this.#reader.atBoundary,
      () => this.#waits,
      () => this.#abort('a message came too slowly', 0),
    );
    this.on('networkError', (error: unknown) => this.#abort(sentenceOf(error), 0));
    this.done = this.#serve();
  }

  /** The library would read the socket from its constructor; #serve does instead. */
  _wrapSocket(): void {}

  /** The library's A-ASSOCIATE-AC, with the items that it does not know. */
  _sendPdu(pdu: { writePdu(): Buffer; getType(): number }): void {
    const bytes = pdu.writePdu();
    this.#socket.write(pdu.getType() === A_ASSOCIATE_AC ? addUserItems(bytes, this.#negotiated?.items ?? []) : bytes);
  }

  async #serve(): Promise<void> {
    const socket = this.#socket;
    const { artim, idle } = this.#parts.deadlines;
    socket.setNoDelay(true);
    socket.setTimeout(idle, () => {
      if (!this.#exchange.performing && !this.#waits) this.#abort('nothing moved on the connection for too long', 0);
    });
    socket.on('error', () => undefined);
    this.#artim = setTimeout(() => socket.destroy(), artim);
    await new Promise<void>((resolve) => {
      socket.on('data', (chunk: Buffer) => this.#takeChunk(chunk));
      socket.once('end', () => socket.end());
      socket.once('close', resolve);
    });
    clearTimeout(this.#artim);
    await this.#end();
  }

  /** What was read while a sink makes us wait stays in the socket: a slow disk slows the sender. */
  #takeChunk(chunk: Buffer): void {
    this.#lastHeard = performance.now();
    try {
      const wait = this.#reader.push(chunk);
      this.#pace.took(chunk.length, this.#reader.atBoundary && !this.#exchange.receiving);
      if (!wait) return;
      this.#socket.pause();
      this.#waits = true;
      wait
        .then(
          () => this.#socket.resume(),
          (error: unknown) => this.#fail(error),
        )
        .finally(() => (this.#waits = false));
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (error instanceof PduError) this.#abort(error.message, error.abortReason);
    else this.#abort(sentenceOf(error), 0);
  }

  async #end(): Promise<void> {
    this.#pace.stop();
    await this.#admitting.catch(() => undefined);
    this.#memory.close();
    this.#quota?.close();
    for (const listener of this.#endListeners) listener();
    await this.#exchange.end();
    await this.#endTransfer();
    this.#leave();
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
    return printable(this.#association?.getCallingAeTitle().trim() ?? '');
  }

  // The association

  #takeControl(pdu: Buffer): Promise<void> {
    if (pdu[0] === A_ASSOCIATE_RQ) {
      if (this.#association) throw new PduError('a second association was requested on the connection', 2);
      this.#items = readUserItems(pdu);
    } else if (!this.#association) {
      throw new PduError('a PDU came before an association', 2);
    }
    return this.#library._processPdu(pdu).then(() => this.#admitting);
  }

  override associationRequested(association: Association): void {
    this.#association = association;
    this.#admitting = this.#admit(association);
  }

  async #admit(association: Association): Promise<void> {
    const { admission, callers, log } = this.#parts;
    const { address, subject, fingerprint } = this.#connection;
    const calledAe = printable(association.getCalledAeTitle().trim());
    const caller = { callingAe: this.#callingAe, calledAe, address, fingerprint };
    const decision = await admission.admit({ ...caller, identity: this.#items?.identity });
    if ('because' in decision) {
      const { because: reason, kind } = decision;
      log.warn({ ...caller, reason }, 'association refused');
      callers.refused({ ...caller, subject, kind, reason });
      this.#reject(decision);
      return;
    }
    this.#admitted = decision;
    // It may have gone while its passcode was looked at.
    if (!this.#socket.destroyed) this.#accept(association, decision);
  }

  #accept(association: Association, admitted: Admitted): void {
    const { services, archive, callers } = this.#parts;
    const { policy, peer = null, user = null } = admitted;
    const negotiated = negotiate(association, this.#items!, { services, policy, identified: user !== null });
    this.#negotiated = negotiated;
    this.#quota = admitted.quota?.open();
    this.#writer.maxPduLength = negotiated.maxPduLength;
    this.#transfer = archive.ingest.begin();
    clearTimeout(this.#artim);
    this.#parts.onAccepted(this.#socket);
    this.sendAssociationAccept();
    const { implementation, maxPduLength, outcome: contexts } = negotiated;
    callers.admitted({
      ...this.#connection,
      callingAe: this.#callingAe,
      calledAe: printable(association.getCalledAeTitle().trim()),
      peer,
      user,
      implementationClassUid: implementation.classUid,
      implementationVersion: implementation.version,
      maxPduLength,
      contexts,
    });
    const accepted = [...negotiated.contexts.values()];
    for (const service of new Set(accepted.map((context) => services.get(context.abstractSyntaxUid))))
      service?.opened?.(this.#opened());
  }

  #leave(): void {
    this.#admitted?.leave();
    this.#admitted = undefined;
  }

  #reject({ result, source, reason }: Rejection): void {
    this.sendAssociationReject(result, source, reason);
    this.#hangUp();
  }

  override associationReleaseRequested(): void {
    // Settled before the answer: a sender that waits for it knows that its series is on its way.
    void this.#endTransfer().then(() => {
      this.sendAssociationReleaseResponse();
      this.#leave();
      this.#hangUp();
    });
  }

  override abort(): void {
    this.#socket.destroy();
  }

  /** Our last word is said: the peer closes, or is closed (ARTIM). What it still sends is not looked at. */
  #hangUp(): void {
    this.#socket.removeAllListeners('data');
    this.#socket.resume();
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
    const taken = this.#exchange.takeFragment(contextId, isCommand, piece, last);
    return isCommand ? taken : this.#account(piece.length, last, taken);
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
    return StoreSink.open({
      command,
      transferSyntaxUid: this.#negotiated?.contexts.get(contextId)?.transferSyntaxUid,
      transfer: this.#transfer,
      callingAe: this.#callingAe,
      log: this.#parts.log,
      respond: (values) => this.#exchange.respond(contextId, command, values),
    });
  }

  async #perform(request: IncomingRequest): Promise<void> {
    const context = this.#negotiated?.contexts.get(request.contextId);
    const service = context && this.#parts.services.get(context.abstractSyntaxUid);
    if (!context || !service) return request.respond({ status: REFUSED_SOP_CLASS_NOT_SUPPORTED });
    const known = service.requests.some((name) => COMMAND_FIELDS[name] === request.command.commandField);
    if (!known) return request.respond({ status: UNRECOGNIZED_OPERATION });
    const { abstractSyntaxUid, transferSyntaxUid } = context;
    await service.perform({ ...request, abstractSyntaxUid, transferSyntaxUid, association: this.#opened() });
    void this.#memory.set(this.#exchange.heldBytes - (request.dataSet?.length ?? 0));
  }

  #opened(): OpenAssociation {
    const [heard, socket] = [() => this.#lastHeard, this.#socket];
    return {
      get isOpen() {
        return socket.writable;
      },
      get quietMs() {
        return performance.now() - heard();
      },
      callingAe: this.#callingAe,
      address: this.#connection.address,
      contexts: [...(this.#negotiated?.contexts.values() ?? [])],
      agreed: (uid) => this.#negotiated?.agreed.get(uid),
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
