import type { IncomingInstance } from '../archive/receive-instance.ts';
import type { Transfer } from '../archive/transfer.ts';
import { VoxgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Request } from './command-set.ts';
import { comment, failureStatus, PROCESSING_FAILURE, receiptStatus, type StoreStatus } from './store-status.ts';

export interface StoreParts {
  readonly request: Request;
  /** Undefined where the presentation context was not accepted. */
  readonly transferSyntaxUid: string | undefined;
  /** Undefined once the association has been released. */
  readonly transfer: Transfer | undefined;
  readonly callingAe: string;
  readonly log: Log;
}

/**
 * One C-STORE (PS3.7 9.1.1) in hand: its bytes go from the socket to the staged file as they come, and its response is
 * made only when they are durable. After a failure the remaining bytes are read and dropped.
 */
export class StoreExchange {
  readonly #parts: StoreParts;
  #incoming: IncomingInstance | undefined;
  #failure: StoreStatus | undefined;

  private constructor(parts: StoreParts) {
    this.#parts = parts;
  }

  static async begin(parts: StoreParts): Promise<StoreExchange> {
    const { request, transferSyntaxUid, transfer } = parts;
    const exchange = new StoreExchange(parts);
    if (!transferSyntaxUid || !transfer) {
      exchange.#failure = { status: PROCESSING_FAILURE, comment: 'the presentation context was not accepted' };
      return exchange;
    }
    const { sopClassUid, sopInstanceUid } = request;
    await exchange.#attempt(async () => {
      exchange.#incoming = await transfer.receiveDataSet({ sopClassUid, sopInstanceUid, transferSyntaxUid });
    });
    return exchange;
  }

  /** Takes a piece of the data set; awaiting what it returns slows the sender to the pace of the disk. */
  take(piece: Buffer): Promise<void> | undefined {
    const written = this.#failure ? undefined : this.#incoming?.write(piece);
    return written && this.#attempt(() => written);
  }

  /** The data set is complete: makes it durable, or says why not. */
  async end(): Promise<StoreStatus> {
    if (!this.#failure) await this.#attempt(() => this.#finish());
    return this.#failure ?? this.#stored;
  }

  /** The sender has left: nothing of the object is kept. */
  async abandon(): Promise<void> {
    const { log, callingAe } = this.#parts;
    log.warn({ callingAe }, 'a sender left in the middle of an object; nothing of it is kept');
    await this.#incoming?.discard();
  }

  #stored: StoreStatus = { status: 0 };

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
