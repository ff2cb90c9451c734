import { createHash } from 'node:crypto';
import { VoxgateError } from '../errors.ts';

declare const brand: unique symbol;

export type StudyUid = string & { readonly [brand]: 'study' };
export type SeriesUid = string & { readonly [brand]: 'series' };
export type InstanceUid = string & { readonly [brand]: 'instance' };

/**
 * Whether the text is a usable UID (PS3.5 Section 9.1): numbers joined by points, at most 64 characters. Leading zeros
 * of a component, which the standard forbids, are let through: archives in the field hold such UIDs.
 */
export function isUid(text: string): boolean {
  return text.length <= 64 && /^[0-9]+(\.[0-9]+)*$/.test(text);
}

/**
 * Whether the text can serve as an identifier although it may be no UID: anonymised data in the field carry hexadecimal
 * digests and names in the place of UIDs. Nothing in it needs escaping in a path or a query.
 */
export function isUsableAsUid(text: string): boolean {
  return /^[0-9A-Za-z._-]{1,64}$/.test(text) && !/^\.+$/.test(text);
}

function checked(text: string, what: string): string {
  if (!isUid(text)) throw new VoxgateError('bad-request', `${what} is not a UID of at most 64 digits and points`);
  return text;
}

/** The text as Study Instance UID. @throws VoxgateError bad-request when it is no UID */
export function studyUid(text: string): StudyUid {
  return checked(text, 'Study Instance UID') as StudyUid;
}

/** The text as Series Instance UID. @throws VoxgateError bad-request when it is no UID */
export function seriesUid(text: string): SeriesUid {
  return checked(text, 'Series Instance UID') as SeriesUid;
}

/** The text as SOP Instance UID. @throws VoxgateError bad-request when it is no UID */
export function instanceUid(text: string): InstanceUid {
  return checked(text, 'SOP Instance UID') as InstanceUid;
}

/**
 * A UID that depends on the parts alone: "2.25." and a UUID as decimal number (PS3.5 Annex B.2), made from the SHA-256
 * of the parts, each preceded by its length so that ("ab", "c") and ("a", "bc") differ. At most 44 characters.
 */
export function deterministicUid(...parts: string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part}`);
  const uuid = hash.digest().subarray(0, 16);
  uuid[6] = (uuid[6]! & 0x0f) | 0x50; // version 5, name-based (RFC 9562 Section 5.5)
  uuid[8] = (uuid[8]! & 0x3f) | 0x80; // variant 10
  return `2.25.${BigInt(`0x${uuid.toString('hex')}`)}`;
}
