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
}

type Decode = (bytes: Buffer) => string;

/** One set of single-byte or two-byte characters, as code extension shifts to it. */
interface CodeElement {
  /** How many bytes make one character. */
  readonly width: 1 | 2;
  readonly decode: Decode;
}

const ASCII: CodeElement = { width: 1, decode: (bytes) => bytes.toString('latin1') };
const LATIN_1: CodeElement = ASCII;

function singleByte(label: string): CodeElement {
  const decoder = new TextDecoder(label);
  return { width: 1, decode: (bytes) => decoder.decode(bytes) };
}

/** JIS X 0201: katakana above 0xA0 lie in Unicode in the same order from U+FF61 on. */
const KATAKANA: CodeElement = {
  width: 1,
  decode: (bytes) =>
    Array.from(bytes, (byte) => {
      if (byte < 0x80) return String.fromCharCode(byte);
      return byte >= 0xa1 && byte <= 0xdf ? String.fromCharCode(0xff61 + byte - 0xa1) : '\ufffd';
    }).join(''),
};

const eucJp = new TextDecoder('euc-jp');
const eucKr = new TextDecoder('euc-kr');
const gbk = new TextDecoder('gbk');

/** JIS X 0208 in G0 has both bytes below 0x80; EUC-JP is the same table with the high bits set. */
const JIS_X_0208: CodeElement = { width: 2, decode: (bytes) => eucJp.decode(bytes.map((byte) => byte | 0x80)) };
/** JIS X 0212 is the third set of EUC-JP, each character behind 0x8F. */
const JIS_X_0212: CodeElement = {
  width: 2,
  decode: (bytes) => {
    const shifted: number[] = [];
    for (let at = 0; at + 1 < bytes.length; at += 2) shifted.push(0x8f, bytes[at]! | 0x80, bytes[at + 1]! | 0x80);
    return eucJp.decode(Uint8Array.from(shifted)) + (bytes.length % 2 === 1 ? '\ufffd' : '');
  },
};
const KS_X_1001: CodeElement = { width: 2, decode: (bytes) => eucKr.decode(bytes) };
const GB_2312: CodeElement = { width: 2, decode: (bytes) => gbk.decode(bytes) };

/** By ISO registration number: what stands in G1 (bytes from 0x80 on) when the set is the first value. */
const G1_BY_REGISTRATION: Readonly<Record<string, CodeElement>> = {
  '6': ASCII,
  '100': LATIN_1,
  '101': singleByte('iso-8859-2'),
  '109': singleByte('iso-8859-3'),
  '110': singleByte('iso-8859-4'),
  '144': singleByte('iso-8859-5'),
  '127': singleByte('iso-8859-6'),
  '126': singleByte('iso-8859-7'),
  '138': singleByte('iso-8859-8'),
  '148': singleByte('windows-1254'),
  '203': singleByte('iso-8859-15'),
  '166': singleByte('windows-874'),
  '13': KATAKANA,
  '149': KS_X_1001,
  '58': GB_2312,
  // Japanese two-byte sets live in G0 and need an escape sequence; first in the list they mean nothing yet.
  '87': ASCII,
  '159': ASCII,
};

