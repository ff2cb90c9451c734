import { createHash } from 'node:crypto';

const PREAMBLE_AND_PREFIX = 132;
/** (0002,0000) UL with its value: where it ends, the rest of the group begins. */
const GROUP_LENGTH_END = PREAMBLE_AND_PREFIX + 12;

/**
 * SHA-256 of the data set alone, taken as the bytes of a file pass by: the same data set has one digest, whichever
 * preamble or file meta information stood before it.
 */
export class DataSetDigest {
  readonly #hash = createHash('sha256');
  #skip: number | undefined;
  #head: Buffer | undefined = Buffer.alloc(0);
  #start: number | undefined;

  /** @param dataSetOffset where the data set begins; unknown for a file whose meta information is still to come */
  constructor(dataSetOffset?: number) {
    this.#setStart(dataSetOffset);
  }

  update(chunk: Buffer): void {
    if (this.#head === undefined) {
      this.#hashBehindStart(chunk);
      return;
    }
    const head = Buffer.concat([this.#head, chunk]);
    this.#head = head.length < GROUP_LENGTH_END ? head : undefined;
    if (this.#head !== undefined) return;
    this.#setStart(dataSetOffsetIn(head));
    this.#hashBehindStart(head);
  }

  /** The digest, if hashing did begin at this offset; undefined tells the caller to read the data set once more. */
  result(dataSetOffset: number): Buffer | undefined {
    return this.#start === dataSetOffset && this.#head === undefined ? this.#hash.digest() : undefined;
  }

  #hashBehindStart(chunk: Buffer): void {
    if (this.#skip === undefined) return;
    const skipped = Math.min(this.#skip, chunk.length);
    this.#skip -= skipped;
    if (skipped < chunk.length) this.#hash.update(skipped === 0 ? chunk : chunk.subarray(skipped));
  }

  #setStart(offset: number | undefined): void {
    this.#start = offset;
    this.#skip = offset;
    if (offset !== undefined) this.#head = undefined;
  }
}

/** From the File Meta Information Group Length (PS3.10 7.1); undefined where it is missing or not plausible. */
function dataSetOffsetIn(head: Buffer): number | undefined {
  const isMeta =
    head.toString('latin1', 128, PREAMBLE_AND_PREFIX) === 'DICM' &&
    head.readUInt32LE(PREAMBLE_AND_PREFIX) === 0x0000_0002;
  return isMeta ? GROUP_LENGTH_END + head.readUInt32LE(GROUP_LENGTH_END - 4) : undefined;
}
