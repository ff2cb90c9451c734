import { VoxgateError } from '../errors.ts';
import { type ByteSource, bufferSource, fileSource } from './byte-source.ts';
import type { JsonDataset } from './dataset.ts';
import { inflate } from './deflate.ts';
import { type Encoding, IMPLICIT_LITTLE } from './element-reader.ts';
import { findDataSet } from './find-data-set.ts';
import { guessEncoding } from './guess-encoding.ts';
import { readDataSet } from './read-data-set.ts';
import { type BulkValue, MAX_ELEMENTS, type PixelDataLocation, Reading } from './reading.ts';
import {
  EXPLICIT_VR_BIG_ENDIAN,
  EXPLICIT_VR_LITTLE_ENDIAN,
  IMPLICIT_VR_LITTLE_ENDIAN,
  readableSyntax,
} from './transfer-syntaxes.ts';

export type { BulkValue, PixelDataLocation };
export { type ByteSource, bufferSource, fileSource };

/** One object as it was read: the JSON of its header, and where everything else lies. */
export interface ParsedObject {
  /** File Meta Information; empty where there was none. */
  readonly meta: JsonDataset;
  /** As the File Meta Information says, or as the data set looks where it says nothing. */
  readonly transferSyntaxUid: string;
  readonly dataSetOffset: number;
  /** Text is Unicode, and (0008,0005), where it was there, says ISO_IR 192. */
  readonly dataset: JsonDataset;
  /** The defined terms of (0008,0005) as they stood in the object. */
  readonly characterSet: readonly string[];
  /** Values that are not in the JSON, by the path in their BulkDataURI. */
  readonly bulk: ReadonlyMap<string, BulkValue>;
  readonly pixelData?: PixelDataLocation;
  /** The data set was deflated: all offsets count in the inflated data set, not in the file. */
  readonly deflated: boolean;
  /** What was wrong, naming tags and places but never values. */
  readonly warnings: readonly string[];
  /** False when the object breaks off, or part of it could not be understood. */
  readonly complete: boolean;
}

export interface TextOptions {
  /** The set of texts beyond ASCII where (0008,0005) says none, as it is known of the sender; defined terms. */
  readonly characterSet?: readonly string[];
}

/**
 * Reads the header of a Part 10 file (PS3.10 Section 7). Missing preamble, File Meta Information, group length or
 * Transfer Syntax UID are made up for from what the data look like. Values over 1024 bytes and pixels are not read.
 *
 * @throws VoxgateError not-dicom where no data set can be found
 */
export function parsePart10(source: ByteSource, options: TextOptions = {}): ParsedObject {
  const found = findDataSet(source);
  return parse(source, { ...found, declared: found.transferSyntaxUid }, options);
}

/**
 * Reads a data set that stands alone, as DIMSE sends it, from `offset` on (0 unless given).
 *
 * @throws VoxgateError not-dicom where there is no data set in that transfer syntax
 */
export function parseDataSet(
  source: ByteSource,
  options: TextOptions & { readonly transferSyntaxUid: string; readonly offset?: number },
): ParsedObject {
  const dataSetOffset = options.offset ?? 0;
  return parse(source, { meta: {}, dataSetOffset, declared: options.transferSyntaxUid, warnings: [] }, options);
}

interface Start {
  readonly meta: JsonDataset;
  readonly dataSetOffset: number;
  readonly declared: string | undefined;
  readonly warnings: readonly string[];
}

function parse(
  file: ByteSource,
  { meta, dataSetOffset, declared, warnings }: Start,
  { characterSet }: TextOptions,
): ParsedObject {
  const deflated = declared !== undefined && readableSyntax(declared).deflated;
  const inflated = deflated ? inflate(file, dataSetOffset) : undefined;
  const source = inflated === undefined ? file : bufferSource(inflated.bytes);
  const offset = inflated === undefined ? dataSetOffset : 0;
  const reading = new Reading(source, offset, MAX_ELEMENTS, characterSet);
  for (const warning of warnings) reading.warn(warning);
  const encoding = encodingOf(reading, offset, declared);
  readDataSet(reading, offset, encoding);
  if (Object.keys(reading.dataset).length === 0 && (source.size > offset || deflated)) {
    throw new VoxgateError('not-dicom', `no attribute can be read at byte ${dataSetOffset}`);
  }
  if (inflated?.whole === false) {
    reading.complete = false;
    reading.warn('the deflated data set is broken or too long to be held in memory, and was read in part');
  }
  return {
    meta,
    transferSyntaxUid: declared ?? syntaxOf(encoding),
    dataSetOffset,
    dataset: reading.dataset,
    characterSet: reading.characterSet.terms,
    bulk: reading.bulk,
    ...(reading.pixelData === undefined ? {} : { pixelData: reading.pixelData }),
    deflated,
    warnings: reading.warnings,
    complete: reading.complete,
  };
}

/** The encoding of the declared syntax, unless the first element is plainly written otherwise. */
function encodingOf(reading: Reading, offset: number, declared: string | undefined): Encoding {
  const seen = guessEncoding(reading.reader, offset, reading.source.size);
  if (declared === undefined) return seen ?? IMPLICIT_LITTLE; // the default (PS3.5 Section 10.1)
  const { explicitVr, bigEndian } = readableSyntax(declared);
  if (seen === undefined || (seen.explicitVr === explicitVr && seen.bigEndian === bigEndian)) {
    return { explicitVr, bigEndian };
  }
  reading.warn(`the data set is declared as ${declared} but written as ${syntaxOf(seen)}`);
  return seen;
}

function syntaxOf(encoding: Encoding): string {
  if (encoding.bigEndian) return EXPLICIT_VR_BIG_ENDIAN;
  return encoding.explicitVr ? EXPLICIT_VR_LITTLE_ENDIAN : IMPLICIT_VR_LITTLE_ENDIAN;
}
