import { sentenceOf } from '../../errors.ts';
import { BUNDLE_LIMITS } from './bundle-limits.ts';
import { type ConfigValue, checkKey, childPlace, refused } from './config-value.ts';

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = /[ \t\r\n]*/y;
/** A whole string: any character but a control character, with its escapes. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: RFC 8259 section 7 forbids just these
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;

/**
 * JSON (RFC 8259), stricter than JSON.parse: a key twice, NaN, Infinity (which Python writes) and numbers beyond a
 * double are refused with their place, and depth and size are bounded.
 * @throws VoxgateError bad-model
 */
export function readJson(file: string, text: string): ConfigValue {
  let at = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  let nodes = 0;

  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const fail = (place: string, reason: string) =>
    refused(file, place, `${reason} (line ${text.slice(0, at).split('\n').length})`);

  const readString = (place: string): string => {
    const found = take(STRING);
    if (found === undefined) throw fail(place, 'a string is not closed or holds what no string may');
    try {
      return JSON.parse(found);
    } catch (cause) {
      throw fail(place, sentenceOf(cause));
    }
  };

  const readList = (place: string, depth: number): ConfigValue[] => {
    const list: ConfigValue[] = [];
    at++;
    take(SPACE);
    if (text[at] === ']') {
      at++;
      return list;
    }
    for (;;) {
      list.push(readValue(childPlace(place, list.length), depth));
      take(SPACE);
      const next = text[at++];
      if (next === ']') return list;
      if (next !== ',') throw fail(place, 'a list lacks a comma or its end');
    }
  };

  const readMap = (place: string, depth: number): Map<string, ConfigValue> => {
    const map = new Map<string, ConfigValue>();
    at++;
    take(SPACE);
    if (text[at] === '}') {
      at++;
      return map;
    }
    for (;;) {
      take(SPACE);
      const key = readString(place);
      checkKey(file, place, key);
      if (map.has(key)) throw fail(place, `the key "${key}" stands twice`);
      take(SPACE);
      if (text[at++] !== ':') throw fail(place, `no colon after "${key}"`);
      map.set(key, readValue(childPlace(place, key), depth));
      take(SPACE);
      const next = text[at++];
      if (next === '}') return map;
      if (next !== ',') throw fail(place, 'an object lacks a comma or its end');
    }
  };

  const readValue = (place: string, depth: number): ConfigValue => {
    if (depth > BUNDLE_LIMITS.depth) throw fail(place, `nested deeper than ${BUNDLE_LIMITS.depth}`);
    if (++nodes > BUNDLE_LIMITS.nodes) throw fail(place, `more than ${BUNDLE_LIMITS.nodes} values`);
    take(SPACE);
    const first = text[at];
    if (first === '{') return readMap(place, depth + 1);
    if (first === '[') return readList(place, depth + 1);
    if (first === '"') return readString(place);
    for (const [word, value] of WORDS) {
      if (text.startsWith(word, at)) {
        at += word.length;
        return value;
      }
    }
    const number = take(NUMBER);
    if (number === undefined) {
      const word = /[-\w]+/y;
      word.lastIndex = at;
      throw fail(place, `"${word.exec(text)?.[0] ?? first ?? 'the end of the file'}" is no JSON value`);
    }
    const value = Number(number);
    if (!Number.isFinite(value)) throw fail(place, `${number} is beyond any number that can be used`);
    return value;
  };

  const value = readValue('', 0);
  take(SPACE);
  if (at < text.length) throw fail('', 'something follows the end of the JSON value');
  return value;
}

const WORDS: readonly (readonly [string, ConfigValue])[] = [
  ['true', true],
  ['false', false],
  ['null', null],
];
