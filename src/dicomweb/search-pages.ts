import type { Request } from 'express';
import { MOST_ANSWERS, type PlaceInOrder } from '../archive/archive.ts';
import type { Query, QueryLevel } from '../dicom/query.ts';
import { VoxgateError } from '../errors.ts';
import { parametersOf } from './addresses.ts';

/**
 * Who asks, as well as HTTP tells: whose next page goes on where the one before ended. Two of one address with the same
 * program and the same query are taken for one, and may see an answer twice while new ones arrive; the cursor of the
 * Link header knows no callers.
 */
export function callerOf(request: Request): string {
  const { headers, socket } = request;
  return [
    socket.remoteAddress,
    headers['x-forwarded-for'],
    headers['forwarded'],
    headers['user-agent'],
    headers.authorization,
  ].join('\n');
}

/** Types of a place's parts (catalog/search-statement.ts): the date, then ids and numbers. */
const PARTS: Readonly<Record<QueryLevel, number>> = { patient: 1, study: 2, series: 3, instance: 5 };

/**
 * The place that the parameter `cursor` of a Link header names.
 * @throws VoxgateError bad-request for what no such header said
 */
export function cursorOf(request: Request, level: QueryLevel): PlaceInOrder | undefined {
  const text = parametersOf(request).get('cursor');
  if (text === null) return undefined;
  const [first = '', ...others] = text.split('.');
  const numbers = others.map(Number);
  const isPlace =
    level !== 'patient' &&
    numbers.length === PARTS[level] - 1 &&
    others.every((digits) => /^-?\d{1,15}$/.test(digits)) &&
    // the third is an Instance Number, an integer of 32 bits
    Math.abs(numbers[2] ?? 0) < 2 ** 31;
  if (!isPlace) throw new VoxgateError('bad-request', 'cursor must be as a Link header of this resource gave it');
  return [Buffer.from(first, 'base64url').toString().replaceAll('\0', ''), ...numbers];
}

/**
 * The Link header to the next page (RFC 8288). Its cursor names the last answer of this page, so that none is repeated
 * and none left out whatever arrives meanwhile; the place of a patient would be a Patient ID, and stays here.
 */
export function nextPage(request: Request, root: string, query: Query, next: PlaceInOrder | undefined): string {
  const parameters = parametersOf(request);
  parameters.delete('cursor');
  parameters.set('offset', String(query.offset + Math.min(query.limit ?? MOST_ANSWERS, MOST_ANSWERS)));
  if (next !== undefined && query.level !== 'patient') {
    const [first, ...others] = next;
    parameters.set('cursor', [Buffer.from(String(first)).toString('base64url'), ...others].join('.'));
  }
  const path = request.path.replace(/[^\w./~%-]/g, encodeURIComponent);
  return `<${root}${path}?${parameters}>; rel="next"`;
}
