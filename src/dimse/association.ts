import type { Socket } from 'node:net';
import type { Archive } from '../archive/archive.ts';
import type { Transfer } from '../archive/transfer.ts';
import { sentenceOf } from '../errors.ts';
import type { Log } from '../log.ts';
import { answerFind } from './c-find.ts';
import { StoreExchange } from './c-store.ts';
import { type Answer, C_FIND_RQ, C_STORE_RQ, encodeAnswer, type Request, readRequest } from './command-set.ts';
import {
  AbortSource,
  type Association,
  CEchoResponse,
  RejectReason,
  RejectResult,
  RejectSource,
  Scp,
  Status,
} from './library.ts';
import { PduError, PduReader } from './pdu-reader.ts';
import { answerPresentationContexts } from './presentation-contexts.ts';

export interface AssociationPolicy {
  readonly aeTitle: string;
  /** Calling AE titles that may come in; undefined lets in anybody. */
  readonly allowedCallers: ReadonlySet<string> | undefined;
  readonly maxAssociations: number;
}

export interface AssociationParts {
  readonly archive: Archive;
  readonly policy: AssociationPolicy;
  readonly log: Log;
  /** Associations open now, this one included. */
  readonly openAssociations: () => number;
}

/** From connection to A-ASSOCIATE-RQ (the ARTIM timer, PS3.8 9.1.5). */
const ASSOCIATE_WITHIN_MS = 30_000;
/** Without a byte moved in either direction. */
const IDLE_MS = 120_000;
/** What we offer to receive in one PDU. The reader streams, so this costs no memory. */
const MAX_PDU_LENGTH = 131_072;
const LARGEST_COMMAND = 64 * 1024;
/** C-FIND identifiers are a few hundred bytes. */
const LARGEST_IDENTIFIER = 4 * 1024 * 1024;

/** A command set or an identifier whose fragments are still coming. */
interface Gathering {
  readonly pieces: Buffer[];
  bytes: number;
}

/** A C-FIND whose identifier is to come. */
interface Query {
  readonly request: Request;
  readonly contextId: number;
}

/** What of dcmjs-dimse's Network is not in its type declarations and is used here. */
interface NetworkInternals {
  _processPdu(pdu: Buffer): Promise<void>;
  _processPDataTf(pdu: { getPdvs(): readonly Pdv[] }): Promise<void>;
}

interface Pdv {
  getPresentationContextId(): number;
  getValue(): Buffer;
  isCommand(): boolean;
  isLastFragment(): boolean;
}

/**
 * One association as service class provider. The library keeps the association and the rare commands; bytes come to it by
 * our reader, one socket read at a time, so that order is kept and a slow disk slows the sender.
 */
