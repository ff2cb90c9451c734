import type { JsonDataset } from './dataset.ts';
import { jsonText } from './json-text.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/**
 * The elements of a data set in JSON, each still as text, by their tags: an answer made of some of them needs no values
 * to be parsed and written anew. Written for the texts of `jsonText`; any other JSON is parsed.
 */
export function membersOf(json: string): ReadonlyMap<string, string> {
  const members = new Map<string, string>();
  if (json === '{}') return members;
  let at = 1;
  for (;;) {
    const end = isMember(json, at) ? endOfObject(json, at + 11) : -1;
    if (end === -1) return parsedMembers(json);
    members.set(json.slice(at + 1, at + 9), json.slice(at + 11, end));
    if (json[end] === '}' && end === json.length - 1) return members;
    if (json[end] !== ',') return parsedMembers(json);
    at = end + 1;
  }
}

/** `"00100010":{` */
function isMember(json: string, at: number): boolean {
  return json.charCodeAt(at) === QUOTE && json.startsWith('":{', at + 9);
}

/** The place behind the object that begins there; -1 where it does not end. */
function endOfObject(json: string, start: number): number {
  let depth = 0;
  for (let at = start; at < json.length; at += 1) {
    const sign = json.charCodeAt(at);
    if (sign === OPEN) {
      depth += 1;
    } else if (sign === CLOSE) {
      depth -= 1;
      if (depth === 0) return at + 1;
    } else if (sign === QUOTE) {
      at += 1;
      for (let inside = json.charCodeAt(at); inside !== QUOTE; inside = json.charCodeAt(at)) {
        if (Number.isNaN(inside)) return -1;
        at += inside === BACKSLASH ? 2 : 1;
      }
    }
  }
  return -1;
}

function parsedMembers(json: string): ReadonlyMap<string, string> {
  const dataset: JsonDataset = JSON.parse(json);
  return new Map(
    Object.entries(dataset).map(([tag, element]) => [tag, jsonText({ [tag]: element }).slice(tag.length + 4, -1)]),
  );
}
