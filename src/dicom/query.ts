import type { Match } from './query-match.ts';

export type QueryLevel = 'patient' | 'study' | 'series' | 'instance';

/** What QIDO-RS (PS3.18 Section 10.6) and C-FIND (PS3.4 Section C.4.1) ask alike. */
export interface Query {
  readonly level: QueryLevel;
  /** By tag, or by path for attributes of sequence items, "00400275.00400009". Universal ones are included. */
  readonly filters: ReadonlyMap<string, Match>;
  /** Attributes to return besides those the level requires, as tags or paths. */
  readonly include: readonly string[] | 'all';
  /** Whose private attributes are meant: names by the tags of their Private Creator, "00090010" (PS3.18 8.3.4.3). */
  readonly creators?: ReadonlyMap<string, string>;
  /** Person names match by the beginnings of their words in any order, and by their sound. */
  readonly fuzzy: boolean;
  /** A date and a time of which both are ranges are one range of moments (PS3.4 Section C.2.2.2.5). */
  readonly combinedDateTime: boolean;
  readonly limit?: number;
  readonly offset: number;
  /** Parameters that name no attribute of PS3.6; to be named in a warning, not refused. */
  readonly ignored: readonly string[];
}
