import type { ByteSource } from './byte-source.ts';
import { type CharacterSet, characterSetOf, type Doubt } from './charset.ts';
import type { JsonElement, Vr } from './dataset.ts';
import { ElementReader, type Encoding, knownTag } from './element-reader.ts';

/** Where a value lies that is not in the JSON. */
export interface BulkValue {
  readonly vr: Vr;
  /** In the file, or in the inflated data set of a deflated one. */
  readonly offset: number;
  /** In bytes, as far as they are there; of encapsulated values all items and the delimitation item. */
  readonly length: number;
  /** Bytes of one word where these must be swapped to become little endian; 1 where nothing is to be swapped. */
  readonly swap: 1 | 2 | 4 | 8;
  readonly encapsulated: boolean;
  /** For text: how it is to be decoded. */
  readonly characterSet?: CharacterSet;
}

/** Pixel Data, Float Pixel Data or Double Float Pixel Data of the data set itself (PS3.3 Section C.7.6.3). */
export interface PixelDataLocation extends BulkValue {
  readonly tag: PixelTag;
  /** Of encapsulated pixels: offset and length of each item's value in turn, the Basic Offset Table first. */
  readonly items: readonly number[];
}

export type PixelTag = '7FE00010' | '7FE00008' | '7FE00009';

/** An enhanced multi-frame object of 10,000 frames has about a million. */
export const MAX_ELEMENTS = 2_000_000;
/** What is wrong with an object repeats itself. */
const MAX_WARNINGS = 50;

/** A data set or an item that is being read. */
export interface OpenDataSet {
  readonly into: Record<string, JsonElement>;
  readonly encoding: Encoding;
  /** Where it ends at the latest. */
  readonly end: number;
  /** Whether an Item Delimitation Item ends it. */
  readonly delimited: boolean;
  /** 0 for the data set itself. */
  readonly depth: number;
  /** Of its parent until its own (0008,0005) is read (PS3.3 Section C.12.1.1.2). */
  characterSet: CharacterSet;
  /** Pixel Representation, its own or of what is around it, was 1: "US or SS" is SS (PS3.5 Annex A.1). */
  signedPixels: boolean;
}

/** Ends the reading where going on makes no sense; what was read so far stays. */
export class BrokenOff extends Error {}

/** What is known while one data set is read: what was found, where we are, and what was wrong. */
export class Reading {
  readonly source: ByteSource;
  readonly reader: ElementReader;
  readonly dataset: Record<string, JsonElement> = {};
  readonly bulk = new Map<string, BulkValue>();
  readonly warnings: string[] = [];
  pixelData: PixelDataLocation | undefined = undefined;
  complete = true;
  /** (0008,0005) of the data set itself. */
  characterSet: CharacterSet;
  /** Terms of the set that is assumed where none is said. */
  readonly assumedCharacterSet: readonly string[];
  /** Bytes of values that are in the JSON. */
  inlined = 0;

  readonly #path: (string | number)[] = [];
  readonly #doubts = new Set<Doubt>();
  readonly #maxElements: number;
  #elements = 0;

  constructor(
    source: ByteSource,
    offset: number,
    maxElements: number = MAX_ELEMENTS,
    assumedCharacterSet: readonly string[] = [],
  ) {
    this.source = source;
    this.assumedCharacterSet = assumedCharacterSet;
    this.characterSet = characterSetOf([], assumedCharacterSet);
    this.reader = new ElementReader(source, offset);
    this.#maxElements = maxElements;
  }

  /** Goes into an element (its tag) or an item (its index). */
  enter(step: string | number): void {
    this.#elements += 1;
    if (this.#elements > this.#maxElements) throw new BrokenOff(`the data set has over ${this.#maxElements} elements`);
    this.#path.push(step);
  }

  leave(): void {
    this.#path.pop();
  }

  /** Tags and item indexes from the data set to here, "54000100/0/54001010". */
  path(): string {
    return this.#path.join('/');
  }

  /** For sentences: where we are. */
  place(): string {
    return this.#path.length === 0 ? 'the data set' : this.path();
  }

  /** Notes what is wrong. A sentence names tags and places, never values: those may be about a patient. */
  warn(sentence: string): void {
    if (this.warnings.length < MAX_WARNINGS) this.warnings.push(sentence);
    else if (this.warnings.length === MAX_WARNINGS) this.warnings.push('more warnings were left out');
  }

  /** Notes what is wrong with a text, once for each kind: most texts of an object come from the same hand. */
  doubt(doubt: Doubt): void {
    if (this.#doubts.has(doubt)) return;
    this.#doubts.add(doubt);
    this.warn(`${this.place()} ${doubt}`);
  }

  /** What lies here is longer than what it lies in; where that ends with the source, the object is truncated. */
  overrun(open: { readonly end: number }): void {
    if (open.end >= this.source.size) this.complete = false;
    this.warn(`${this.place()} is longer than what it lies in`);
  }
}

/** A tag number as PS3.6 prints it, "(0010,0020)". */
export function printedTag(tagNumber: number): string {
  const { tag } = knownTag(tagNumber);
  return `(${tag.slice(0, 4)},${tag.slice(4)})`;
}
