import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN, TRANSFER_SYNTAXES } from '../dicom/transfer-syntaxes.ts';
import { sentenceOf } from '../errors.ts';
import { COMMAND_FIELDS } from '../network/command-set.ts';
import type { DataSetSink } from '../network/message-exchange.ts';
import type { IncomingObject, RetrievedObjects } from './peer.ts';
import type { IncomingStore, Proposal } from './requestor.ts';

const UNABLE_TO_PROCESS = 0xc000;
/** LO (PS3.5 Table 6.2-1). */
const COMMENT_LENGTH = 64;

const UNCOMPRESSED = [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN];
const OTHERS = TRANSFER_SYNTAXES.map(({ uid }) => uid).filter((uid) => !UNCOMPRESSED.includes(uid));

/**
 * Storage contexts in which the peer may send, two for each SOP class: one without compression, which every provider
 * has, and one for whatever else it holds, so that it need not decompress.
 */
export function storageProposals(sopClassUids: readonly string[]): Proposal[] {
  const role = { user: false, provider: true };
  return sopClassUids.flatMap((sopClassUid) =>
    [UNCOMPRESSED, OTHERS].map((transferSyntaxUids) => ({ sopClassUid, transferSyntaxUids, role })),
  );
}

/** One C-STORE of a C-GET: its bytes go on as they come, and it is answered when they are kept. */
export class RetrieveSink implements DataSetSink {
  readonly #request: IncomingStore;
  readonly #moved: () => void;
  #incoming: IncomingObject | undefined;
  #failure: string | undefined;

  private constructor(request: IncomingStore, moved: () => void) {
    this.#request = request;
    this.#moved = moved;
  }

  /** Undefined for a request that is no C-STORE. */
  static open(request: IncomingStore, into: RetrievedObjects, moved: () => void): Promise<RetrieveSink> | undefined {
    if (request.command.commandField !== COMMAND_FIELDS['C-STORE-RQ']) return undefined;
    return RetrieveSink.#open(new RetrieveSink(request, moved), into);
  }

  static async #open(sink: RetrieveSink, into: RetrievedObjects): Promise<RetrieveSink> {
    const { command, context } = sink.#request;
    const { affectedSopClassUid: sopClassUid = '', affectedSopInstanceUid: sopInstanceUid = '' } = command;
    await sink.#attempt(async () => {
      const { transferSyntaxUid } = context;
      sink.#incoming = await into.begin({ sopClassUid, sopInstanceUid, transferSyntaxUid });
    });
    return sink;
  }

  take(piece: Buffer): Promise<void> | undefined {
    this.#moved();
    const written = this.#failure === undefined ? this.#incoming?.write(piece) : undefined;
    return written && this.#attempt(() => written);
  }

  async end(): Promise<void> {
    if (this.#failure === undefined) await this.#attempt(async () => this.#incoming?.finish());
    const failed = this.#failure;
    const answer =
      failed === undefined
        ? { status: 0 }
        : {
            status: UNABLE_TO_PROCESS,
            errorComment: failed.replace(/[^\x20-\x5b\x5d-\x7e]/g, '?').slice(0, COMMENT_LENGTH),
          };
    await this.#request.respond(answer).catch(() => undefined);
    this.#moved();
  }

  async abandon(): Promise<void> {
    await this.#incoming?.discard();
  }

  async #attempt(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.#failure = sentenceOf(error);
      await this.#incoming?.discard();
    }
  }
}