/** Escape sequences of PS3.3 Tables C.12-3 and C.12-4, without the ESC; ESC 2/4 4/0 is JIS C 6226, an older 0208. */
const ESCAPES: Readonly<Record<string, { readonly half: 'g0' | 'g1'; readonly element: CodeElement }>> = {
  '(B': { half: 'g0', element: ASCII },
  '(J': { half: 'g0', element: ASCII },
  ')I': { half: 'g1', element: KATAKANA },
  '-A': { half: 'g1', element: LATIN_1 },
  '-B': { half: 'g1', element: G1_BY_REGISTRATION['101']! },
  '-C': { half: 'g1', element: G1_BY_REGISTRATION['109']! },
  '-D': { half: 'g1', element: G1_BY_REGISTRATION['110']! },
  '-L': { half: 'g1', element: G1_BY_REGISTRATION['144']! },
  '-G': { half: 'g1', element: G1_BY_REGISTRATION['127']! },
  '-F': { half: 'g1', element: G1_BY_REGISTRATION['126']! },
  '-H': { half: 'g1', element: G1_BY_REGISTRATION['138']! },
  '-M': { half: 'g1', element: G1_BY_REGISTRATION['148']! },
  '-b': { half: 'g1', element: G1_BY_REGISTRATION['203']! },
  '-T': { half: 'g1', element: G1_BY_REGISTRATION['166']! },
  $B: { half: 'g0', element: JIS_X_0208 },
  '$@': { half: 'g0', element: JIS_X_0208 },
  '$(D': { half: 'g0', element: JIS_X_0212 },
  '$)C': { half: 'g1', element: KS_X_1001 },
  '$)A': { half: 'g1', element: GB_2312 },
};

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });
const utf8 = new TextDecoder('utf-8');
const gb18030 = new TextDecoder('gb18030');

/** For objects that name no set or one we do not know, yet use it: UTF-8 is recognised by its form, else Latin-1. */
function guess(bytes: Buffer): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}

const known = new Map<string, CharacterSet>();
/** Objects repeat a handful of sets; what exceeds this is made anew each time. */
const KNOWN_LIMIT = 256;

/** The character set of the values of (0008,0005); no value means the default repertoire, ISO-IR 6. */
export function characterSetOf(terms: readonly string[]): CharacterSet {
  const key = terms.join('\\');
  const ready = known.get(key);
  if (ready !== undefined) return ready;
  const made = makeCharacterSet(terms);
  if (known.size < KNOWN_LIMIT) known.set(key, made);
  return made;
}

export const DEFAULT_CHARACTER_SET: CharacterSet = characterSetOf([]);

function makeCharacterSet(terms: readonly string[]): CharacterSet {
  const named = terms.map(normalTerm);
  const unknownTerms = terms.filter((term, index) => named[index] === undefined && term.trim() !== '');
  const first = named[0] ?? (terms[0] === undefined || terms[0].trim() === '' ? '6' : undefined);
  const withEscapes = terms.length > 1 || /2022/.test(terms[0] ?? '');
  return { terms, unknownTerms, decode: decoderFor(first, withEscapes) };
}

function decoderFor(first: string | undefined, withEscapes: boolean): CharacterSet['decode'] {
  if (first === '192') return (bytes) => utf8.decode(bytes);
  if (first === 'GB18030' || first === 'GBK') return (bytes) => gb18030.decode(bytes);
  const g1 = first === undefined ? undefined : G1_BY_REGISTRATION[first];
  const plain = g1 === undefined || g1 === ASCII ? guess : g1.decode;
  if (!withEscapes) return plain;
  return (bytes, personName) =>
    bytes.includes(ESC) || g1?.width === 2 ? decodeWithEscapes(bytes, g1 ?? ASCII, personName) : plain(bytes);
}

/** ISO registration number, "192", "GB18030" or "GBK"; spellings seen in the field ("ISO-IR 100") are understood. */
function normalTerm(term: string): string | undefined {
  const text = term.trim().toUpperCase();
  if (text === 'GB18030' || text === 'GBK') return text;
  if (text === 'GB2312') return 'GBK';
  if (text === 'UTF-8' || text === 'UTF8') return '192';
  const number = /^ISO[ _-]*(?:2022[ _-]*)?IR[ _-]*(\d+)$/.exec(text)?.[1];
  if (number === undefined) return undefined;
  return number === '192' || G1_BY_REGISTRATION[number] !== undefined ? number : undefined;
}

const ESC = 0x1b;

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

function isDelimiter(byte: number, personName: boolean): boolean {
  if (byte === 0x5c || byte === 0x09 || byte === 0x0a || byte === 0x0c || byte === 0x0d) return true;
  return personName && (byte === 0x5e || byte === 0x3d);
}
