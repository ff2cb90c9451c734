/**
 * The sets of characters that PS3.3 Section C.12.1.1.2 names, as ISO 2022 shifts to them: how many bytes a character has,
 * what they mean, and by which escape sequence one gets there.
 */
type Decode = (bytes: Buffer) => string;

/** One set of single-byte or two-byte characters, as code extension shifts to it. */
export interface CodeElement {
  /** How many bytes make one character. */
  readonly width: 1 | 2;
  readonly decode: Decode;
}

export const ASCII: CodeElement = { width: 1, decode: (bytes) => bytes.toString('latin1') };
const LATIN_1: CodeElement = { ...ASCII };

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
export const G1_BY_REGISTRATION: Readonly<Record<string, CodeElement>> = {
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
export const ESCAPES: Readonly<Record<string, { readonly half: 'g0' | 'g1'; readonly element: CodeElement }>> = {
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

/** The escape sequence of each set, by its registration number. */
export const ESCAPE_BY_REGISTRATION: Readonly<Record<string, string>> = {
  '6': '(B',
  '13': ')I',
  '58': '$)A',
  '87': '$B',
  '100': '-A',
  '101': '-B',
  '109': '-C',
  '110': '-D',
  '126': '-F',
  '127': '-G',
  '138': '-H',
  '144': '-L',
  '148': '-M',
  '149': '$)C',
  '159': '$(D',
  '166': '-T',
  '203': '-b',
};

export const ESC = 0x1b;

/** What ends a code extension (PS3.5 Section 6.1.2.5.3); in person names also "^" and "=". */
export function isDelimiter(byte: number, personName: boolean): boolean {
  if (byte === 0x5c || byte === 0x09 || byte === 0x0a || byte === 0x0c || byte === 0x0d) return true;
  return personName && (byte === 0x5e || byte === 0x3d);
}
