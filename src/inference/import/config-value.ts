import { VoxgateError } from '../../errors.ts';
import { BUNDLE_LIMITS } from './bundle-limits.ts';

/**
 * A configuration as it stands in its file. Maps are Maps: a key like "constructor" finds nothing that was not written.
 */
export type ConfigValue = null | boolean | number | string | readonly ConfigValue[] | ConfigMap;
export type ConfigMap = ReadonlyMap<string, ConfigValue>;

export function isMap(value: unknown): value is ConfigMap {
  return value instanceof Map;
}

export function isList(value: ConfigValue | undefined): value is readonly ConfigValue[] {
  return Array.isArray(value);
}

/** The refusal of something in a bundle: which file, which key, what is wrong. */
export function refused(file: string, key: string, reason: string, cause?: unknown): VoxgateError {
  const place = key === '' ? file : `${file}, ${key}`;
  return new VoxgateError('bad-model', `${place}: ${reason}`, cause === undefined ? {} : { cause });
}

const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** @throws VoxgateError bad-model: a key that no honest configuration has, or one that is too long */
export function checkKey(file: string, place: string, key: string): void {
  if (FORBIDDEN_KEYS.has(key)) throw refused(file, place, `the key "${key}" is not allowed`);
  if (key.length > BUNDLE_LIMITS.keyLength)
    throw refused(file, place, `a key of ${key.length} characters is longer than ${BUNDLE_LIMITS.keyLength}`);
}

export function childPlace(place: string, key: string | number): string {
  return place === '' ? String(key) : `${place}::${key}`;
}