export class ProviderAssociation extends Scp {
  readonly #socket: Socket;
  readonly #parts: AssociationParts;
  readonly #library: NetworkInternals;
  readonly #reader = new PduReader({
    control: (pdu) => this.#library._processPdu(pdu),
    fragment: (contextId, isCommand, piece, last) => this.#takeFragment(contextId, isCommand, piece, last),
  });
  #association: Association | undefined;
  #transfer: Transfer | undefined;
  #message: Gathering = { pieces: [], bytes: 0 };
  #store: { readonly request: Request; readonly exchange: StoreExchange } | undefined;
  #query: Query | undefined;
  /** Resolves when the connection is over and all it staged is stored or gone. */
  readonly done: Promise<void>;

  constructor(socket: Socket, parts: AssociationParts) {
    super(socket);
    this.#socket = socket;
    this.#parts = parts;
    // The library's declarations leave these out; pdu-reader.test.ts and the wire tests hold them.
    this.#library = this as unknown as NetworkInternals;
    this.on('networkError', (error: unknown) => this.#abort(sentenceOf(error), 0));
    this.done = this.#serve();
  }

  /** The library would read the socket from its constructor; #serve does instead. */
  _wrapSocket(): void {}

  async #serve(): Promise<void> {
    const socket = this.#socket;
    socket.setNoDelay(true);
    socket.setTimeout(IDLE_MS, () => this.#abort('nothing moved on the connection for too long', 0));
    socket.on('error', () => undefined);
    const artim = setTimeout(() => {
      if (!this.#association) socket.destroy();
    }, ASSOCIATE_WITHIN_MS);
    try {
      for await (const chunk of socket.iterator({ destroyOnReturn: false })) await this.#reader.push(chunk);
    } catch (error) {
      if (error instanceof PduError) this.#abort(error.message, error.abortReason);
      else if (!isConnectionEnd(error)) this.#abort(sentenceOf(error), 0);
    } finally {
      clearTimeout(artim);
      // An abort or a last response may still be on its way out.
      socket.destroySoon();
      await this.#end();
    }
  }

  async #end(): Promise<void> {
    await this.#store?.exchange.abandon();
    this.#store = undefined;
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

  override associationRequested(association: Association): void {
    const { policy, openAssociations, log } = this.#parts;
    this.#association = association;
    const calling = association.getCallingAeTitle().trim();
    if (openAssociations() > policy.maxAssociations) {
      log.warn({ callingAe: calling, limit: policy.maxAssociations }, 'association refused: too many are open');
      this.#reject(RejectResult.Transient, RejectSource.ServiceProviderPresentation, RejectReason.LocalLimitExceeded);
    } else if (policy.allowedCallers && !policy.allowedCallers.has(calling)) {
      log.warn({ callingAe: calling }, 'association refused: the calling AE title is not among the peers');
      this.#reject(RejectResult.Permanent, RejectSource.ServiceUser, RejectReason.CallingAeNotRecognized);
    } else if (policy.allowedCallers && association.getCalledAeTitle().trim() !== policy.aeTitle) {
      log.warn(
        { callingAe: calling, calledAe: association.getCalledAeTitle().trim() },
        'association refused: the called AE title is not ours',
      );
      this.#reject(RejectResult.Permanent, RejectSource.ServiceUser, RejectReason.CalledAeNotRecognized);
    } else {
      this.#accept(association);
    }
  }

  #accept(association: Association): void {
    answerPresentationContexts(association);
    association.setMaxAsyncOpsInvoked(1);
    association.setMaxAsyncOpsPerformed(1);
    // The library answers with the smaller of both sides' lengths; each side states its own (PS3.8 D.1).
    const peerLength = association.getMaxPduLength();
    association.setMaxPduLength(MAX_PDU_LENGTH);
    this.#transfer = this.#parts.archive.ingest.begin();
    this.sendAssociationAccept();
    association.setMaxPduLength(peerLength);
  }

  #reject(result: number, source: number, reason: number): void {
    this.sendAssociationReject(result, source, reason);
    this.#socket.end();
  }

  override associationReleaseRequested(): void {
    // Settled before the answer: a sender that waits for it knows that its series is on its way.
    void this.#endTransfer().then(() => {
      this.sendAssociationReleaseResponse();
      this.#socket.end();
    });
  }

  override abort(): void {
    this.#socket.destroy();
  }

  #abort(reason: string, abortReason: number): void {
    if (this.#socket.destroyed) return;
    this.#parts.log.warn({ callingAe: this.#callingAe, reason }, 'association aborted');
    if (this.#association) this.sendAbort(AbortSource.ServiceProvider, abortReason);
    this.#socket.destroySoon();
  }

  // Messages

  #takeFragment(contextId: number, isCommand: boolean, piece: Buffer, last: boolean): Promise<void> | undefined {
    if (!this.#association) throw new PduError('data came before an association', 1);
    if (isCommand) return this.#takeCommand(contextId, piece, last);
    if (this.#store) {
      const written = this.#store.exchange.take(piece);
      return last ? this.#endStore(contextId, written) : written;
    }
    const identifier = this.#gather(piece, last, LARGEST_IDENTIFIER, 'a query identifier');
    if (!identifier) return undefined;
    return this.#query ? this.#find(this.#query, identifier) : this.#giveToLibrary(contextId, false, identifier);
  }

  #takeCommand(contextId: number, piece: Buffer, last: boolean): Promise<void> | undefined {
    if (this.#store || this.#query) throw new PduError('a command came before the end of the data set', 6);
    const commandSet = this.#gather(piece, last, LARGEST_COMMAND, 'a command set');
    if (!commandSet) return undefined;
    const request = readRequest(commandSet);
    if (request.field === C_STORE_RQ) return this.#beginStore(contextId, request);
    if (request.field !== C_FIND_RQ) return this.#giveToLibrary(contextId, true, commandSet);
    this.#query = { request, contextId };
    return undefined;
  }

  /** The whole message with its last fragment, undefined before. */
  #gather(piece: Buffer, last: boolean, limit: number, what: string): Buffer | undefined {
    const { pieces, bytes } = this.#message;
    if (bytes + piece.length > limit) throw new PduError(`${what} is longer than ${limit} bytes`, 6);
    if (!last) {
      // Copied: a few bytes would keep the whole socket read that they came with.
      if (piece.length > 0) pieces.push(Buffer.from(piece));
      this.#message.bytes += piece.length;
      return undefined;
    }
    this.#message = { pieces: [], bytes: 0 };
    return pieces.length === 0 ? piece : Buffer.concat([...pieces, piece]);
  }

  #giveToLibrary(contextId: number, isCommand: boolean, value: Buffer): Promise<void> {
    const pdv: Pdv = {
      getPresentationContextId: () => contextId,
      getValue: () => value,
      isCommand: () => isCommand,
      isLastFragment: () => true,
    };
    return this.#library._processPDataTf({ getPdvs: () => [pdv] });
  }

  #answer(contextId: number, request: Request, answer: Answer): void {
    if (this.#socket.destroyed) return;
    this.#socket.write(
      encodeAnswer(request, answer, { contextId, maxPduLength: this.#association!.getMaxPduLength() }),
    );
  }

  async #beginStore(contextId: number, request: Request): Promise<void> {
    const exchange = await StoreExchange.begin({
      request,
      transferSyntaxUid: this.#transferSyntaxUid(contextId),
      transfer: this.#transfer,
      callingAe: this.#callingAe,
      log: this.#parts.log,
    });
    this.#store = { request, exchange };
  }

  async #endStore(contextId: number, written: Promise<void> | undefined): Promise<void> {
    await written;
    const { request, exchange } = this.#store!;
    const status = await exchange.end();
    this.#store = undefined;
    this.#answer(contextId, request, status);
  }

  /** Undefined where the context was not accepted. */
  #transferSyntaxUid(contextId: number): string | undefined {
    return this.#association!.getPresentationContext(contextId).getAcceptedTransferSyntaxUid();
  }

  override cEchoRequest(
    request: Parameters<typeof CEchoResponse.fromRequest>[0],
    callback: (response: ReturnType<typeof CEchoResponse.fromRequest>) => void,
  ): void {
    const response = CEchoResponse.fromRequest(request);
    response.setStatus(Status.Success);
    callback(response);
  }

  /** The identifier is read by our own reader: the library cannot read every character set. */
  #find({ request, contextId }: Query, identifier: Buffer): Promise<void> {
    this.#query = undefined;
    const { archive, policy, log } = this.#parts;
    return answerFind({
      archive,
      identifier,
      transferSyntaxUid: this.#transferSyntaxUid(contextId) ?? '',
      retrieveAeTitle: policy.aeTitle,
      log,
      send: (answer) => this.#answer(contextId, request, answer),
    });
  }
}

const ENDINGS = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED']);

function isConnectionEnd(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ENDINGS.has(String(error.code));
}
