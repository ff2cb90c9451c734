import { VoxgateError } from '../errors.ts';

const MOST_FRAMES = 10_000;

/** The frames of an address, "1,3,2", counted from 1 (PS3.18 10.4.1.1.6). @throws VoxgateError bad-request */
export function frameNumbers(list: string | string[] | undefined): number[] {
  const numbers = typeof list === 'string' ? list.split(',').map(frameNumber) : [];
  if (numbers.length === 0 || numbers.length > MOST_FRAMES || !numbers.every((number) => number >= 1)) {
    throw new VoxgateError('bad-request', 'frames must be a list of numbers from 1, separated by commas');
  }
  return numbers;
}

/** Number() would take "1e1", "0x1" and blanks. */
export function frameNumber(text: string): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}
