import { isTag, tagOf } from '../dicom/dictionary.ts';
import { type Condition, LIMITS, type Scope, type Term } from './condition.ts';
import { parseName, parseText } from './parse-text.ts';
import { nameOf } from './print-condition.ts';
import { termOf } from './terms.ts';
import { type RawTest, testOf, typeOf } from './tests.ts';
import { Unreadable } from './tokens.ts';

type Fields = Readonly<Record<string, unknown>>;

interface Place {
  readonly at: string;
  readonly scope: Scope;
  readonly depth: number;
  readonly within: boolean;
  readonly size: { nodes: number };
}

const JOINING = ['all', 'any', 'not', 'everyImage', 'anyImage', 'count'] as const;
const TERMS = ['attribute', 'fact', 'finding'] as const;
const OPERATORS = ['is', 'isNot', 'in', 'notIn', 'above', 'atLeast', 'below', 'atMost', 'between', 'matches', 'exists'];
const WORDS: ReadonlySet<string> = new Set([...JOINING, ...TERMS, ...OPERATORS]);

/**
 * Reads the JSON form, or text within it.
 * @throws Unreadable; its message begins with the path of what is wrong
 */
export function parseJson(value: unknown, scope: Scope): Condition {
  return conditionOf(value, { at: '', scope, depth: 0, within: false, size: { nodes: 0 } });
}

function conditionOf(value: unknown, place: Place): Condition {
  place.size.nodes += 1;
  if (place.size.nodes > LIMITS.nodes) fail(place, `a condition has ${LIMITS.nodes} parts at most`);
  // As deep as anything that is written as text.
  if (place.depth > 2 * LIMITS.depth) fail(place, `a condition is nested ${LIMITS.depth} deep at most`);
  if (typeof value === 'string') return spelled(value, place);
  if (!isFields(value)) fail(place, 'must be an object or text');
  const keys = Object.keys(value);
  const joining = JOINING.find((key) => key in value);
  if (joining === 'count') return counted(value, place);
  if (joining !== undefined) {
    onlyKeys(value, [joining], place);
    return joined(joining, value[joining], { ...place, at: `${place.at}.${joining}`, depth: place.depth + 1 });
  }
  const term = TERMS.find((key) => key in value);
  if (term !== undefined) return comparisons(value, term, place);
  const odd = keys.find((key) => WORDS.has(key));
  if (odd !== undefined) fail(place, `"${odd}" needs an attribute, a fact or a finding beside it`);
  return equalities(value, keys, place);
}

function spelled(text: string, place: Place): Condition {
  const condition = inside(place, () => parseText(text, place.scope));
  if (place.within && hasQuantifier(condition)) fail(place, 'images are asked within a question about images');
  return condition;
}

function hasQuantifier(condition: Condition): boolean {
  if (condition.kind === 'compare') return false;
  if (condition.kind === 'all' || condition.kind === 'any') return condition.of.some(hasQuantifier);
  return condition.kind !== 'not' || hasQuantifier(condition.of);
}

function joined(key: Exclude<(typeof JOINING)[number], 'count'>, value: unknown, place: Place): Condition {
  if (key === 'all' || key === 'any') {
    if (!Array.isArray(value) || (key === 'any' && value.length === 0)) fail(place, 'must be a list of conditions');
    return {
      kind: key,
      of: value.map((part: unknown, i) => conditionOf(part, { ...place, at: `${place.at}[${i}]` })),
    };
  }
  if (key === 'not') return { kind: 'not', of: conditionOf(value, place) };
  return { kind: key === 'everyImage' ? 'every' : 'some', of: conditionOf(value, overImages(place)) };
}

function overImages(place: Place): Place {
  if (place.within) fail(place, 'images are asked within a question about images');
  if (place.scope === 'result') fail(place, 'asks images, and this condition is about a result');
  return { ...place, within: true };
}

function counted(value: Fields, place: Place): Condition {
  const of = conditionOf(value['count'], overImages({ ...place, at: `${place.at}.count`, depth: place.depth + 1 }));
  const tests = rawTests(value, ['count'], place);
  return together(
    tests.map(({ raw, negated }) =>
      negate(negated, { kind: 'count', of, test: inside(place, () => testOf('count', 'number', undefined, raw)) }),
    ),
  );
}

