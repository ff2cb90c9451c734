import { VoxgateError } from '../errors.ts';
import type { Vr } from './dataset.ts';
import { isUsableAsUid } from './uid.ts';

/** How one attribute is matched (PS3.4 Section C.2.2.2). */
export type Match =
  /** Universal: any value, or none. */
  | { readonly kind: 'any' }
  /** Single value, or one of a list (list of UIDs, multiple value matching). */
  | { readonly kind: 'equals'; readonly values: readonly string[] }
  /** Wild cards: "*" any characters, "?" any one; it is enough that one of the patterns matches. */
  | { readonly kind: 'like'; readonly patterns: readonly string[] }
  /** From and to, both included; times are HHMMSS and HHMMSS.FFFFFF, filled up from what was given. */
  | { readonly kind: 'range'; readonly from?: string; readonly to?: string }
  /** Empty value matching: the attribute is absent or has no value. */
  | { readonly kind: 'empty' }
  /** One of several is enough: a list of dates or times. */
  | { readonly kind: 'oneOf'; readonly matches: readonly Match[] };

/** Each may stand for anything: what a person types has one or two, and every further one costs time. */
const MOST_WILD_CARDS = 64;

/** VRs for which "*" and "?" are wild cards (PS3.4 Section C.2.2.2.4). */
const WILD: ReadonlySet<Vr> = new Set<Vr>(['AE', 'CS', 'LO', 'LT', 'PN', 'SH', 'ST', 'UC', 'UR', 'UT']);

export interface MatchOptions {
  /** Empty value matching was agreed on: two quotation marks ask for what has no value. */
  readonly emptyValue?: boolean;
}

/**
 * What the values of a key ask for. Several values mean any of them, whether multiple value matching was agreed on or
 * not: without it they would mean nothing at all.
 *
 * @param name of the attribute, for the sentence of an error
 * @throws VoxgateError bad-request naming the attribute and the form its value must have
 */
export function parseMatch(vr: Vr, values: readonly string[], name: string, options: MatchOptions = {}): Match {
  const [first, ...others] = values;
  // a lone "*" is universal in every VR (PS3.4 Section C.2.2.2.4), and viewers put it around what was typed
  if (first === undefined || values.some((value) => /^\*+$/.test(value))) return { kind: 'any' };
  if (options.emptyValue === true && values.includes('""')) return emptyOr(vr, values, name);
  if (vr === 'UI') {
    if (!values.every(isUsableAsUid)) throw wrongKey(name, 'must be a UID or a list of UIDs');
    return { kind: 'equals', values };
  }
  if (vr === 'DA' || vr === 'TM' || vr === 'DT') {
    if (others.length === 0) return temporalMatch(vr, first, name);
    return { kind: 'oneOf', matches: values.map((value) => temporalMatch(vr, value, name)) };
  }
  if (WILD.has(vr) && values.some((value) => /[*?]/.test(value))) {
    if (values.some((value) => (value.match(/[*?]+/g)?.length ?? 0) > MOST_WILD_CARDS))
      throw wrongKey(name, `must not have more than ${MOST_WILD_CARDS} wild cards`);
    return { kind: 'like', patterns: values.map((value) => value.replace(/\*{2,}/g, '*')) };
  }
  return { kind: 'equals', values };
}

function emptyOr(vr: Vr, values: readonly string[], name: string): Match {
  const others = values.filter((value) => value !== '""');
  if (others.length === 0) return { kind: 'empty' };
  return { kind: 'oneOf', matches: [{ kind: 'empty' }, parseMatch(vr, others, name)] };
}

const DATE = /^\d{4}\.?(0[1-9]|1[0-2])\.?(0[1-9]|[12]\d|3[01])$/;
const TIME = /^([01]\d|2[0-3])(:?[0-5]\d(:?([0-5]\d|60)(\.\d{1,6})?)?)?$/;
const DATE_TIME = /^\d{4}((0[1-9]|1[0-2])(\d{2}(\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?)?)?)?([+-](0\d|1[0-4])\d{2})?$/;

/** Single value and range matching of dates and times (PS3.4 Sections C.2.2.2.1 and C.2.2.2.5). */
function temporalMatch(vr: 'DA' | 'TM' | 'DT', value: string, name: string): Match {
  const valid = vr === 'DA' ? DATE : vr === 'TM' ? TIME : DATE_TIME;
  if (valid.test(value)) return singleTime(vr, value);
  // the hyphen of a range is one that leaves a valid value on both sides; in DT another may belong to a time zone
  for (let at = value.indexOf('-'); at !== -1; at = value.indexOf('-', at + 1)) {
    const from = value.slice(0, at).trim();
    const to = value.slice(at + 1).trim();
    if ((from !== '' || to !== '') && [from, to].every((end) => end === '' || valid.test(end))) {
      return {
        kind: 'range',
        ...(from === '' ? {} : { from: earliest(vr, from) }),
        ...(to === '' ? {} : { to: latest(vr, to) }),
      };
    }
  }
  const form = { DA: 'YYYYMMDD', TM: 'HHMMSS', DT: 'YYYYMMDDHHMMSS' }[vr];
  throw wrongKey(name, `must be ${form} or a range of two joined by "-"`);
}

/** A time given to the hour or minute means any within it. */
function singleTime(vr: 'DA' | 'TM' | 'DT', value: string): Match {
  if (vr === 'TM') return { kind: 'range', from: earliest(vr, value), to: latest(vr, value) };
  return { kind: 'equals', values: [vr === 'DA' ? earliest(vr, value) : value] };
}

function earliest(vr: 'DA' | 'TM' | 'DT', value: string): string {
  if (vr === 'DA') return value.replaceAll('.', ''); // YYYY.MM.DD of ACR-NEMA, PS3.5 Section 6.2
  return vr === 'TM' ? value.replaceAll(':', '').padEnd(6, '0') : value;
}

function latest(vr: 'DA' | 'TM' | 'DT', value: string): string {
  if (vr !== 'TM') return earliest(vr, value);
  const [whole = '', fraction = ''] = value.replaceAll(':', '').split('.');
  return `${whole}${'5959'.slice(whole.length - 2)}.${fraction.padEnd(6, '9')}`;
}

export function wrongKey(name: string, sentence: string): VoxgateError {
  return new VoxgateError('bad-request', `${name} ${sentence}`);
}
