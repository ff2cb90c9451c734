import type { Vr } from '../dicom/dataset.ts';
import { isTag } from '../dicom/dictionary.ts';
import { LIMITS, type Term, type Test, type Value } from './condition.ts';
import { factOf } from './fact-table.ts';
import { dateText, timeText, yearsOf } from './moments.ts';
import { Unreadable } from './tokens.ts';

/** How values of a term are compared. */
export type TermType = 'number' | 'text' | 'flag' | 'date' | 'time' | 'moment' | 'age' | 'nothing' | 'any';

const TYPES: Readonly<Record<Vr, TermType>> = {
  ...{ IS: 'number', DS: 'number', US: 'number', SS: 'number', UL: 'number', SL: 'number' },
  ...{ FL: 'number', FD: 'number', UV: 'number', SV: 'number' },
  ...{ CS: 'text', SH: 'text', LO: 'text', ST: 'text', LT: 'text', UT: 'text', UC: 'text', UI: 'text', AE: 'text' },
  ...{ PN: 'text', UR: 'text', AT: 'text' },
  ...{ DA: 'date', TM: 'time', DT: 'moment', AS: 'age' },
  ...{ SQ: 'nothing', OB: 'nothing', OD: 'nothing', OF: 'nothing', OL: 'nothing', OV: 'nothing', OW: 'nothing' },
  UN: 'any',
};

export function typeOf(term: Term): TermType {
  if (term.kind === 'fact') return factOf(term.name)!.type;
  if (term.kind === 'finding') return FINDINGS[term.of][term.measure] ?? 'number';
  return term.vr === undefined ? 'any' : TYPES[term.vr];
}

/** Numbers that are measured of a segment. */
const MEASURES = [
  ...['volumeMl', 'meshVolumeMl', 'voxels', 'surfaceMm2', 'longAxisMm', 'shortAxisMm', 'maximumDiameterMm'],
  ...['mean', 'median', 'minimum', 'maximum', 'standardDeviation', 'percentile10', 'percentile90', 'peak'],
];

/** What can be asked of a segment and of a class. */
export const FINDINGS: Readonly<Record<'segments' | 'classes', Readonly<Record<string, TermType>>>> = {
  segments: { found: 'flag', ...Object.fromEntries(MEASURES.map((name) => [name, 'number' as const])) },
  classes: { found: 'flag', probability: 'number', presence: 'text', count: 'number' },
};

/** A test as it was written, before its values are known to fit. */
export type RawTest =
  | { readonly op: 'exists' }
  | { readonly op: 'is' | 'above' | 'atLeast' | 'below' | 'atMost' | 'matches'; readonly value: unknown }
  | { readonly op: 'in'; readonly values: readonly unknown[] }
  | { readonly op: 'between'; readonly from: unknown; readonly to: unknown };

/** The test with its values as the term has them. @throws Unreadable where they can never agree */
export function testOf(name: string, type: TermType, term: Term | undefined, raw: RawTest): Test {
  if (raw.op === 'exists') return raw;
  if (type === 'nothing')
    throw new Unreadable(`${name} holds no value to compare; only whether it exists can be asked`);
  if (raw.op === 'matches') return matching(name, type, raw.value);
  if (raw.op === 'is') return { op: 'is', value: typedValue(name, type, term, raw.value) };
  if (raw.op === 'in') {
    if (raw.values.length === 0 || raw.values.length > LIMITS.values)
      throw new Unreadable(`${name} is compared with 1 to ${LIMITS.values} values, not ${raw.values.length}`);
    return { op: 'in', values: raw.values.map((value) => typedValue(name, type, term, value)) };
  }
  if (type === 'flag' || type === 'text')
    throw new Unreadable(
      `${name} is ${type === 'flag' ? 'yes or no' : 'text'}, and neither more nor less than anything`,
    );
  if (raw.op === 'between')
    return { op: 'between', from: ordered(name, type, term, raw.from), to: ordered(name, type, term, raw.to) };
  return { op: raw.op, value: ordered(name, type, term, raw.value) };
}

function matching(name: string, type: TermType, value: unknown): Test {
  if (type !== 'text' && type !== 'any') throw new Unreadable(`${name} is no text, and matches no pattern`);
  if (typeof value !== 'string' || value === '')
    throw new Unreadable(`${name} is matched with a text such as "*lung*"`);
  return { op: 'matches', pattern: bounded(name, value) };
}

function ordered(name: string, type: TermType, term: Term | undefined, value: unknown): string | number {
  const fit = typedValue(name, type, term, value);
  if (type === 'any' && typeof fit !== 'number')
    throw new Unreadable(`${name} is of no known type; only with a number it can be more or less`);
  if (typeof fit === 'boolean') throw new Unreadable(`${name} is yes or no`);
  return fit;
}

const WANTED: Readonly<Record<TermType, string>> = {
  number: 'a number',
  text: 'text',
  flag: 'true or false',
  date: 'a date such as 2026-01-31',
  time: 'a time such as 08:30',
  moment: 'a date such as 2026-01-31',
  age: 'an age in years',
  nothing: 'nothing',
  any: 'text or a number',
};

function typedValue(name: string, type: TermType, term: Term | undefined, value: unknown): Value {
  const fit = FITTING[type](value);
  if (fit === undefined) throw new Unreadable(`${name} is ${WANTED[type]}, and ${shown(value)} is none`);
  const words = term?.kind === 'fact' ? factOf(term.name)?.words : undefined;
  if (words !== undefined && typeof fit === 'string' && !words.includes(fit.toLowerCase()))
    throw new Unreadable(`${name} is ${words.join(', ')}; ${shown(value)} is none of them`);
  return typeof fit === 'string' ? bounded(name, fit) : fit;
}

function bounded(name: string, text: string): string {
  if (text.length <= LIMITS.text) return text;
  throw new Unreadable(`${name} is compared with a text of ${text.length} characters; ${LIMITS.text} are the most`);
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length <= 40 ? text : `${text.slice(0, 39)}…`;
}

const FITTING: Readonly<Record<TermType, (value: unknown) => Value | undefined>> = {
  number: numberIn,
  text: (value) => (typeof value === 'string' ? value : typeof value === 'number' ? String(value) : undefined),
  flag: (value) => (typeof value === 'boolean' ? value : value === 'yes' ? true : value === 'no' ? false : undefined),
  date: (value) => dateText(String(value)),
  time: (value) => timeText(String(value)),
  moment: (value) => (isTag(String(value)) || typeof value === 'string' ? momentIn(String(value)) : undefined),
  age: (value) => (typeof value === 'string' ? (yearsOf(value) ?? numberIn(value)) : numberIn(value)),
  nothing: () => undefined,
  any: (value) => (typeof value === 'string' || typeof value === 'number' ? value : undefined),
};

function numberIn(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^-?\d/.test(value.trim()) ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** A date, and a time behind it where one is given. */
function momentIn(text: string): string | undefined {
  const [day = '', time] = text.trim().split(/[T ]/);
  const date = dateText(day);
  if (time === undefined || date === undefined) return date;
  const clock = timeText(time);
  return clock === undefined ? undefined : date + clock;
}
