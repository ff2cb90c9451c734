import type { Vr } from './dataset.ts';
import { isBinaryVr, isLongFormVr } from './encode-values.ts';

/** Longest value behind a 16-bit length field. */
const MAX_SHORT_LENGTH = 0xfffe;

/** Element headers and short values in explicit or implicit VR little endian, gathered until they are taken. */
export class ElementOutput {
  readonly #explicitVr: boolean;
  #pieces: Buffer[] = [];
  length = 0;

  constructor(explicitVr: boolean) {
    this.#explicitVr = explicitVr;
  }

  take(): Buffer {
    const bytes = Buffer.concat(this.#pieces, this.length);
    this.#pieces = [];
    this.length = 0;
    return bytes;
  }

  element(tagNumber: number, vr: Vr, value: Buffer): void {
    this.header(tagNumber, vr, value.length + (value.length % 2));
    this.#add(value);
    if (value.length % 2 === 1) this.padding(vr);
  }

  padding(vr: Vr): void {
    this.#add(Buffer.from([isBinaryVr(vr) || vr === 'UI' ? 0 : 0x20]));
  }

  header(tagNumber: number, vr: Vr, length: number): void {
    if (!this.#explicitVr) {
      this.mark(tagNumber, length);
      return;
    }
    // PS3.5 Section 6.2.2: a value that has outgrown a 16-bit length is UN (CP-1066).
    const written = !isLongFormVr(vr) && length > MAX_SHORT_LENGTH ? 'UN' : vr;
    const long = isLongFormVr(written);
    const head = Buffer.alloc(long ? 12 : 8);
    writeTag(head, tagNumber);
    head.write(written, 4, 'latin1');
    if (long) head.writeUInt32LE(length, 8);
    else head.writeUInt16LE(length, 6);
    this.#add(head);
  }

  /** Tag and length: an element in implicit VR, and items in both. */
  mark(tagNumber: number, length: number): void {
    const head = Buffer.alloc(8);
    writeTag(head, tagNumber);
    head.writeUInt32LE(length, 4);
    this.#add(head);
  }

  #add(bytes: Buffer): void {
    this.#pieces.push(bytes);
    this.length += bytes.length;
  }
}

function writeTag(into: Buffer, tagNumber: number): void {
  into.writeUInt16LE(tagNumber >>> 16, 0);
  into.writeUInt16LE(tagNumber & 0xffff, 2);
}
