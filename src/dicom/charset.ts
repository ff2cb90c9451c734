import { isUtf8 as isWellFormedUtf8 } from 'node:buffer';
import { ASCII, type CodeElement, ESC, ESCAPES, G1_BY_REGISTRATION, isDelimiter } from './code-elements.ts';

/**
 * Specific Character Set (0008,0005), PS3.3 Section C.12.1.1.2 and PS3.5 Section 6.1: bytes to text. Nothing here
 * throws on bytes that are wrong; they become U+FFFD.
 */
export interface CharacterSet {
  /** The defined terms as they stood in the object. */
  readonly terms: readonly string[];
  /** Terms that PS3.3 does not know; their text is taken as UTF-8 where it is valid UTF-8, else as ISO 8859-1. */
  readonly unknownTerms: readonly string[];
  /** `personName` makes "^" and "=" end a code extension too (PS3.5 Section 6.1.2.5.3). */
  decode(bytes: Buffer, personName: boolean): string;
  /** What is wrong with a text of more than ASCII, given what it was read as. */
  doubt(bytes: Buffer, text: string): Doubt | undefined;
}

type Decode = CharacterSet['decode'];

const latin1: Decode = (bytes) => bytes.toString('latin1');
const utf8 = new TextDecoder('utf-8');
const gb18030 = new TextDecoder('gb18030');

/** Why a text may not be what was meant; `place` is put in front. */
export type Doubt =
  | 'has text without a character set'
  | 'is UTF-8, but ISO_IR 100 was said'
  | 'has bytes that are not of its character set';

const known = new Map<string, CharacterSet>();
/** Objects repeat a handful of sets; what exceeds this is made anew each time. */
const KNOWN_LIMIT = 256;

/**
 * The character set of the values of (0008,0005); no value means the default repertoire, ISO-IR 6.
 *
 * @param assumed the set that texts beyond ASCII have which name none, as it is known of a peer; ISO 8859-1 unless given.
 *   Texts that are UTF-8 by their form are read as that before anything is assumed.
 */
export function characterSetOf(terms: readonly string[], assumed: readonly string[] = []): CharacterSet {
  const key = `${terms.join('\\')}|${assumed.join('\\')}`;
  const ready = known.get(key);
  if (ready !== undefined) return ready;
  const made = makeCharacterSet(terms, assumed);
  if (known.size < KNOWN_LIMIT) known.set(key, made);
  return made;
}

function makeCharacterSet(terms: readonly string[], assumed: readonly string[]): CharacterSet {
  const named = terms.map(registrationOf);
  const unknownTerms = terms.filter((term, index) => named[index] === undefined && term.trim() !== '');
  const first = named[0] ?? (terms[0] === undefined || terms[0].trim() === '' ? '6' : undefined);
  const withEscapes = terms.length > 1 || /2022/.test(terms[0] ?? '');
  const isUnsaid = !withEscapes && (first === undefined || first === '6');
  const other: Decode = assumed.length === 0 ? latin1 : characterSetOf(assumed).decode;
  const decode = decoderFor(first, withEscapes, other);
  const doubt = (bytes: Buffer, text: string): Doubt | undefined => {
    if (isUnsaid) return hasHighByte(bytes) || hasEscape(bytes) ? 'has text without a character set' : undefined;
    if (first === '100' && !withEscapes && isUtf8(bytes)) return 'is UTF-8, but ISO_IR 100 was said';
    return text.includes('\ufffd') ? 'has bytes that are not of its character set' : undefined;
  };
  return { terms, unknownTerms, decode, doubt };
}

function hasHighByte(bytes: Buffer): boolean {
  return bytes.some((byte) => byte >= 0x80);
}

/** Text of more than ASCII that is well-formed UTF-8: no other set gives such bytes but by chance. */
function isUtf8(bytes: Buffer): boolean {
  return hasHighByte(bytes) && isWellFormedUtf8(bytes);
}

/** Whether an escape sequence is in the text that ISO 2022 gives a meaning here. */
function hasEscape(bytes: Buffer): boolean {
  for (let at = bytes.indexOf(ESC); at !== -1; at = bytes.indexOf(ESC, at + 1)) {
    if (escapeAt(bytes, at + 1) !== undefined) return true;
  }
  return false;
}

