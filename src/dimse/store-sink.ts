import type { IncomingInstance } from '../archive/receive-instance.ts';
import type { Transfer } from '../archive/transfer.ts';
import { VoxgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Command, CommandValues } from '../network/command-set.ts';
import type { DataSetSink } from '../network/message-exchange.ts';
import { comment, failureStatus, PROCESSING_FAILURE, receiptStatus, type StoreStatus } from './store-status.ts';

export interface StoreParts {
  readonly command: Command;
  /** Undefined where the presentation context was not accepted. */
  readonly transferSyntaxUid: string | undefined;
  /** Whether this caller may store its SOP class in this context. */
  readonly allowed: boolean;
  /** Undefined once the association has been released. */
  readonly transfer: Transfer | undefined;
  readonly callingAe: string;
  readonly log: Log;
  respond(values: CommandValues): Promise<void>;
}

const SOP_CLASS_NOT_SUPPORTED = 0x0122;

/**
 * One C-STORE (PS3.7 9.1.1) in hand: its bytes go from the socket to the staged file as they come, and its response is
 * made only when they are durable. After a failure the remaining bytes are read and dropped.
 */
export class StoreSink implements DataSetSink {
  readonly #parts: StoreParts;
  #incoming: IncomingInstance | undefined;
  #failure: StoreStatus | undefined;
  #stored: StoreStatus = { status: 0 };

  private constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  static async open(parts: StoreParts): Promise<StoreSink> {
    const { command, transferSyntaxUid, allowed, transfer } = parts;
    const sink = new StoreSink(parts);
    if (!transferSyntaxUid || !transfer) {
      sink.#failure = { status: PROCESSING_FAILURE, comment: 'the presentation context was not accepted' };
      return sink;
    }
    if (!allowed) {
      sink.#failure = { status: SOP_CLASS_NOT_SUPPORTED, comment: 'this SOP class may not be stored here' };
      return sink;
    }
    const { affectedSopClassUid: sopClassUid = '', affectedSopInstanceUid: sopInstanceUid = '' } = command;
    await sink.#attempt(async () => {
      sink.#incoming = await transfer.receiveDataSet({ sopClassUid, sopInstanceUid, transferSyntaxUid });
    });
    return sink;
  }

  take(piece: Buffer): Promise<void> | undefined {
    const written = this.#failure ? undefined : this.#incoming?.write(piece);
    return written && this.#attempt(() => written);
  }

  /** The data set is complete: makes it durable and says so, or says why not. */
  async end(): Promise<void> {
    if (!this.#failure) await this.#attempt(() => this.#finish());
    const { status, comment: errorComment } = this.#failure ?? this.#stored;
    // A sender that has gone meanwhile will send it again; what is stored is stored.
    await this.#parts.respond({ status, errorComment }).catch(() => undefined);
  }

  /** The sender has left: nothing of the object is kept. */
  async abandon(): Promise<void> {
    const { log, callingAe } = this.#parts;
    log.warn({ callingAe }, 'a sender left in the middle of an object; nothing of it is kept');
    await this.#incoming?.discard();
  }

  async #finish(): Promise<void> {
    const { transfer, log, callingAe } = this.#parts;
    const receipt = await transfer!.finish(this.#incoming!);
    const { sopInstanceUid, outcome, warnings } = receipt;
    if (outcome === 'conflict')
      log.warn(
        { sopInstanceUid, callingAe },
        'an object with a known SOP Instance UID and other content is kept apart',
      );
    else if (warnings.length > 0)
      log.warn({ sopInstanceUid, callingAe, warnings }, 'an object was stored with warnings');
    this.#stored = receiptStatus(receipt);
  }

  async #attempt(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.#failure = this.#failureOf(error);
      await this.#incoming?.discard();
    }
  }

  #failureOf(error: unknown): StoreStatus {
    const { log, callingAe } = this.#parts;
    if (error instanceof VoxgateError) {
      log.warn({ callingAe, code: error.code, reason: error.message }, 'an object was refused');
      return failureStatus(error.code, error.message);
    }
    log.error(
      { callingAe, error: error instanceof Error ? error.stack : String(error) },
      'an object could not be stored',
    );
    return { status: PROCESSING_FAILURE, comment: comment('internal error; see the log of this node') };
  }
}
