import { VoxgateError } from '../errors.ts';

/** A media type or media range with its parameters (RFC 9110 Sections 8.3.1 and 12.5.1). */
export interface MediaType {
  /** In lower case, "multipart/related"; "*" + "/*" and "image/*" where it is a range. */
  readonly type: string;
  /** Names in lower case, values as they are, without quotes; "q" is not among them. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Preference from 0, not acceptable, to 1. */
  readonly q: number;
}

/**
 * A Content-Type header, or one media type. Parameters may be quoted or not: viewers send `type=application/dicom` and
 * `type="application/dicom"` alike (PS3.18 Section 8.6.1.2.1 asks for quotes).
 *
 * @throws VoxgateError bad-request for what is no media type
 */
export function parseMediaType(text: string): MediaType {
  const parsed = mediaType(splitOutsideQuotes(text, ';'));
  if (parsed === undefined) throw new VoxgateError('bad-request', 'the Content-Type is no media type');
  return parsed;
}

/**
 * The media ranges of an Accept header, the most wanted first, equals in their order. What cannot be understood is
 * passed over; no header, or an empty one, accepts anything.
 */
export function parseAccept(header: string | undefined): MediaType[] {
  const ranges = splitOutsideQuotes(header ?? '', ',')
    .map((range) => mediaType(splitOutsideQuotes(range, ';')))
    .filter((range) => range !== undefined);
  if (ranges.length === 0 && (header ?? '').trim() === '') return [{ type: '*/*', parameters: {}, q: 1 }];
  return ranges.sort((a, b) => b.q - a.q);
}

/** Whether the range takes in the type: the same, or with "*" for its parts. Both in lower case, without parameters. */
export function includesType(range: string, type: string): boolean {
  if (range === '*/*' || range === type) return true;
  return range.endsWith('/*') && type.startsWith(range.slice(0, -1));
}

/** Writes a media type; values are quoted where they are no token (RFC 9110 Section 5.6.2). */
export function formatMediaType(type: string, parameters: Readonly<Record<string, string>> = {}): string {
  const written = Object.entries(parameters).map(([name, value]) => {
    const isToken = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(value);
    return `; ${name}=${isToken ? value : `"${value.replace(/(["\\])/g, '\\$1')}"`}`;
  });
  return type + written.join('');
}

function mediaType([first = '', ...rest]: readonly string[]): MediaType | undefined {
  const name = first.trim().toLowerCase();
  const type = name === '*' ? '*/*' : name; // Java's HttpURLConnection sends "*; q=.2"
  if (!/^[^\s/,;="]+\/[^\s/,;="]+$/.test(type)) return undefined;
  const parameters: Record<string, string> = {};
  let q = 1;
  for (const parameter of rest) {
    const equals = parameter.indexOf('=');
    if (equals === -1) continue;
    const key = parameter.slice(0, equals).trim().toLowerCase();
    const value = unquoted(parameter.slice(equals + 1).trim());
    if (key === 'q') q = quality(value);
    else if (/^[a-z0-9!#$&^_.+-]+$/.test(key)) parameters[key] ??= value;
  }
  return { type, parameters, q };
}

function quality(text: string): number {
  const q = Number(text);
  return text !== '' && q >= 0 && q <= 1 ? q : 1;
}

function unquoted(text: string): string {
  if (text.length < 2 || !text.startsWith('"') || !text.endsWith('"')) return text;
  return text.slice(1, -1).replace(/\\(.)/g, '$1');
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (quoted && character === '\\') at += 1;
    else if (character === '"') quoted = !quoted;
    else if (!quoted && character === separator) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  parts.push(text.slice(start));
  return parts;
}
