import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';
import type { ScryptHash } from '../identity-settings.ts';

/** 16 MiB and about 50 ms a check. */
const COST = 16_384;
const BLOCK_SIZE = 8;
const PARALLELIZATION = 1;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

/** Checks go one after another: who tries many neither fills memory nor takes the threads that write files. */
let last: Promise<unknown> = Promise.resolve();

/** A passcode as it stands in the settings: "scrypt$cost$blockSize$parallelization$salt$hash" (RFC 7914). */
export async function hashPasscode(passcode: Buffer): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const form = { cost: COST, blockSize: BLOCK_SIZE, parallelization: PARALLELIZATION, salt };
  const hash = await derive(passcode, { ...form, hash: Buffer.alloc(HASH_BYTES) });
  return ['scrypt', COST, BLOCK_SIZE, PARALLELIZATION, salt.toString('base64'), hash.toString('base64')].join('$');
}

/** Takes the same time for every passcode. */
export function isPasscode(passcode: Buffer, expected: ScryptHash): Promise<boolean> {
  const checked = last.then(async () => timingSafeEqual(await derive(passcode, expected), expected.hash));
  last = checked.catch(() => undefined);
  return checked;
}

/** For users that are not known: as slow as one that is. */
export const NOBODY: ScryptHash = {
  cost: COST,
  blockSize: BLOCK_SIZE,
  parallelization: PARALLELIZATION,
  salt: randomBytes(SALT_BYTES),
  hash: randomBytes(HASH_BYTES),
};

function derive(passcode: Buffer, { cost, blockSize, parallelization, salt, hash }: ScryptHash): Promise<Buffer> {
  const options = { cost, blockSize, parallelization, maxmem: 256 * cost * blockSize };
  return new Promise((resolve, reject) => {
    scrypt(passcode, salt, hash.length, options, (error, derived) => (error ? reject(error) : resolve(derived)));
  });
}
