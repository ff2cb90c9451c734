import { readSync } from 'node:fs';

/** One field of a message: a number, or the place of its bytes in the file. */
export type Field =
  | { readonly number: number; readonly kind: 'number'; readonly value: number }
  | { readonly number: number; readonly kind: 'bytes'; readonly start: number; readonly end: number };

const BUFFER = 2 ** 16;
/** Names and dimension words; nothing that is read as text is longer. */
const LONGEST_TEXT = 4096;

/**
 * Protocol buffers (encoding of proto3) read from an open file without taking it into memory: what is not asked for, gigabytes of
 * weights for one, is stepped over. Every length is held against the message that it is in.
 */
export class ProtobufFile {
  readonly #file: number;
  readonly #size: number;
  readonly #buffer = Buffer.alloc(BUFFER);
  #bufferStart = 0;
  #bufferEnd = 0;

  /** @param file descriptor of a file of `size` bytes; the caller closes it */
  constructor(file: number, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /** The whole file is a message. */
  all(): Generator<Field> {
    return this.fields(0, this.#size);
  }

  /**
   * Fields of the message between two places. What stands in the file after one is read when the next is asked for.
   * @throws Error where the bytes are no message
   */
  *fields(start: number, end: number): Generator<Field> {
    let at = start;
    while (at < end) {
      const key = this.#varint(at, end);
      at = key.next;
      const number = Math.floor(key.value / 8);
      const wire = key.value % 8;
      if (number === 0) throw new Error(`no protocol buffer: field 0 at byte ${at}`);
      if (wire === 0) {
        const { value, next } = this.#varint(at, end);
        at = next;
        yield { number, kind: 'number', value };
      } else if (wire === 1 || wire === 5) {
        at += wire === 1 ? 8 : 4;
        if (at > end) throw new Error(`no protocol buffer: a number at byte ${at} is cut off`);
      } else if (wire === 2) {
        const { value: length, next } = this.#varint(at, end);
        if (next + length > end) throw new Error(`no protocol buffer: ${length} bytes at ${next} do not fit`);
        at = next + length;
        yield { number, kind: 'bytes', start: next, end: at };
      } else throw new Error(`no protocol buffer: wire type ${wire} at byte ${at}`);
    }
  }

  text({ start, end }: { readonly start: number; readonly end: number }): string {
    if (end - start > LONGEST_TEXT) throw new Error(`a name of ${end - start} bytes at byte ${start}`);
    const bytes = Buffer.alloc(end - start);
    for (let i = start; i < end; i++) bytes[i - start] = this.#byte(i);
    return bytes.toString('utf8');
  }

  /** Numbers beyond 2^53 lose their last digits: none that is asked for is as large. */
  #varint(at: number, end: number): { value: number; next: number } {
    let value = 0;
    let weight = 1;
    for (let i = 0; i < 10; i++) {
      if (at + i >= end) break;
      const byte = this.#byte(at + i);
      value += (byte & 0x7f) * weight;
      if (byte < 0x80) return { value, next: at + i + 1 };
      weight *= 128;
    }
    throw new Error(`no protocol buffer: a number at byte ${at} does not end`);
  }

  #byte(at: number): number {
    if (at < this.#bufferStart || at >= this.#bufferEnd) {
      const read = readSync(this.#file, this.#buffer, 0, BUFFER, at);
      if (read === 0) throw new Error(`the file ends at byte ${at}`);
      this.#bufferStart = at;
      this.#bufferEnd = at + read;
    }
    return this.#buffer[at - this.#bufferStart]!;
  }
}
