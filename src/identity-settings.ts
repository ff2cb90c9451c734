import { type Fields, given, isRecord, nonEmpty, Reader, textOf } from './settings-reader.ts';

/** Who may identify themselves on an association (PS3.7 D.3.3.7), and how that is checked. */
export interface IdentitySettings {
  /** Passcodes by user name, as `voxgate passcode` writes them; null is a user who needs none. */
  readonly users: Readonly<Record<string, ScryptHash | null>>;
  readonly tokens?: TokenSettings;
}

/** JSON Web Tokens are taken when this key signed them; their subject (sub) is the user name. */
export interface TokenSettings {
  /** PEM file of the public key: RSA for RS256, P-256 for ES256. */
  readonly key: string;
  readonly issuer?: string;
  readonly audience?: string;
}

/** A passcode that cannot be read back: RFC 7914. */
export interface ScryptHash {
  readonly cost: number;
  readonly blockSize: number;
  readonly parallelization: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/** "dimseUsers" of the settings file; values are never part of a fault. */
export function parseUsers(value: unknown, faults: string[]): IdentitySettings['users'] {
  if (value === undefined) return {};
  if (!isRecord(value)) {
    faults.push('dimseUsers: must be an object of passcodes by user name');
    return {};
  }
  const users: Record<string, ScryptHash | null> = {};
  for (const [name, passcode] of Object.entries(value)) {
    const hash = typeof passcode === 'string' ? parseHash(passcode) : undefined;
    if (passcode === null || hash) users[name] = hash ?? null;
    else faults.push(`dimseUsers.${name}: must be what "voxgate passcode" printed, or null for no passcode`);
  }
  return users;
}

/** "dimseTokens" of the settings file. */
export function parseTokens(value: unknown, faults: string[]): TokenSettings | undefined {
  if (value === undefined) return undefined;
  if (!isRecord(value)) {
    faults.push('dimseTokens: must be an object');
    return undefined;
  }
  return readTokens(value, faults);
}

function readTokens(fields: Fields, faults: string[]): TokenSettings | undefined {
  const reader = new Reader('dimseTokens', fields, ['key', 'issuer', 'audience']);
  const key = reader.require('key', textOf(nonEmpty), 'the path of a PEM file with the public key');
  const expected = given({
    issuer: reader.read('issuer', textOf(nonEmpty), 'text'),
    audience: reader.read('audience', textOf(nonEmpty), 'text'),
  });
  faults.push(...reader.faults);
  return key === undefined ? undefined : { key, ...expected };
}

const FORM =
  /^scrypt\$(?<cost>\d+)\$(?<blockSize>\d+)\$(?<parallelization>\d+)\$(?<salt>[\w+/]+=*)\$(?<hash>[\w+/]+=*)$/;

/** Bounded: each check costs 128 * cost * blockSize bytes and the time to fill them. */
function parseHash(text: string): ScryptHash | undefined {
  const parts = FORM.exec(text)?.groups;
  if (!parts) return undefined;
  const [cost, blockSize, parallelization] = [parts['cost'], parts['blockSize'], parts['parallelization']].map(Number);
  const salt = Buffer.from(parts['salt'] ?? '', 'base64');
  const hash = Buffer.from(parts['hash'] ?? '', 'base64');
  const fine =
    isPowerOfTwo(cost) && within(cost, 1024, 2 ** 17) && within(blockSize, 1, 16) && within(parallelization, 1, 4);
  return fine && salt.length >= 8 && hash.length >= 16 ? { cost, blockSize, parallelization, salt, hash } : undefined;
}

function isPowerOfTwo(value: number | undefined): value is number {
  return value !== undefined && Number.isInteger(Math.log2(value));
}

function within(value: number | undefined, least: number, most: number): value is number {
  return value !== undefined && value >= least && value <= most;
}
