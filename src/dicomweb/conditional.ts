import { createHash } from 'node:crypto';
import type { Request, Response } from 'express';

/** By what a client tells one representation of a resource from another (RFC 9110 8.8). */
export interface Validators {
  /** Strong unless it begins with "W/". */
  readonly etag: string;
  /** When the newest of what it consists of was received. */
  readonly lastModified: Date;
  /**
   * Whether the date alone tells it from another: of stored bytes, which never change under their date. A set may lose
   * members without becoming newer, so there the date is only told.
   */
  readonly dateDecides: boolean;
}

/**
 * A strong entity tag of what determines the bytes of an answer. Storage keys do: a file is never written again under
 * its key, while the digest of a data set says nothing of the header that stands before it.
 */
export function entityTag(parts: Iterable<string | number>): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(`${part}\n`);
  return `"${hash.digest('base64url').slice(0, 32)}"`;
}

/** Objects that were deleted must not come out of a browser's cache: it keeps them, and asks each time. */
const CACHE_CONTROL = 'private, no-cache';

/**
 * Sets the validators and evaluates the preconditions of the request in the order of RFC 9110 13.2.2. True where that
 * has answered it: 304 to who has it already, 412 to who wanted another.
 */
export function isAnswered(request: Request, response: Response, validators: Validators): boolean {
  response.setHeader('etag', validators.etag);
  response.setHeader('last-modified', validators.lastModified.toUTCString());
  response.setHeader('cache-control', CACHE_CONTROL);
  const status = preconditionStatus(request, validators);
  if (status === undefined) return false;
  response.status(status);
  if (status === 304) response.end();
  else response.json({ error: 'the resource is not the one that If-Match or If-Unmodified-Since names' });
  return true;
}

function preconditionStatus({ headers }: Request, { etag, lastModified, dateDecides }: Validators) {
  const wanted = headers['if-match'];
  if (wanted !== undefined) {
    if (!names(wanted, etag, 'strongly')) return 412;
  } else if (dateDecides && headers['if-unmodified-since'] !== undefined) {
    const since = Date.parse(headers['if-unmodified-since']);
    if (seconds(lastModified.getTime()) > seconds(since)) return 412;
  }
  const known = headers['if-none-match'];
  if (known !== undefined) return names(known, etag, 'weakly') ? 304 : undefined;
  return dateDecides && isDate(headers['if-modified-since'], lastModified) ? 304 : undefined;
}

/** Whether a part of the representation may be given to who has another part (RFC 9110 13.1.5). */
export function isStillThat(ifRange: string | undefined, { etag, lastModified, dateDecides }: Validators): boolean {
  if (ifRange === undefined) return true;
  if (ifRange.includes('"')) return names(ifRange, etag, 'strongly');
  return dateDecides && isDate(ifRange, lastModified);
}

/** A date that is the very same: what replaces an object may have been received before it. */
function isDate(text: string | undefined, date: Date): boolean {
  return text !== undefined && seconds(Date.parse(text)) === seconds(date.getTime());
}

function seconds(time: number): number {
  return Math.floor(time / 1000);
}

function names(list: string, etag: string, how: 'strongly' | 'weakly'): boolean {
  if (list.trim() === '*') return true;
  const bare = (tag: string): string => tag.replace(/^W\//, '');
  const tags: readonly string[] = list.match(/(?:W\/)?"[^"]*"/g) ?? [];
  if (how === 'weakly') return tags.some((tag) => bare(tag) === bare(etag));
  return !etag.startsWith('W/') && tags.includes(etag);
}
