/** "YYYYMMDD" of a date as DA has it, or as people write it; undefined for what is no date. */
export function dateText(text: string): string | undefined {
  const match = /^(\d{4})[-.]?(\d\d)[-.]?(\d\d)$/.exec(text.trim());
  if (match === null) return undefined;
  const [, year, month, day] = match;
  const date = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  const same = date.getUTCMonth() === Number(month) - 1 && date.getUTCDate() === Number(day);
  return same ? `${year}${month}${day}` : undefined;
}

/** "HHMMSS" of a time as TM has it (PS3.5 6.2), or with colons; what is not said is 0. */
export function timeText(text: string): string | undefined {
  const match = /^(\d\d):?(\d\d)?:?(\d\d)?(\.\d{1,6})?$/.exec(text.trim());
  if (match === null) return undefined;
  const [, hours, minutes = '00', seconds = '00'] = match;
  return Number(hours) < 24 && Number(minutes) < 60 && Number(seconds) < 61
    ? `${hours}${minutes}${seconds}`
    : undefined;
}

const YEARS: Readonly<Record<string, number>> = { D: 1 / 365.25, W: 7 / 365.25, M: 1 / 12, Y: 1 };

/** Years of an AS (PS3.5 6.2): "018M" is 1.5. */
export function yearsOf(text: string): number | undefined {
  const match = /^(\d{1,3})([DWMY])$/.exec(text.trim().toUpperCase());
  return match === null ? undefined : Number(match[1]) * YEARS[match[2]!]!;
}

/** Years from one day to another, whole ones counted by birthdays; both "YYYYMMDD". */
export function yearsBetween(birth: string, day: string): number | undefined {
  const [from, to] = [dateText(birth), dateText(day)];
  if (from === undefined || to === undefined || to < from) return undefined;
  const whole = Number(to.slice(0, 4)) - Number(from.slice(0, 4)) - (to.slice(4) < from.slice(4) ? 1 : 0);
  if (whole >= 2) return whole;
  const days = (dayNumber(to) - dayNumber(from)) / 86_400_000;
  return days / 365.25;
}

function dayNumber(text: string): number {
  return Date.UTC(Number(text.slice(0, 4)), Number(text.slice(4, 6)) - 1, Number(text.slice(6, 8)));
}
