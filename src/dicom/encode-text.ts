import { characterSetOf, registrationOf } from './charset.ts';
import {
  ASCII,
  type CodeElement,
  ESC,
  ESCAPE_BY_REGISTRATION,
  ESCAPES,
  G1_BY_REGISTRATION,
  isDelimiter,
} from './code-elements.ts';

/** Text as bytes of a character set; undefined where it has a sign that the set lacks. */
export type EncodeText = (text: string, personName: boolean) => Buffer | undefined;

const encoders = new Map<string, EncodeText | undefined>();
const ENCODERS_LIMIT = 64;

/**
 * Writes text in the character set of these values of (0008,0005), with code extensions where they are several (PS3.5
 * Section 6.1.2.5). Undefined for terms that PS3.3 does not know, and for none: then there is nothing to be written in.
 * What is written is read back and compared, so that what comes out says what went in.
 */
export function textEncoderOf(terms: readonly string[]): EncodeText | undefined {
  const key = terms.join('\\');
  if (encoders.has(key)) return encoders.get(key);
  const made = makeEncoder(terms);
  if (encoders.size < ENCODERS_LIMIT) encoders.set(key, made);
  return made;
}

function makeEncoder(terms: readonly string[]): EncodeText | undefined {
  const named = terms.map((term, i) => (i === 0 && term.trim() === '' ? '6' : registrationOf(term)));
  const [first, ...others] = named;
  if (first === undefined || others.includes(undefined) || terms.every((term) => term.trim() === '')) return undefined;
  const { decode } = characterSetOf(terms);
  const write = writerOf(first, terms.length > 1 ? named.map(String) : []);
  return (text, personName) => {
    const bytes = write(text, personName);
    return bytes !== undefined && decode(bytes, personName) === text ? bytes : undefined;
  };
}

function writerOf(first: string, extensions: readonly string[]): EncodeText {
  if (first === '192') return (text) => Buffer.from(text, 'utf8');
  if (first === 'GB18030' || first === 'GBK') return withInitialSet(reverseOf(GBK));
  const g1 = G1_BY_REGISTRATION[first] ?? ASCII;
  const initial: Designated = { reverse: g1 === ASCII ? new Map() : reverseOf(g1) };
  if (extensions.length === 0) return withInitialSet(initial.reverse);
  const sets = extensions.flatMap(designationOf);
  return (text, personName) => withExtensions(text, personName, initial, sets);
}

/** A set that can be shifted to, and what shifts to it. */
interface Designated {
  readonly reverse: ReadonlyMap<string, Buffer>;
  readonly escape?: Buffer;
  readonly half?: 'g0' | 'g1';
}

function designationOf(registration: string): Designated[] {
  const sequence = ESCAPE_BY_REGISTRATION[registration];
  const shift = sequence === undefined ? undefined : ESCAPES[sequence];
  if (sequence === undefined || shift === undefined || shift.element === ASCII) return [];
  const bytes = Buffer.concat([Buffer.from([ESC]), Buffer.from(sequence, 'latin1')]);
  return [{ reverse: reverseOf(shift.element, shift.half), escape: bytes, half: shift.half }];
}

function withInitialSet(reverse: ReadonlyMap<string, Buffer>): EncodeText {
  return (text) => {
    const pieces: Buffer[] = [];
    for (const sign of text) {
      const bytes = isAscii(sign) ? Buffer.from(sign, 'latin1') : reverse.get(sign);
      if (bytes === undefined) return undefined;
      pieces.push(bytes);
    }
    return Buffer.concat(pieces);
  };
}

const TO_ASCII = Buffer.from('\x1b(B', 'latin1');

/** ASCII stands in G0 before every delimiter and at the end, as PS3.5 Section 6.1.2.5.3 demands. */
function withExtensions(
  text: string,
  personName: boolean,
  initial: Designated,
  sets: readonly Designated[],
): Buffer | undefined {
  const pieces: Buffer[] = [];
  let g0: Designated | undefined;
  let g1: Designated = initial;
  for (const sign of text) {
    if (isAscii(sign)) {
      const byte = Buffer.from(sign, 'latin1');
      if (g0 !== undefined) pieces.push(TO_ASCII);
      g0 = undefined;
      if (isDelimiter(byte[0]!, personName)) g1 = initial;
      pieces.push(byte);
      continue;
    }
    const present = g1.reverse.get(sign) ?? g0?.reverse.get(sign);
    if (present !== undefined) {
      pieces.push(present);
      continue;
    }
    const set = sets.find(({ reverse }) => reverse.has(sign));
    if (set?.escape === undefined) return undefined;
    pieces.push(set.escape, set.reverse.get(sign)!);
    if (set.half === 'g0') g0 = set;
    else g1 = set;
  }
  if (g0 !== undefined) pieces.push(TO_ASCII);
  return Buffer.concat(pieces);
}

function isAscii(sign: string): boolean {
  return sign.length === 1 && sign.charCodeAt(0) < 0x80;
}

const gbk = new TextDecoder('gbk');
/** GB18030 as far as two bytes go; what needs four is answered in UTF-8. */
const GBK: CodeElement = { width: 2, decode: (bytes) => gbk.decode(bytes) };

const reverses = new Map<CodeElement, ReadonlyMap<string, Buffer>>();

/** Bytes by character, found by decoding every code there is; made when first needed, in some 10 ms. */
function reverseOf(element: CodeElement, half: 'g0' | 'g1' = 'g1'): ReadonlyMap<string, Buffer> {
  const ready = reverses.get(element);
  if (ready !== undefined) return ready;
  const reverse = new Map<string, Buffer>();
  for (const code of element.width === 1 ? singleBytes() : doubleBytes(element === GBK ? 'gbk' : half)) {
    const sign = element.decode(code);
    const isOne = [...sign].length === 1 && sign !== '\ufffd' && !isAscii(sign);
    if (isOne && !reverse.has(sign)) reverse.set(sign, code);
  }
  reverses.set(element, reverse);
  return reverse;
}

function* singleBytes(): Generator<Buffer> {
  for (let byte = 0xa0; byte <= 0xff; byte += 1) yield Buffer.from([byte]);
}

function* doubleBytes(kind: 'g0' | 'g1' | 'gbk'): Generator<Buffer> {
  const high = kind === 'g0' ? 0 : 0x80;
  const from = kind === 'gbk' ? 0x01 : 0x21;
  for (let lead = from; lead <= 0x7e; lead += 1) {
    for (let trail = kind === 'gbk' ? 0x40 : high + 0x21; trail <= high + 0x7e; trail += 1) {
      if (trail !== 0x7f && isStandard(kind, lead)) yield Buffer.from([high + lead, trail]);
    }
  }
}

/** Rows 13 and 89 to 92 of JIS X 0208 are free; vendors fill them, each in its own way. */
function isStandard(kind: 'g0' | 'g1' | 'gbk', lead: number): boolean {
  return kind !== 'g0' || (lead !== 0x2d && lead < 0x75);
}
