import type { Vr } from '../dicom/dataset.ts';
import type { LocatedValue } from '../dicom/located-value.ts';
import { toLittleEndian } from '../dicom/read-value.ts';

/** Bytes of which any part can be read. */
export interface StoredBytes {
  readonly size: number;
  /** Those from `start` up to, and not with, `end`. */
  read(start: number, end: number): AsyncIterable<Buffer>;
}

type ReadFile = (start: number, end: number) => AsyncIterable<Buffer>;

/** A value of a stored object that is not in its metadata. It is read in pieces, as it is taken. */
export class StoredValue {
  readonly vr: Vr;
  readonly encapsulated: boolean;
  /** Of an encapsulated document; the value ends where the document does. */
  readonly documentType: string | undefined;
  /** The value: little endian, text as UTF-8; encapsulated with the headers of its items. */
  readonly whole: StoredBytes;
  /** Of the encapsulated pixels of the object: its fragments, joined. */
  readonly fragments: StoredBytes | undefined;

  constructor({ vr, encapsulated, documentType, bytes, pieces, swap, fragments }: LocatedValue, readFile: ReadFile) {
    this.vr = vr;
    this.encapsulated = encapsulated;
    this.documentType = documentType;
    this.whole = bytes === undefined ? filePieces(pieces, swap, readFile) : inMemory(bytes);
    this.fragments = fragments && filePieces(fragments, 1, readFile);
  }
}

function inMemory(bytes: Uint8Array): StoredBytes {
  async function* read(start: number, end: number): AsyncGenerator<Buffer, void> {
    yield Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
  }
  return { size: bytes.length, read };
}

function filePieces(pieces: readonly number[], swap: LocatedValue['swap'], readFile: ReadFile): StoredBytes {
  let size = 0;
  for (let at = 1; at < pieces.length; at += 2) size += pieces[at]!;
  async function* read(start: number, end: number): AsyncGenerator<Buffer, void> {
    let before = 0;
    for (let at = 0; at < pieces.length && before < end; at += 2) {
      const [offset, length] = [pieces[at]!, pieces[at + 1]!];
      const from = Math.max(start - before, 0);
      const to = Math.min(end - before, length);
      if (from < to) yield* swap === 1 ? readFile(offset + from, offset + to) : swapped(offset, from, to);
      before += length;
    }
  }
  /** Whole words of the only piece, of which the bytes before `from` and from `to` on are left out. */
  async function* swapped(offset: number, from: number, to: number): AsyncGenerator<Buffer, void> {
    let at = from - (from % swap);
    const end = Math.min(to + ((swap - (to % swap)) % swap), size);
    let left: Buffer = Buffer.alloc(0);
    for await (const chunk of readFile(offset + at, offset + end)) {
      const held = left.length === 0 ? chunk : Buffer.concat([left, chunk]);
      const isLast = at + held.length >= end;
      const words = held.subarray(0, isLast ? held.length : held.length - (held.length % swap));
      left = held.subarray(words.length);
      const little = toLittleEndian(words, swap);
      yield little.subarray(Math.max(from - at, 0), Math.max(to - at, 0));
      at += words.length;
    }
  }
  return { size, read };
}
