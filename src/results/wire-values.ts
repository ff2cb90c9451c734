import type { JsonDataset } from '../dicom/dataset.ts';
import { text } from '../dicom/read-values.ts';

/** One moment as DICOM writes it (PS3.5 Section 6.2): DA, TM and DT, the last with its offset. */
export interface WireMoment {
  readonly date: string;
  readonly time: string;
  readonly dateTime: string;
}

/** The moment on the clock of a place `offset` ("+0100") away from UTC. */
export function wireMoment(moment: Date, offset: string): WireMoment {
  const minutes = Number(offset.slice(1, 3)) * 60 + Number(offset.slice(3));
  const there = new Date(moment.getTime() + (offset.startsWith('-') ? -minutes : minutes) * 60_000).toISOString();
  const date = there.slice(0, 10).replaceAll('-', '');
  const time = there.slice(11, 23).replaceAll(':', '');
  return { date, time, dateTime: `${date}${time}${offset}` };
}

/**
 * Timezone Offset From UTC (0008,0201) as the source states it. It governs every date and time of an object, the copied
 * Study Date and Time too (PS3.3 Section C.12.1): where the source states none, none is made up, or a node that keeps
 * UTC beside a scanner that keeps local time would move the study.
 */
export function statedOffset(source: JsonDataset): string | undefined {
  const stated = text(source, 'TimezoneOffsetFromUTC')?.trim() ?? '';
  return /^[+-](0\d|1[0-4])[0-5]\d$/.test(stated) ? stated : undefined;
}

/** The offset that this node keeps at the moment. */
export function localOffset(moment: Date): string {
  const minutes = -moment.getTimezoneOffset();
  const two = (value: number) => String(value).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}${two(Math.abs(minutes) % 60)}`;
}

/** Backslash parts values, and control characters are not allowed in the short text VRs (PS3.5 Section 6.1.3). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to take out
const NOT_IN_SHORT_TEXT = /[\u0000-\u001f\u007f\\]/g;

/** The text as LO (64) or SH (16): without what those VRs forbid, cut to length (PS3.5 Section 6.2). */
export function shortText(value: string, maxLength = 64): string {
  return [...value.replace(NOT_IN_SHORT_TEXT, ' ').trim()].slice(0, maxLength).join('').trim();
}

/** Significant digits of a reported measurement: 1 in 10^6, finer than any voxel count it comes from. */
const REPORTED_DIGITS = 6;

/** A measured value as reported; always fits a DS exactly, so SR needs no Floating Point Value beside it. */
export function reportedValue(value: number): number {
  return Number(value.toPrecision(REPORTED_DIGITS));
}