function comparisons(value: Fields, key: (typeof TERMS)[number], place: Place): Condition {
  const name = value[key];
  if (typeof name !== 'string') fail({ ...place, at: `${place.at}.${key}` }, 'must be the name of one');
  const term = inside({ ...place, at: `${place.at}.${key}` }, () => termOf(parseName(name), place.scope));
  if (term.kind !== key) fail({ ...place, at: `${place.at}.${key}` }, `${name} is ${ARTICLES[term.kind]}`);
  return together(rawTests(value, [key], place).map((test) => compared(term, test, place)));
}

const ARTICLES = { attribute: 'an attribute', fact: 'a fact', finding: 'a finding' } as const;

/** The plain form, { "Modality": "CT" }: every one of them. */
function equalities(value: Fields, keys: readonly string[], place: Place): Condition {
  return {
    kind: 'all',
    of: keys.map((key) => {
      const here = { ...place, at: `${place.at}.${key}` };
      place.size.nodes += 1;
      if (place.size.nodes > LIMITS.nodes) fail(place, `a condition has ${LIMITS.nodes} parts at most`);
      const known = tagOf(key) !== undefined || isTag(key) ? [{ name: key }] : inside(here, () => parseName(key));
      const term = inside(here, () => termOf(known, place.scope));
      const wanted = value[key];
      const raw: RawTest = Array.isArray(wanted) ? { op: 'in', values: wanted } : { op: 'is', value: wanted };
      return compared(term, { raw, negated: false }, here);
    }),
  };
}

function compared(term: Term, { raw, negated }: { raw: RawTest; negated: boolean }, place: Place): Condition {
  const test = inside(place, () => testOf(nameOf(term), typeOf(term), term, raw));
  return negate(negated, { kind: 'compare', term, test });
}

function rawTests(value: Fields, beside: readonly string[], place: Place): { raw: RawTest; negated: boolean }[] {
  onlyKeys(value, [...beside, ...OPERATORS], place);
  const tests = OPERATORS.filter((key) => key in value).map((key) => rawTest(key, value[key], place));
  if (tests.length === 0) fail(place, `compares nothing; one of ${OPERATORS.join(', ')} is needed`);
  return tests;
}

function rawTest(key: string, value: unknown, place: Place): { raw: RawTest; negated: boolean } {
  const here = { ...place, at: `${place.at}.${key}` };
  switch (key) {
    case 'exists':
      if (typeof value !== 'boolean') fail(here, 'must be true or false');
      return { raw: { op: 'exists' }, negated: value === false };
    case 'in':
    case 'notIn':
      if (!Array.isArray(value)) fail(here, 'must be a list of values');
      return { raw: { op: 'in', values: value }, negated: key === 'notIn' };
    case 'between':
      if (!Array.isArray(value) || value.length !== 2) fail(here, 'must be a list of two values');
      return { raw: { op: 'between', from: value[0], to: value[1] }, negated: false };
    case 'isNot':
      return { raw: { op: 'is', value }, negated: true };
    case 'above':
    case 'atLeast':
    case 'below':
    case 'atMost':
    case 'matches':
      return { raw: { op: key, value }, negated: false };
    default:
      return { raw: { op: 'is', value }, negated: false };
  }
}

function together(conditions: readonly Condition[]): Condition {
  return conditions.length === 1 ? conditions[0]! : { kind: 'all', of: conditions };
}

function negate(negated: boolean, of: Condition): Condition {
  return negated ? { kind: 'not', of } : of;
}

function onlyKeys(value: Fields, known: readonly string[], place: Place): void {
  const odd = Object.keys(value).find((key) => !known.includes(key));
  if (odd !== undefined) fail(place, `"${odd}" does not belong beside "${known[0]}"`);
}

function inside<T>(place: Place, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    fail(place, error.at === undefined ? error.message : `at character ${error.at}: ${error.message}`);
  }
}

/** The path stands before the sentence, as `routes[0].when.all[1].is: …`. */
function fail({ at }: Place, message: string): never {
  throw new Unreadable(`${at}: ${message}`);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
