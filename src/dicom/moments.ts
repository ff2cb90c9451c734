/** What a DT (PS3.5 Section 6.2) means: from its first to its last microsecond, and in which zone that was said. */
export interface Moments {
  /** Microseconds since 1970 by the clock on the wall, both included. */
  readonly from: number;
  readonly to: number;
  /** East of UTC, minutes; absent where the value does not say. */
  readonly zone?: number;
}

const DT = /^(\d{4})(\d{2})?(\d{2})?(\d{2})?(\d{2})?(\d{2})?(?:\.(\d{1,6}))?([+-]\d{4})?$/;

/** Undefined for what is no DT. */
export function momentsOf(text: string): Moments | undefined {
  const match = DT.exec(text.trim());
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second, fraction, offset] = match;
  const given = [year, month, day, hour, minute, second].findLastIndex((part) => part !== undefined);
  const parts = [year, month, day, hour, minute, second].map(Number);
  const at = (n: number): number => (Number.isNaN(parts[n]) ? (n === 1 || n === 2 ? 1 : 0) : (parts[n] ?? 0));
  const microseconds = (extra: number): number => {
    const shifted = [0, 1, 2, 3, 4, 5].map((n) => at(n) + (n === given ? extra : 0));
    return Date.UTC(shifted[0]!, shifted[1]! - 1, shifted[2]!, shifted[3]!, shifted[4]!, shifted[5]!) * 1000;
  };
  const zone = offset === undefined ? {} : { zone: zoneOf(offset) };
  if (fraction === undefined) return { from: microseconds(0), to: microseconds(1) - 1, ...zone };
  const from = microseconds(0) + Number(fraction.padEnd(6, '0'));
  return { from, to: from + 10 ** (6 - fraction.length) - 1, ...zone };
}

/** Minutes east of UTC of "+0130" (PS3.5 Section 6.2, and Timezone Offset From UTC). */
export function zoneOf(offset: string): number {
  const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(3, 5));
  return offset.startsWith('-') ? -minutes : minutes;
}

/**
 * Whether a value lies within what is asked for. Where both say their zone they are compared as moments; where one does
 * not, by the clocks on their walls: to put it into a zone of our choosing would move it, silently.
 */
export function liesWithin(value: Moments, from: Moments | undefined, to: Moments | undefined): boolean {
  return (from === undefined || start(value, from) >= from.from) && (to === undefined || end(value, to) <= to.to);
}

function start(value: Moments, other: Moments): number {
  return value.from + shift(value, other);
}

function end(value: Moments, other: Moments): number {
  return value.to + shift(value, other);
}

/** From the value's clock to the other's. */
function shift({ zone }: Moments, { zone: other }: Moments): number {
  return zone === undefined || other === undefined ? 0 : (other - zone) * 60_000_000;
}
