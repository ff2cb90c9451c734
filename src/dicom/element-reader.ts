import type { ByteSource } from './byte-source.ts';
import type { Vr } from './dataset.ts';
import { tagText } from './decode-values.ts';
import { attributeOf, VRS, vrOf } from './dictionary.ts';
import { isLongFormVr } from './encode-values.ts';

/** How data elements are written (PS3.5 Section 7.1). */
export interface Encoding {
  readonly explicitVr: boolean;
  readonly bigEndian: boolean;
}

export const IMPLICIT_LITTLE: Encoding = { explicitVr: false, bigEndian: false };
export const EXPLICIT_LITTLE: Encoding = { explicitVr: true, bigEndian: false };
export const EXPLICIT_BIG: Encoding = { explicitVr: true, bigEndian: true };

export const UNDEFINED_LENGTH = 0xffffffff;
export const ITEM = 0xfffee000;
export const ITEM_DELIMITATION = 0xfffee00d;
export const SEQUENCE_DELIMITATION = 0xfffee0dd;

/** What the dictionary says of a tag number, prepared once. */
export interface KnownTag {
  readonly tag: string;
  /** undefined for private and unknown tags */
  readonly vr: Vr | undefined;
  readonly signedByPixels: boolean;
}

const knownTags = new Map<number, KnownTag>();
/** The dictionary has about 5,200 tags; what private and broken data add beyond this is not kept. */
const KNOWN_TAGS_LIMIT = 20_000;

export function knownTag(tagNumber: number): KnownTag {
  const ready = knownTags.get(tagNumber);
  if (ready !== undefined) return ready;
  const tag = tagText(tagNumber);
  const known = { tag, vr: vrOf(tag), signedByPixels: attributeOf(tag)?.choice === 'US or SS' };
  if (knownTags.size < KNOWN_TAGS_LIMIT) knownTags.set(tagNumber, known);
  return known;
}

const VR_BY_LETTERS: ReadonlyMap<number, { readonly vr: Vr; readonly longForm: boolean }> = new Map(
  VRS.map((vr) => [vr.charCodeAt(0) * 256 + vr.charCodeAt(1), { vr, longForm: isLongFormVr(vr) }]),
);

/** Enough for most headers in one read. */
const WINDOW = 64 * 1024;

/**
 * Reads the headers of data elements, and values only when asked to. The fields describe the element that `read` found
 * last; they are reused, because one object an element would double the cost of a header.
 */
export class ElementReader {
  tag = 0;
  /** As written; undefined for implicit VR and for letters that are no VR. */
  vr: Vr | undefined = undefined;
  length = 0;
  valueOffset = 0;
  /** The letters where a VR should be were none, and what follows was made sense of in another way. */
  oddVr = false;

  readonly source: ByteSource;
  #window: Buffer;
  #windowStart: number;

  constructor(source: ByteSource, offset: number) {
    this.source = source;
    this.#windowStart = offset;
    this.#window = source.read(offset, WINDOW);
  }

  /** The bytes at that place, at most up to the end of the source. */
  bytes(offset: number, length: number): Buffer {
    const at = offset - this.#windowStart;
    if (at >= 0 && at + length <= this.#window.length) return this.#window.subarray(at, at + length);
    return this.source.read(offset, length);
  }

  /**
   * Reads the header at `offset`. False when the bytes up to `end` cannot be one: too few, or neither VR nor length
   * make sense.
   */
  read(offset: number, end: number, encoding: Encoding): boolean {
    const at = this.#seek(offset, Math.min(12, end - offset));
    if (at === -1) return false;
    const window = this.#window;
    const big = encoding.bigEndian;
    this.tag = u16(window, at, big) * 0x10000 + u16(window, at + 2, big);
    this.oddVr = false;
    if (!encoding.explicitVr || this.tag >= ITEM) {
      this.vr = undefined;
      this.length = u32(window, at + 4, big);
      this.valueOffset = offset + 8;
      return true;
    }
    const letters = VR_BY_LETTERS.get(window[at + 4]! * 256 + window[at + 5]!);
    if (letters === undefined) return this.#readOddVr(at, offset, end, big);
    this.vr = letters.vr;
    if (letters.longForm) {
      if (end - offset < 12) return false;
      this.length = u32(window, at + 8, big);
      this.valueOffset = offset + 12;
      return true;
    }
    this.length = u16(window, at + 6, big);
    this.valueOffset = offset + 8;
    return true;
  }

  /** The tag number at that place, or -1 where the source ends. */
  tagAt(offset: number, bigEndian: boolean): number {
    const at = this.#seek(offset, 4);
    return at === -1 ? -1 : u16(this.#window, at, bigEndian) * 0x10000 + u16(this.#window, at + 2, bigEndian);
  }

  /**
   * Where no VR of PS3.5 stands: a VR of the future, in the long form (PS3.5 Section 6.2.2, note); an element written
   * in implicit VR among explicit ones; or two meaningless letters in front of a 16-bit length. Whichever fits into
   * what is left is taken, in that order.
   */
  #readOddVr(at: number, offset: number, end: number, big: boolean): boolean {
    const window = this.#window;
    const left = end - offset - 8;
    const short = u16(window, at + 6, big);
    this.oddVr = true;
    this.vr = undefined;
    if (isCapital(window[at + 4]!) && isCapital(window[at + 5]!)) {
      const long = left >= 4 ? u32(window, at + 8, big) : UNDEFINED_LENGTH;
      if (short === 0 && left >= 4 && (long <= left - 4 || long === UNDEFINED_LENGTH)) {
        return this.#found(long, offset + 12);
      }
    } else {
      const implicit = u32(window, at + 4, big);
      if (implicit <= left || implicit === UNDEFINED_LENGTH) return this.#found(implicit, offset + 8);
    }
    return short <= left && this.#found(short, offset + 8);
  }

  #found(length: number, valueOffset: number): boolean {
    this.length = length;
    this.valueOffset = valueOffset;
    return true;
  }

  /** The index of `offset` in the window, which is moved if need be; -1 if there are fewer than `needed` or 8 bytes. */
  #seek(offset: number, needed: number): number {
    let at = offset - this.#windowStart;
    if (at < 0 || at + 12 > this.#window.length) {
      this.#window = this.source.read(offset, WINDOW);
      this.#windowStart = offset;
      at = 0;
    }
    return this.#window.length - at < Math.max(8, needed) ? -1 : at;
  }
}

function isCapital(byte: number): boolean {
  return byte >= 0x41 && byte <= 0x5a;
}

function u16(bytes: Buffer, at: number, big: boolean): number {
  return big ? bytes[at]! * 256 + bytes[at + 1]! : bytes[at]! + bytes[at + 1]! * 256;
}

function u32(bytes: Buffer, at: number, big: boolean): number {
  return big
    ? u16(bytes, at, true) * 0x10000 + u16(bytes, at + 2, true)
    : u16(bytes, at, false) + u16(bytes, at + 2, false) * 0x10000;
}
