import { closeSync, openSync } from 'node:fs';
import { findDataSet } from '../dicom/find-data-set.ts';
import { type LocatedValue, locateValue } from '../dicom/located-value.ts';
import { type ByteSource, fileSource } from '../dicom/parse.ts';
import { readableSyntax } from '../dicom/transfer-syntaxes.ts';
import { VoxgateError } from '../errors.ts';
import type { StagedObject } from '../storage/staged-object.ts';
import { type DescribedObject, describeObject, type Told } from './describe-object.ts';
import { DescribePool } from './describe-pool.ts';

/** An object that is not sure to be read in no time. */
class TooMuch extends Error {}
/** Bytes that are needed are on their way to the disk. */
class OnItsWay extends Error {}

/** Headers of nearly every object end here. */
const HEAD = 66 * 1024;
/** What is read beyond: what stands behind the pixels, and the item headers of some fragments. */
const MOST_BEYOND = 128 * 1024;
const MOST_READS_BEYOND = 64;

/**
 * Reads what the catalog records of an object. A short header is read here and now, from memory; what is longer,
 * deflated or made to take long goes to a thread of its own, so that nobody waits for another's parsing.
 */
export class Describer {
  readonly #pool = new DescribePool();

  /** @throws VoxgateError as describeObject, and out-of-resources where reading it takes too much time or memory */
  async describe(staged: StagedObject, told: Told): Promise<DescribedObject> {
    try {
      return describeHere(staged, told);
    } catch (error) {
      if (!(error instanceof OnItsWay) && !(error instanceof TooMuch)) throw error;
    }
    // What is in no memory any more: some of it is on its way to the disk.
    await staged.flush();
    try {
      return describeHere(staged, told);
    } catch (error) {
      if (!(error instanceof TooMuch)) throw error;
    }
    return this.#pool.describe(staged.path, staged.size, told);
  }

  /** An object of the store, in a thread of its own. */
  describeFile(path: string, size: number): Promise<DescribedObject> {
    return this.#pool.describe(path, size, {});
  }

  /**
   * Where a value of a stored object lies. Most are found here, in the first pages; the thread takes what is longer.
   * @throws VoxgateError as locateValue, and unidentifiable where reading takes too much time or memory
   */
  async locateValue(path: string, size: number, value: string): Promise<LocatedValue> {
    try {
      return locateHere(path, size, value);
    } catch (error) {
      if (!(error instanceof TooMuch)) throw error;
    }
    return this.#pool.locateValue(path, size, value);
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

function describeHere(staged: StagedObject, told: Told): DescribedObject {
  const source = shortSource(staged);
  // A few bytes may inflate to many.
  const syntax = told.announced?.transferSyntaxUid ?? findDataSet(source).transferSyntaxUid ?? '';
  if (readableSyntax(syntax).deflated) throw new TooMuch();
  return describeObject(source, told);
}

function locateHere(path: string, size: number, value: string): LocatedValue {
  const fd = opened(path);
  try {
    const source = beginningOf(fileSource(fd, size));
    if (readableSyntax(findDataSet(source).transferSyntaxUid ?? '').deflated) throw new TooMuch();
    return locateValue(source, value);
  } finally {
    closeSync(fd);
  }
}

function opened(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw new VoxgateError('not-found', 'the stored object cannot be opened', { cause });
  }
}

function shortSource(staged: StagedObject): ByteSource {
  return beginningOf({
    size: staged.size,
    read(offset, length) {
      if (!staged.canRead(offset, length)) throw new OnItsWay();
      return staged.read(offset, length);
    },
  });
}

/** The beginning of an object, and little more: whoever wants to read on is stopped. */
function beginningOf({ size, read }: ByteSource): ByteSource {
  let [reads, bytes] = [0, 0];
  return {
    size,
    read(offset, length) {
      const end = Math.min(offset + length, size);
      if (end > HEAD) {
        reads += 1;
        bytes += end - Math.max(offset, HEAD);
        if (reads > MOST_READS_BEYOND || bytes > MOST_BEYOND) throw new TooMuch();
      }
      return read(offset, length);
    },
  };
}
