import { createHash, randomFillSync } from 'node:crypto';

/**
 * The name under which an object comes: twelve hexadecimal digits of the time in milliseconds, which say where its file
 * will lie, and eight by chance, so that no two objects share a file, be they equal. `sealedKey` makes it the name it keeps.
 */
export function newArrivalName(now: number = Date.now()): string {
  if (used + RANDOM_BYTES > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.toString('hex', used, used + RANDOM_BYTES);
  used += RANDOM_BYTES;
  return now.toString(16).padStart(TIME_DIGITS, '0') + random;
}

const TIME_DIGITS = 12;
const RANDOM_BYTES = 4;
const ARRIVAL_DIGITS = TIME_DIGITS + 2 * RANDOM_BYTES;
const CHECK_DIGITS = 12;
/** Random bytes are asked for by the page: a call costs more than the bytes. */
const pool = Buffer.alloc(1000 * RANDOM_BYTES);
let used = pool.length;

/**
 * The key of a stored object: the name it came under, and twelve digits of the digest of its whole content, by which
 * what stands before the data set can be checked as well (the data set has a digest of its own in the catalog).
 */
export function sealedKey(arrivalName: string, contentDigest: string): string {
  return arrivalName.slice(0, ARRIVAL_DIGITS) + contentDigest.slice(0, CHECK_DIGITS);
}

/** The name under which the object of a key came. */
export function arrivalName(key: string): string {
  return key.slice(0, ARRIVAL_DIGITS);
}

/** SHA-256 over what stands before the data set and the digest of the data set, hexadecimal. */
export function contentDigest(head: Uint8Array, dataSetDigest: Uint8Array): string {
  return createHash('sha256').update(head).update(dataSetDigest).digest('hex');
}

/** Whether a key is that of this content. Keys of 64 digits are of archives begun before, and the digest as a whole. */
export function isKeyOf(key: string, digest: string): boolean {
  return key.length > ARRIVAL_DIGITS + CHECK_DIGITS ? key === digest : key === sealedKey(key, digest);
}

export const EXTENSION = '.dcm';

const KEY = /^(?:[0-9a-f]{32}|[0-9a-f]{64})$/;

export function isObjectKey(text: string): boolean {
  return KEY.test(text);
}

const TEN_MINUTES = 600_000;
let knownSlot = -1;
let knownFolder = '';

/**
 * The folder of an object below `objects/`: the day and the ten minutes it came in, UTC ("2026-11-22/13-40"), so that
 * people and backups find what is new; of older keys their first two digits.
 */
export function folderOf(key: string): string {
  if (key.length > 32) return key.slice(0, 2);
  const slot = Math.floor(Number.parseInt(key.slice(0, TIME_DIGITS), 16) / TEN_MINUTES);
  if (slot !== knownSlot) {
    const [day, time] = new Date(slot * TEN_MINUTES).toISOString().split('T');
    knownFolder = `${day}/${time!.slice(0, 5).replace(':', '-')}`;
    knownSlot = slot;
  }
  return knownFolder;
}
