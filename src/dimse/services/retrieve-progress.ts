import { dataset } from '../../dicom/build.ts';
import { encodeDataSet } from '../../dicom/write.ts';
import type { CommandValues } from '../../network/command-set.ts';
import type { StoreOutcome } from '../../network/send-object.ts';
import type { ServiceRequest } from '../service.ts';
import { comment } from '../store-status.ts';

/** Statuses of C-MOVE and C-GET responses (PS3.4 Tables C.4-2 and C.4-3). */
export const RETRIEVE_STATUS = {
  success: 0x0000,
  pending: 0xff00,
  cancelled: 0xfe00,
  someFailed: 0xb000,
  cannotCount: 0xa701,
  cannotPerform: 0xa702,
  destinationUnknown: 0xa801,
  identifierDoesNotMatch: 0xa900,
  unableToProcess: 0xc000,
} as const;

/** The standard asks for no rate; callers give up after some seconds of silence, and few can show ten a second. */
const PENDING_EVERY_MS = 1000;
/** US (PS3.7 9.1.3): what is more is told as this. */
const LARGEST_COUNT = 0xffff;

/** The sub-operations of one retrieval, and the responses that tell of them. */
export class RetrieveProgress {
  readonly #request: ServiceRequest;
  #remaining: number;
  #completed = 0;
  #warning = 0;
  readonly #failed: string[] = [];
  /** A response that is not on its way yet: another would say nothing more. */
  #telling: Promise<void> | undefined;
  readonly #timer: NodeJS.Timeout;

  constructor(request: ServiceRequest, total: number) {
    this.#request = request;
    this.#remaining = total;
    this.#tell();
    // By the clock and not by the object: one that takes long, or hangs, is when the caller wonders.
    this.#timer = setInterval(() => this.#tell(), PENDING_EVERY_MS);
  }

  count(sopInstanceUid: string, { kind }: StoreOutcome): void {
    this.#remaining = Math.max(0, this.#remaining - 1);
    if (kind === 'stored') this.#completed += 1;
    else if (kind === 'warning') this.#warning += 1;
    else this.#failed.push(sopInstanceUid);
  }

  #tell(): void {
    const { pending } = RETRIEVE_STATUS;
    this.#telling ??= this.#request
      .respond({ status: pending, remaining: counted(this.#remaining), ...this.#counts() })
      .catch(() => undefined)
      .finally(() => {
        this.#telling = undefined;
      });
  }

  #counts(): CommandValues {
    return {
      completed: counted(this.#completed),
      failed: counted(this.#failed.length),
      warning: counted(this.#warning),
    };
  }

  /** No more pending responses: the final one follows. */
  stop(): void {
    clearInterval(this.#timer);
  }

  /** The final response where every sub-operation was begun (PS3.4 C.4.2.3.1): none failed, some, or all. */
  finish(reason: string): Promise<void> {
    const { success, someFailed, cannotPerform } = RETRIEVE_STATUS;
    const stored = this.#completed + this.#warning;
    if (this.#failed.length === 0) return this.#end(this.#warning === 0 ? success : someFailed, reason);
    return this.#end(stored === 0 ? cannotPerform : someFailed, reason);
  }

  /** An error of ours: what was not sent yet is not sent. */
  fail(): Promise<void> {
    return this.#end(RETRIEVE_STATUS.unableToProcess, 'internal error; see the log of this node');
  }

  cancelled(): Promise<void> {
    return this.#end(RETRIEVE_STATUS.cancelled, '', { remaining: counted(this.#remaining) });
  }

  /** The failed list goes with every final response that is no success (PS3.4 Table C.4-2). */
  #end(status: number, reason: string, more: CommandValues = {}): Promise<void> {
    this.stop();
    const { transferSyntaxUid } = this.#request;
    const errorComment = status === RETRIEVE_STATUS.success || reason === '' ? undefined : comment(reason);
    const failedList =
      this.#failed.length === 0
        ? undefined
        : encodeDataSet(dataset({ FailedSOPInstanceUIDList: this.#failed }), { transferSyntaxUid });
    return this.#request.respond({ status, errorComment, ...more, ...this.#counts() }, failedList);
  }
}

function counted(count: number): number {
  return Math.min(count, LARGEST_COUNT);
}
