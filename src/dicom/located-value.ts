import { VoxgateError } from '../errors.ts';
import { readBulk } from './bulk.ts';
import type { JsonDataset, Vr } from './dataset.ts';
import { inflate } from './deflate.ts';
import { type ByteSource, bufferSource, parsePart10 } from './parse.ts';
import { text } from './read-values.ts';
import type { BulkValue } from './reading.ts';

/** A value of an object that is not in its metadata: where its bytes lie, or the bytes themselves where they do not lie so. */
export interface LocatedValue {
  readonly vr: Vr;
  /** Offset and length in the file, in turn; what lies there, joined, is the value. */
  readonly pieces: readonly number[];
  /** See BulkValue: big endian words are swapped on reading. */
  readonly swap: BulkValue['swap'];
  /** Of what was deflated, or text of another character set: little endian, or UTF-8. */
  readonly bytes?: Uint8Array;
  /** Fragments with their item headers, unless they are in `fragments`. */
  readonly encapsulated: boolean;
  /** Of the pixels of the object itself: the fragments alone, without offset table and headers; offset and length in turn. */
  readonly fragments?: readonly number[];
  /** MIME Type of Encapsulated Document (0042,0012), in lower case; its padding is not among the pieces. */
  readonly documentType?: string;
}

/** Of text that is given out as UTF-8 and so passes through memory. */
const LONGEST_TEXT = 64 * 1024 * 1024;
const ENCAPSULATED_DOCUMENT = '00420011';

/**
 * Finds a value by its path, "7FE00010" or "54000100/0/54001010", as a BulkDataURI has it.
 * @throws VoxgateError not-found where there is no such bulk value; not-dicom
 */
export function locateValue(source: ByteSource, path: string): LocatedValue {
  const parsed = parsePart10(source);
  const value = parsed.bulk.get(path);
  if (value === undefined) throw new VoxgateError('not-found', 'the object has no bulk data at this path');
  const { vr, offset, swap, encapsulated, characterSet } = value;
  const { length, ...document } = path === ENCAPSULATED_DOCUMENT ? documentOf(parsed.dataset, value) : value;
  const located = { vr, swap, encapsulated, ...('documentType' in document ? document : {}) };
  if (parsed.deflated || characterSet !== undefined) {
    if (length > LONGEST_TEXT)
      throw new VoxgateError('not-acceptable', 'the text is too long to be brought into UTF-8; retrieve the instance');
    const inflated = parsed.deflated ? bufferSource(inflate(source, parsed.dataSetOffset).bytes) : source;
    // A copy: what is sent to another thread takes the memory around it along.
    return { ...located, swap: 1, pieces: [], bytes: Uint8Array.from(readBulk({ ...value, length }, inflated)) };
  }
  const { pixelData } = parsed;
  const fragments = pixelData?.encapsulated === true && pixelData.tag === path ? pixelData.items.slice(2) : undefined;
  return { ...located, pieces: [offset, length], ...(fragments === undefined ? {} : { fragments }) };
}

/** A value has an even length, and the document may not have (PS3.3 C.24.2). What is no media type becomes no header. */
function documentOf(dataset: JsonDataset, { length }: BulkValue): { length: number; documentType?: string } {
  const told = dataset['00420015']?.Value?.[0];
  const type = text(dataset, 'MIMETypeOfEncapsulatedDocument') ?? '';
  return {
    length: typeof told === 'number' && told === length - 1 ? told : length,
    ...(/^[\w.+-]{1,60}\/[\w.+-]{1,60}$/.test(type) ? { documentType: type.toLowerCase() } : {}),
  };
}
