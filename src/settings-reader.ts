import { isIP } from 'node:net';

export type Fields = Readonly<Record<string, unknown>>;

/** Reads the keys of one object of the settings file, and notes each fault with its path. */
export class Reader {
  readonly #fields: Fields;
  readonly #at: string;
  readonly faults: string[] = [];

  constructor(at: string, fields: Fields, known: readonly string[]) {
    this.#at = at;
    this.#fields = fields;
    for (const key of Object.keys(fields)) if (!known.includes(key)) this.faults.push(`${at}: unknown key ${key}`);
  }

  has(key: string): boolean {
    return this.#fields[key] !== undefined;
  }

  read<T>(key: string, parse: (value: unknown) => T | undefined, want: string): T | undefined {
    const value = this.#fields[key];
    if (value === undefined) return undefined;
    const parsed = parse(value);
    if (parsed === undefined) this.faults.push(`${this.#at}.${key}: must be ${want}`);
    return parsed;
  }

  require<T>(key: string, parse: (value: unknown) => T | undefined, want: string): T | undefined {
    if (!this.has(key)) this.faults.push(`${this.#at}.${key}: must be ${want}`);
    return this.read(key, parse, want);
  }

  nested<T>(key: string, read: (at: string, fields: Fields, faults: string[]) => T): T | undefined {
    const value = this.#fields[key];
    if (value === undefined) return undefined;
    if (isRecord(value)) return read(`${this.#at}.${key}`, value, this.faults);
    this.faults.push(`${this.#at}.${key}: must be an object`);
    return undefined;
  }
}

/** Without the keys that were not given. */
export function given<T extends object>(fields: T): Partial<T> {
  const left = Object.entries(fields).filter(([, value]) => value !== undefined);
  // The entries of T that are there.
  return Object.fromEntries(left) as Partial<T>;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function textOf<T>(parse: (text: string) => T | undefined): (value: unknown) => T | undefined {
  return (value) => (typeof value === 'string' ? parse(value) : undefined);
}

export function listOf<T>(parse: (text: string) => T | undefined): (value: unknown) => readonly T[] | undefined {
  return (value) => {
    if (!Array.isArray(value)) return undefined;
    const parsed = value.flatMap((one: unknown) => (typeof one === 'string' ? (parse(one) ?? []) : []));
    return parsed.length === value.length ? parsed : undefined;
  };
}

export function flag(value: unknown): boolean | undefined {
  return typeof value === 'boolean' ? value : undefined;
}

export function wholeNumber(value: unknown, least: number, most: number): number | undefined {
  const number = Number.isInteger(value) ? Number(value) : Number.NaN;
  return number >= least && number <= most ? number : undefined;
}

export function nonEmpty(text: string): string | undefined {
  return text === '' ? undefined : text;
}

/** PS3.5 6.2 (AE): without the spaces around it. */
export function parseAeTitle(text: string): string | undefined {
  const title = text.trim();
  return /^[\x20-\x5B\x5D-\x7E]{1,16}$/.test(title) ? title : undefined;
}

/** Without a slash at the end. */
export function parseHttpAddress(text: string): string | undefined {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return undefined;
  const { username, password } = new URL(text);
  return username === '' && password === '' ? text.replace(/\/+$/, '') : undefined;
}

export function parseNetwork(text: string): string | undefined {
  const [address = '', prefix, ...more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0) return undefined;
  if (prefix === undefined) return text;
  return /^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128) ? text : undefined;
}

export function parseFingerprint(text: string): string | undefined {
  const digits = text.replaceAll(':', '').toLowerCase();
  return /^[0-9a-f]{64}$/.test(digits) ? digits : undefined;
}
