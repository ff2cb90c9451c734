import type { IncomingInstance, Receipt } from '../archive/receive-instance.ts';
import type { Transfer } from '../archive/transfer.ts';
import type { Elsewhere } from '../dicom/byte-writer.ts';
import { VoxgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { BulkPart, MemoryBudget } from './bulk-part.ts';
import type { FailedPart, PartOutcome } from './store-response.ts';

/** Where the objects of one request go. */
export interface Store {
  readonly transfer: Transfer;
  /** The only study the objects may belong to, where the path names one. */
  readonly study: string | undefined;
  readonly memory: MemoryBudget;
  readonly log: Log;
}

/**
 * Stores a Part 10 file as it comes.
 * @throws VoxgateError where the body broke off: the whole request has failed, not this part alone
 */
export async function storeFile(body: AsyncIterable<Buffer>, { transfer, study, log }: Store): Promise<PartOutcome> {
  let incoming: IncomingInstance;
  try {
    incoming = await transfer.receiveFile();
  } catch (error) {
    return refused(error, log);
  }
  try {
    const unwritten = await writeBody(incoming, body);
    if (unwritten !== undefined) {
      await incoming.discard();
      return refused(unwritten, log);
    }
  } catch (error) {
    await incoming.discard();
    throw error;
  }
  try {
    return { receipt: remarked(await transfer.finish(incoming, study), log) };
  } catch (error) {
    return refused(error, log);
  }
}

/** Values that came apart are read back in pieces of this size. */
const PIECE_BYTES = 256 * 1024;

/** Stores a Part 10 file of which some values lie in parts of the request. */
export function storePieces(pieces: readonly (Uint8Array | Elsewhere)[], store: Store): Promise<PartOutcome> {
  return storeFile(bytesOf(pieces), store);
}

async function* bytesOf(pieces: readonly (Uint8Array | Elsewhere)[]): AsyncGenerator<Buffer, void, undefined> {
  for (const piece of pieces) {
    if (piece instanceof Uint8Array) yield Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    else if (isBulkPart(piece))
      for (let at = 0; at < piece.length; at += PIECE_BYTES)
        yield piece.read(at, Math.min(PIECE_BYTES, piece.length - at));
  }
}

/** Only bulk parts are handed to the writer to be left elsewhere. */
function isBulkPart(piece: Elsewhere): piece is BulkPart {
  return 'read' in piece;
}

/** Returns what kept the disk from taking it; the rest of the part is then passed over. Throws what the reading throws. */
async function writeBody(incoming: IncomingInstance, body: AsyncIterable<Buffer>): Promise<unknown> {
  for await (const piece of body) {
    try {
      const wait = incoming.write(piece);
      if (wait) await wait;
    } catch (error) {
      return error ?? new Error('the disk refused');
    }
  }
  return undefined;
}

function remarked(receipt: Receipt, log: Log): Receipt {
  const { sopInstanceUid, outcome, warnings } = receipt;
  if (outcome === 'conflict')
    log.warn({ sopInstanceUid }, 'an object with a known SOP Instance UID and other content is kept apart');
  else if (warnings.length > 0) log.warn({ sopInstanceUid, warnings }, 'an object was stored with warnings');
  return receipt;
}

export function refused(error: unknown, log: Log): FailedPart {
  if (error instanceof VoxgateError) {
    log.warn({ code: error.code, reason: error.message }, 'an object was refused');
    return { failure: error };
  }
  log.error({ error: error instanceof Error ? error.stack : String(error) }, 'an object could not be stored');
  return { failure: undefined };
}
