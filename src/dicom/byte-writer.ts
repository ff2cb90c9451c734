/** Where a length is to be filled in once what it counts has been written. */
export interface Patch {
  readonly chunk: Buffer;
  readonly at: number;
  /** Total written so far when the patch was reserved, the reserved bytes included. */
  readonly start: number;
}

/** Bytes of a value that whoever asked for the writing has, and writes in their place. */
export interface Elsewhere {
  readonly length: number;
}

/** From this size on bytes are kept as they are until the end instead of being copied into the growing chunk. */
const OWN_CHUNK = 32 * 1024;

/** Little endian bytes growing in chunks, so that lengths of sequences can be filled in and big values are copied once. */
export class ByteWriter {
  #done: (Uint8Array | Elsewhere)[] = [];
  #doneLength = 0;
  #chunk = Buffer.allocUnsafe(4096);
  #used = 0;
  #nextChunk = 8192;

  get length(): number {
    return this.#doneLength + this.#used;
  }

  u16(value: number): void {
    const at = this.#room(2);
    this.#chunk.writeUInt16LE(value, at);
  }

  u32(value: number): void {
    const at = this.#room(4);
    this.#chunk.writeUInt32LE(value, at);
  }

  ascii(text: string): void {
    const at = this.#room(text.length);
    this.#chunk.write(text, at, 'latin1');
  }

  bytes(bytes: Uint8Array | Elsewhere): void {
    if (bytes instanceof Uint8Array && bytes.length < OWN_CHUNK) {
      const at = this.#room(bytes.length);
      this.#chunk.set(bytes, at);
      return;
    }
    this.#close();
    this.#done.push(bytes);
    this.#doneLength += bytes.length;
  }

  /** Reserves four bytes for a length. */
  reserveU32(): Patch {
    const at = this.#room(4);
    return { chunk: this.#chunk, at, start: this.length };
  }

  /** Fills in the number of bytes written since the patch was reserved. */
  fill(patch: Patch): void {
    patch.chunk.writeUInt32LE(this.length - patch.start, patch.at);
  }

  /** @throws TypeError where bytes are elsewhere */
  finish(): Buffer {
    const pieces = this.pieces().map((piece) => {
      if (piece instanceof Uint8Array) return piece;
      throw new TypeError('some bytes are elsewhere: they are written by pieces');
    });
    return Buffer.concat(pieces, this.#doneLength);
  }

  /** What was written, in order; what is elsewhere in its place. */
  pieces(): readonly (Uint8Array | Elsewhere)[] {
    this.#close();
    return this.#done;
  }

  #room(size: number): number {
    if (this.#used + size > this.#chunk.length) {
      this.#close();
      this.#chunk = Buffer.allocUnsafe(Math.max(size, this.#nextChunk));
      this.#nextChunk = Math.min(this.#nextChunk * 2, 1024 * 1024);
    }
    const at = this.#used;
    this.#used += size;
    return at;
  }

  #close(): void {
    if (this.#used === 0) return;
    this.#done.push(this.#chunk.subarray(0, this.#used));
    this.#doneLength += this.#used;
    this.#chunk = this.#chunk.subarray(this.#used);
    this.#used = 0;
  }
}
