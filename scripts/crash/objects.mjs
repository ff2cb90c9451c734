// What the senders send: CT slices of every size, no two alike.
import { createHash } from 'node:crypto';
import { CT_IMAGE, ctSlice, fileHead, noise, uid } from '../../bench/dicom.mjs';

/** Rows and columns of 16-bit pixels: 512 B to 524 kB behind a header of 2 kB. The last is rare, so that the disk is not the test. */
const SIZES = [16, 16, 16, 32, 32, 64, 64, 128, 16, 32, 64, 512];
const LARGEST = 512;
const OBJECTS_A_STUDY = 40;

/** Mulberry32: the same numbers for the same seed. */
export function seeded(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Objects for all senders: they share studies, and now and then a series, so that their rows meet. */
export class ObjectSource {
  #random;
  #pixels = noise(LARGEST * LARGEST + 8192);
  #study;
  #series;
  #left = 0;
  #number = 0;

  constructor(random) {
    this.#random = random;
  }

  next() {
    if (this.#left === 0) {
      this.#left = OBJECTS_A_STUDY;
      this.#study = uid();
      this.#series = [uid(), uid()];
    }
    this.#left -= 1;
    this.#number += 1;
    const size = SIZES[Math.floor(this.#random() * SIZES.length)];
    const start = 2 * Math.floor(this.#random() * 8192);
    const { sop, study, series, dataSet } = ctSlice({
      study: this.#study,
      series: this.#series[Math.floor(this.#random() * 2)],
      patientId: `CRASH${this.#study.slice(-12)}`,
      number: this.#number,
      pixels: this.#pixels.subarray(start, start + size * size * 2),
      size,
    });
    return { sop, study, series, dataSet, digest: sha256(dataSet) };
  }
}

export const SOP_CLASS = CT_IMAGE;

/** As a PS3.10 file. */
export const asFile = ({ sop, dataSet }) => Buffer.concat([fileHead(CT_IMAGE, sop), dataSet]);

/** SHA-256 of the data set in a PS3.10 file: what stands behind the file meta information (PS3.10 7.1). */
export function dataSetDigest(file) {
  if (file.toString('latin1', 128, 132) !== 'DICM') return 'no PS3.10 file';
  return sha256(file.subarray(144 + file.readUInt32LE(140)));
}
