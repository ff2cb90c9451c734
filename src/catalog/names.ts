import { fold } from './fold.ts';

/** Longer than any name that is kept (columns hold 1024 characters). */
const LONGEST_PATTERN = 1024;

/**
 * A folded name as regular expression for the folded column (PS3.4 C.2.2.2.1.2, C.2.2.2.4). A pattern of one component
 * group finds the name in any of the three; with "=" each group that is given must match its own. Wild cards do not
 * reach into another group. Undefined for what cannot be anybody's name.
 *
 * A regular expression, not LIKE, because LIKE would need a leading "%" to find the second and third group.
 */
export function namePattern(name: string): string | undefined {
  const folded = fold(name);
  if (folded.length > LONGEST_PATTERN) return undefined;
  const groups = folded.split('=');
  if (groups.length === 1) return `(^|=)${group(folded)}(=|$)`;
  // every group before the last one given is spelled out, "any" where it is empty
  while (groups.length > 1 && isAny(groups.at(-1)!)) groups.pop();
  return `^${groups.map((one) => (isAny(one) ? '[^=]*' : group(one))).join('=')}(=|$)`;
}

/**
 * The same as beginnings and parts, "smith*" and "*smith*", for LIKE: what people type most, and thirty times as fast as
 * a regular expression on each of ten thousand names. Undefined where it takes a regular expression.
 */
export function nameParts(name: string): readonly string[] | undefined {
  const folded = fold(name);
  const [, open, part] = /^(\*?)([^*?=]+)\*$/.exec(folded) ?? [];
  // "SMITH^*" finds SMITH too
  if (part === undefined || part.endsWith('^') || folded.length > LONGEST_PATTERN) return undefined;
  return open === '*' ? [`*${part}*`] : [`${part}*`, `*=${part}*`];
}

function isAny(text: string): boolean {
  return /^\**$/.test(text);
}

/** "SMITH^*" finds SMITH too: empty components at the end are not written (PS3.5 6.2.1.1). */
function group(pattern: string): string {
  const end = /(\^\*?)+$/.exec(pattern)?.index ?? pattern.length;
  const body = literal(pattern.slice(0, end)).replace(/\*+/g, '[^=]*').replaceAll('?', '[^=]');
  return end === pattern.length ? body : `${body}(\\^[^=]*)?`;
}

/** Escapes what a regular expression would take for itself, but for the two wild cards. */
function literal(text: string): string {
  return text.replace(/[\\^$.|+()[\]{}]/g, (sign) => `\\${sign}`);
}

const WORD_BREAK = /[\s^=,.*?-]+/u;

/** The words of a name; for a fuzzy match each must be found, in any order. */
export function wordsOf(name: string): string[] {
  return fold(name)
    .split(WORD_BREAK)
    .filter((word) => word !== '')
    .slice(0, MOST_WORDS);
}

const MOST_WORDS = 16;

/** That some word of the folded name begins so. */
export function wordPattern(word: string): string {
  return `(^|[ ^=,.-])${literal(word.slice(0, LONGEST_PATTERN))}`;
}

/**
 * How the words of a name sound, by Soundex: the first letter and the classes of the next three consonants. Meier, Maier
 * and Mayr are M600, Schmidt and Schmitt S530. Words in other than Latin letters have no code and match by their
 * beginning only.
 */
export function soundsOf(name: string): string[] {
  return [...new Set(wordsOf(name).flatMap((word) => soundOf(word) ?? []))];
}

const CLASSES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries({ bfpv: '1', cgjkqsxz: '2', dt: '3', l: '4', mn: '5', r: '6' }).flatMap(([letters, digit]) =>
    [...letters].map((letter) => [letter, digit]),
  ),
);

/** One letter says nothing: an initial would find every name of its class. */
const SHORTEST_SOUND = 2;

/** The Soundex code of one folded word. */
export function soundOf(word: string): string | undefined {
  if (word.length < SHORTEST_SOUND || !/^[a-z]+$/.test(word)) return undefined;
  let code = word[0]!.toUpperCase();
  let previous = CLASSES[word[0]!];
  for (const letter of word.slice(1)) {
    const digit = CLASSES[letter];
    if (digit !== undefined && digit !== previous) code += digit;
    // h and w do not part two letters of one class, vowels do
    if (letter !== 'h' && letter !== 'w') previous = digit;
    if (code.length === 4) break;
  }
  return code.padEnd(4, '0');
}
