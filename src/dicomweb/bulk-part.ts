import type { StagedValue, Transfer } from '../archive/transfer.ts';
import type { Elsewhere } from '../dicom/byte-writer.ts';
import type { MediaType } from '../dicom/media-types.ts';
import { VoxgateError } from '../errors.ts';

/** The bytes of a value that came in a part of its own. */
export interface BulkPart extends Elsewhere {
  readonly mediaType: MediaType;
  read(offset: number, length: number): Buffer;
  /** Once nobody needs it. */
  discard(): Promise<void>;
}

/** Values up to this size stay in memory, if there is room: an object may have hundreds of them. */
const SMALL = 64 * 1024;

/** Memory that all requests of this door hold together for what waits there for its other half. */
export class MemoryBudget {
  #left: number;

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** Whether there is room; it is taken then. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  give(bytes: number): void {
    this.#left += bytes;
  }
}

/**
 * Takes a bulk data part as it comes: to memory where it is small, else to the disk.
 * @throws VoxgateError out-of-resources where the disk is full; what is left of the part is then still to be read
 */
export async function receiveBulkPart(
  body: AsyncIterable<Buffer>,
  mediaType: MediaType,
  { transfer, memory }: { readonly transfer: Transfer; readonly memory: MemoryBudget },
): Promise<BulkPart> {
  let held: Buffer[] = [];
  let length = 0;
  let staged: StagedValue | undefined;
  let refusal: unknown;
  try {
    for await (const piece of body) {
      // The part is read to its end, so that those behind it can be.
      if (refusal !== undefined) continue;
      length += piece.length;
      try {
        if (staged === undefined && length > SMALL) {
          staged = transfer.stageValue();
          for (const before of held) await staged.write(before);
          held = [];
        }
        if (staged === undefined) held.push(piece);
        else await staged.write(piece);
      } catch (error) {
        refusal = error;
      }
    }
    if (refusal === undefined && staged === undefined && !memory.take(length)) {
      staged = transfer.stageValue();
      for (const before of held) await staged.write(before);
    }
    if (refusal !== undefined) throw refusal;
    await staged?.flush();
  } catch (error) {
    await staged?.discard();
    throw error;
  }
  return staged === undefined ? inMemory(Buffer.concat(held), mediaType, memory) : onDisk(staged, mediaType);
}

function inMemory(bytes: Buffer, mediaType: MediaType, memory: MemoryBudget): BulkPart {
  return {
    mediaType,
    length: bytes.length,
    read: (offset, length) => bytes.subarray(offset, offset + length),
    discard: async () => memory.give(bytes.length),
  };
}

function onDisk(staged: StagedValue, mediaType: MediaType): BulkPart {
  return {
    mediaType,
    length: staged.size,
    read(offset, length) {
      const bytes = staged.read(offset, length);
      if (bytes.length < Math.min(length, staged.size - offset))
        throw new VoxgateError('out-of-resources', 'a value that was staged cannot be read back');
      return bytes;
    },
    discard: () => staged.discard(),
  };
}
