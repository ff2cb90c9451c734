import type { Vr } from '../dicom/dataset.ts';

/**
 * A condition of the route language: one tree, written as text or as JSON (docs/decisions/0031). Judging it reads facts
 * and does nothing else. What it costs is bounded by its size: nothing in it repeats, recurses or calls.
 */
export type Condition =
  | { readonly kind: 'all' | 'any'; readonly of: readonly Condition[] }
  | { readonly kind: 'not'; readonly of: Condition }
  /** Over the images of a series (or the series of a study), each for itself. */
  | { readonly kind: 'every' | 'some'; readonly of: Condition }
  /** How many of them are so. */
  | { readonly kind: 'count'; readonly of: Condition; readonly test: Test }
  | { readonly kind: 'compare'; readonly term: Term; readonly test: Test };

/** What is looked at. */
export type Term =
  | { readonly kind: 'fact'; readonly name: string }
  | AttributeTerm
  /** Of what an analysis found: a segment's or a class's measure. */
  | {
      readonly kind: 'finding';
      readonly of: 'segments' | 'classes';
      readonly label: string;
      readonly measure: string;
    };

export interface AttributeTerm {
  readonly kind: 'attribute';
  /** All but the last are sequences. */
  readonly path: readonly PathStep[];
  /** Of the last one; undefined for a private attribute, which takes the type of what it is compared with. */
  readonly vr: Vr | undefined;
}

export interface PathStep {
  /** As it is written and told: a keyword, or a tag where it has none. */
  readonly name: string;
  /** Eight upper-case hexadecimal digits; a private one has "xx" for its block: "0019xx0C". */
  readonly tag: string;
  /** Private creator (PS3.5 7.8.1). */
  readonly creator?: string;
  /** Which value or item, counted from 1; absent: any. */
  readonly index?: number;
}

export type Value = string | number | boolean;

/** Dates are "YYYYMMDD", times "HHMMSS", ages years; text is compared without regard to case and outer spaces. */
export type Test =
  | { readonly op: 'exists' }
  | { readonly op: 'is'; readonly value: Value }
  | { readonly op: 'in'; readonly values: readonly Value[] }
  | { readonly op: 'above' | 'atLeast' | 'below' | 'atMost'; readonly value: string | number }
  /** Both included. */
  | { readonly op: 'between'; readonly from: string | number; readonly to: string | number }
  /** `*` any run of characters, `?` any one. */
  | { readonly op: 'matches'; readonly pattern: string };

/** What a condition may speak of: a series, a study as a whole, or what an analysis found. */
export type Scope = 'series' | 'study' | 'result';

/** Nobody writes a longer one by hand, and none may cost more than this. */
export const LIMITS = {
  characters: 16_384,
  nodes: 500,
  depth: 24,
  values: 500,
  /** Of one text or pattern. */
  text: 256,
} as const;
