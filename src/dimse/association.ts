import type { Socket } from 'node:net';
import type { Transfer } from '../archive/transfer.ts';
import { sentenceOf } from '../errors.ts';
import { AbortSource, type Association, Scp } from '../network/library.ts';
import { MessageWriter } from '../network/message-writer.ts';
import { addUserItems, orderContexts, readUserItems, type UserItems } from '../network/negotiation.ts';
import { PduError, PduReader } from '../network/pdu-reader.ts';
import type { Admitted, Rejection } from './admission.ts';
import { AssociationMessages } from './association-messages.ts';
import type { AssociationParts } from './association-parts.ts';
import { type Connection, connectionOf } from './connection.ts';
import { type Negotiated, negotiate, printable } from './negotiate.ts';
import { Pace } from './pace.ts';

const A_ASSOCIATE_RQ = 0x01;
const A_ASSOCIATE_AC = 0x02;
const ABORT_TAKEN_WITHIN_MS = 2000;

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
  readonly #messages: AssociationMessages;
  readonly #reader: PduReader;
  readonly #connection: Connection;
  readonly #pace: Pace;
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
  #aborted = false;
  /** Resolves when the connection is over and all it staged is stored or gone. */
  readonly done: Promise<void>;

  constructor(socket: Socket, parts: AssociationParts) {
    super(socket);
    this.#socket = socket;
    this.#parts = parts;
    this.#connection = connectionOf(socket);
    // The library's declarations leave this out; pdu-reader.test.ts and the wire tests hold it.
    this.#library = this as unknown as NetworkInternals;
    this.#writer = new MessageWriter(socket, parts.deadlines.write);
    this.#messages = new AssociationMessages({
      ...{ socket, writer: this.#writer, services: parts.services, memory: parts.memory, log: parts.log },
      fail: (error) => this.#abort(sentenceOf(error), 0),
    });
    this.#reader = new PduReader({
      control: (pdu) => this.#takeControl(pdu),
      fragment: (contextId, isCommand, piece, last) => this.#messages.takeFragment(contextId, isCommand, piece, last),
    });
    this.#pace = new Pace(
      parts.deadlines.idle,
      () => this.#messages.receiving || !this.#reader.atBoundary,
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
      if (!this.#messages.performing && !this.#waits) this.#abort('nothing moved on the connection for too long', 0);
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
    this.#messages.heard();
    try {
      const wait = this.#reader.push(chunk);
      this.#pace.took(chunk.length, this.#reader.atBoundary && !this.#messages.receiving);
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
    await this.#messages.end();
    await this.#endTransfer('cut');
    this.#leave();
  }

  /** Series that gained objects settle from here on. */
  async #endTransfer(how: 'released' | 'cut'): Promise<void> {
    const transfer = this.#transfer;
    this.#transfer = undefined;
    await transfer?.end(how).catch((error: unknown) => {
      this.#parts.log.error({ reason: sentenceOf(error) }, 'the end of an association could not be recorded');
    });
  }

  get #callingAe(): string {
    return printable(this.#association?.getCallingAeTitle().trim() ?? '');
  }

  get #calledAe(): string {
    return printable(this.#association?.getCalledAeTitle().trim() ?? '');
  }

  // The association

  #takeControl(pdu: Buffer): Promise<void> {
    if (pdu[0] !== A_ASSOCIATE_RQ) {
      if (!this.#association) throw new PduError('a PDU came before an association', 2);
      return this.#library._processPdu(pdu);
    }
    if (this.#association) throw new PduError('a second association was requested on the connection', 2);
    this.#items = readUserItems(pdu);
    return this.#library._processPdu(orderContexts(pdu)).then(() => this.#admitting);
  }

  override associationRequested(association: Association): void {
    this.#association = association;
    this.#admitting = this.#admit(association);
  }

  async #admit(association: Association): Promise<void> {
    const { admission, callers, log } = this.#parts;
    const { address, subject, fingerprint } = this.#connection;
    const caller = { callingAe: this.#callingAe, calledAe: this.#calledAe, address, fingerprint };
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
    this.#writer.maxPduLength = negotiated.maxPduLength;
    this.#transfer = archive.ingest.begin('received', {
      characterSet: policy.characterSet?.split('\\'),
      source: `${this.#callingAe}@${this.#connection.address}`,
    });
    clearTimeout(this.#artim);
    this.#parts.onAccepted(this.#socket);
    this.sendAssociationAccept();
    const { implementation, maxPduLength, outcome: contexts } = negotiated;
    callers.admitted({
      ...this.#connection,
      callingAe: this.#callingAe,
      calledAe: this.#calledAe,
      peer,
      user,
      implementationClassUid: implementation.classUid,
      implementationVersion: implementation.version,
      maxPduLength,
      contexts,
    });
    this.#messages.accept({
      ...{ callingAe: this.#callingAe, address: this.#connection.address, policy, negotiated, quota: admitted.quota },
      transfer: () => this.#transfer,
    });
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
    void this.#endTransfer('released').then(() => {
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
    if (this.#aborted) return;
    this.#aborted = true;
    this.#parts.log.warn({ callingAe: this.#callingAe, reason }, 'association aborted');
    // Cut already, where it took nothing of what was written.
    if (this.#socket.destroyed) return;
    if (this.#association && this.#socket.writable) this.sendAbort(AbortSource.ServiceProvider, abortReason);
    // Whatever else it sends is not looked at, and an abort it does not take is not waited for.
    this.#socket.removeAllListeners('data');
    this.#socket.destroySoon();
    const timer = setTimeout(() => this.#socket.destroy(), ABORT_TAKEN_WITHIN_MS);
    this.#socket.once('close', () => clearTimeout(timer));
  }
}
