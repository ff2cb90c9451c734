import { includesType, type MediaType } from '../dicom/media-types.ts';

/** One form in which a resource can be had. */
export interface Offer {
  /** The media type of the whole, or of each part of a multipart/related answer. */
  readonly type: string;
  readonly multipart: boolean;
  /** Of objects, frames and bulk data that are of one. */
  readonly transferSyntaxUid?: string;
  /** Not what a range means that names this type and no transfer syntax: there the default is another (PS3.18 8.7.3.5.2). */
  readonly onlyByName?: boolean;
  /** A type of one data set that is understood as a wish for this form of many, as clients write it. */
  readonly alias?: string;
}

/** How much an offer is wanted; the greater comes first, from left to right. */
export type Rank = readonly [quality: number, named: number, order: number];

/**
 * The most wanted of the offers (RFC 9110 12.5.1): the most specific range that takes an offer gives its quality, and
 * q=0 excludes it. Among equals, what is named goes before what a wildcard takes in, then the order of the client's
 * list, then that of the offers. Undefined where none is wanted.
 */
export function mostWanted<O extends Offer>(
  ranges: readonly MediaType[],
  offers: readonly O[],
): { readonly offer: O; readonly rank: Rank } | undefined {
  let best: { readonly offer: O; readonly rank: Rank } | undefined;
  for (const offer of offers) {
    const rank = rankOf(ranges, offer);
    if (rank !== undefined && (best === undefined || isBefore(rank, best.rank))) best = { offer, rank };
  }
  return best;
}

/** Undefined for an offer that is not wanted. */
function rankOf(ranges: readonly MediaType[], offer: Offer): Rank | undefined {
  let deciding = -1;
  let rank: Rank | undefined;
  for (const [at, range] of ranges.entries()) {
    const specificity = specificityFor(range, offer);
    if (specificity === undefined || specificity <= deciding) continue;
    deciding = specificity;
    rank = range.q > 0 ? [range.q, Math.min(specificity, NAMED), -at] : undefined;
  }
  return rank;
}

export function isBefore(a: Rank, b: Rank): boolean {
  for (const [at, value] of a.entries()) if (value !== b[at]) return value > b[at]!;
  return false;
}

/** "*" + "/*", "type/*", a type; a transfer syntax besides counts one more. */
const ANYTHING = 0;
const ANY_SUBTYPE = 1;
const NAMED = 2;

/** How exactly a range takes in an offer; undefined where it does not. Other parameters, a charset for one, say nothing. */
function specificityFor({ type, parameters }: MediaType, offer: Offer): number | undefined {
  if (type === '*/*') return ANYTHING;
  const wanted = typeWanted(type, parameters['type']?.toLowerCase(), offer);
  if (wanted === undefined) return undefined;
  const asked = parameters['transfer-syntax'];
  const isExact = !wanted.endsWith('/*');
  if (asked === undefined && isExact && offer.onlyByName === true) return undefined;
  if (asked === undefined || asked === '*') return isExact ? NAMED : ANY_SUBTYPE;
  return asked === offer.transferSyntaxUid ? NAMED + 1 : undefined;
}

/** What a range says of the type of an offer, which is that of the parts where there are some. */
function typeWanted(type: string, root: string | undefined, offer: Offer): string | undefined {
  if (type === offer.alias) return type;
  if (!offer.multipart) return includesType(type, offer.type) ? type : undefined;
  if (!includesType(type, 'multipart/related')) return undefined;
  const wanted = root ?? '*/*';
  return includesType(wanted, offer.type) ? wanted : undefined;
}

/** For sentences: "multipart/related; type="application/dicom"; transfer-syntax=1.2.840.10008.1.2.1". */
export function offerText({ type, multipart, transferSyntaxUid }: Offer): string {
  const syntax = transferSyntaxUid === undefined ? '' : `; transfer-syntax=${transferSyntaxUid}`;
  return (multipart ? `multipart/related; type="${type}"` : type) + syntax;
}
