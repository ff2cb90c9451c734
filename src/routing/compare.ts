import type { Test, Value } from './condition.ts';

/** Relative: what is measured from coordinates is 3 mm when it is 2.9999999. */
const TOLERANCE = 1e-6;

/**
 * Whether values pass a test. Equality, lists and patterns ask for one value that does; more and less, for all of them:
 * "PixelSpacing <= 1" is meant of both.
 */
export function passes(values: readonly Value[], test: Test): boolean {
  switch (test.op) {
    case 'exists':
      return values.length > 0;
    case 'is':
      return values.some((value) => same(value, test.value));
    case 'in':
      return values.some((value) => test.values.some((wanted) => same(value, wanted)));
    case 'matches':
      return values.some((value) => matchesPattern(String(value), test.pattern));
    case 'between':
      return values.every((value) => order(value, test.from) >= 0 && order(value, test.to) <= 0);
    case 'above':
      return values.every((value) => order(value, test.value) > 0);
    case 'atLeast':
      return values.every((value) => order(value, test.value) >= 0);
    case 'below':
      return values.every((value) => order(value, test.value) < 0);
    case 'atMost':
      return values.every((value) => order(value, test.value) <= 0);
  }
}

function same(value: Value, wanted: Value): boolean {
  if (typeof wanted === 'boolean' || typeof value === 'boolean') return value === wanted;
  if (typeof wanted === 'number') return order(value, wanted) === 0;
  return folded(String(value)) === folded(wanted);
}

/** Below, at, or above 0 as the value is less, the same or more; NaN where it is neither. */
function order(value: Value, wanted: string | number): number {
  if (typeof wanted === 'number') {
    const difference = Number(value) - wanted;
    return Math.abs(difference) <= TOLERANCE * Math.max(1, Math.abs(wanted)) ? 0 : difference;
  }
  // Dates and times: of a moment as much as is asked for.
  const text = String(value).slice(0, wanted.length);
  return text < wanted ? -1 : text > wanted ? 1 : 0;
}

function folded(text: string): string {
  return text.trim().toLowerCase();
}

/** `*` and `?`, without regard to case; time grows with text times pattern at most, both of which are bounded. */
export function matchesPattern(text: string, pattern: string): boolean {
  const [value, wanted] = [folded(text).slice(0, LONGEST_VALUE), folded(pattern)];
  let [at, next, star, resume] = [0, 0, -1, 0];
  while (at < value.length) {
    if (wanted[next] === '*') {
      star = next++;
      resume = at;
    } else if (wanted[next] === '?' || (next < wanted.length && wanted[next] === value[at])) {
      at += 1;
      next += 1;
    } else if (star >= 0) {
      // The last star takes one character more.
      next = star + 1;
      at = ++resume;
    } else return false;
  }
  while (wanted[next] === '*') next += 1;
  return next === wanted.length;
}

/** An LT has 10240 characters; what lies behind them matches nothing. */
const LONGEST_VALUE = 10_240;