/** UTF-8 and code extensions are recognised by their form; else what is assumed. */
function byForm(other: Decode): Decode {
  return (bytes, personName) => {
    if (isUtf8(bytes)) return utf8.decode(bytes);
    return hasEscape(bytes) ? decodeWithEscapes(bytes, ASCII, personName) : other(bytes, personName);
  };
}

function decoderFor(first: string | undefined, withEscapes: boolean, assumed: Decode): Decode {
  if (first === '192') return (bytes) => utf8.decode(bytes);
  if (first === 'GB18030' || first === 'GBK') return (bytes) => gb18030.decode(bytes);
  const g1 = first === undefined ? undefined : G1_BY_REGISTRATION[first];
  const isUnsaid = g1 === undefined || g1 === ASCII;
  // senders write UTF-8 and go on saying ISO_IR 100
  const plain = isUnsaid ? byForm(assumed) : first === '100' ? byForm(latin1) : g1.decode;
  if (!withEscapes) return plain;
  return (bytes, personName) =>
    bytes.includes(ESC) || g1?.width === 2
      ? decodeWithEscapes(bytes, g1 ?? ASCII, personName)
      : plain(bytes, personName);
}

/** ISO registration number, "192", "GB18030" or "GBK"; spellings seen in the field ("ISO-IR 100") are understood. */
export function registrationOf(term: string): string | undefined {
  const text = term.trim().toUpperCase();
  if (text === 'GB18030' || text === 'GBK') return text;
  if (text === 'GB2312') return 'GBK';
  if (text === 'UTF-8' || text === 'UTF8') return '192';
  const number = /^ISO[ _-]*(?:2022[ _-]*)?IR[ _-]*(\d+)$/.exec(text)?.[1];
  if (number === undefined) return undefined;
  return number === '192' || G1_BY_REGISTRATION[number] !== undefined ? number : undefined;
}

/**
 * Code extension by ISO 2022 (PS3.5 Section 6.1.2.5): escape sequences change what G0 (bytes below 0x80) or G1 (from
 * 0x80 on) mean until the next one, or until a delimiter brings the initial state back: "\", TAB, LF, FF, CR, and in
 * person names "^" and "=". Inside a two-byte set of G0 these bytes are halves of characters, not delimiters.
 */
function decodeWithEscapes(bytes: Buffer, initialG1: CodeElement, personName: boolean): string {
  let g0: CodeElement = ASCII;
  let g1 = initialG1;
  let text = '';
  let at = 0;
  while (at < bytes.length) {
    const byte = bytes[at]!;
    if (byte === ESC) {
      const shift = escapeAt(bytes, at + 1);
      if (shift === undefined) {
        at += 1;
        continue;
      }
      if (shift.half === 'g0') g0 = shift.element;
      else g1 = shift.element;
      at += 1 + shift.length;
      continue;
    }
    if (isDelimiter(byte, personName) && g0.width === 1) {
      g0 = ASCII;
      g1 = initialG1;
      text += String.fromCharCode(byte);
      at += 1;
      continue;
    }
    const half = byte < 0x80 ? 0 : 0x80;
    const element = half === 0 ? g0 : g1;
    const end = endOfRun(bytes, at, half, element.width === 1 && half === 0 ? personName : undefined);
    text += element.decode(bytes.subarray(at, end));
    at = end;
  }
  return text;
}

/** Where the run of bytes of the same half ends: at an escape, the other half, or a delimiter if they count here. */
function endOfRun(bytes: Buffer, start: number, half: number, personName: boolean | undefined): number {
  let end = start + 1;
  while (end < bytes.length && bytes[end] !== ESC && (bytes[end]! & 0x80) === half) {
    if (personName !== undefined && isDelimiter(bytes[end]!, personName)) break;
    end += 1;
  }
  return end;
}

function escapeAt(bytes: Buffer, at: number): ({ length: number } & (typeof ESCAPES)[string]) | undefined {
  for (const length of [2, 3]) {
    const shift = ESCAPES[bytes.toString('latin1', at, at + length)];
    if (shift !== undefined) return { ...shift, length };
  }
  return undefined;
}

/** ISO-IR 6; other text is read by its form, else as ISO 8859-1. */
export const DEFAULT_CHARACTER_SET: CharacterSet = characterSetOf([]);
