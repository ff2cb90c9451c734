import type { FindModel, FindOptions } from './find-identifier.ts';

/**
 * Service class application information of C-FIND (PS3.4 Tables C.5-1 and C.5-2), one byte each, in this order. Timezone
 * query adjustment is turned down: few objects say their time zone, and to assume one would move studies to other days.
 * Enhanced multi-frame conversion is a service of its own.
 */
const PERFORMED: readonly (0 | 1)[] = [
  1, // relational queries
  1, // combined date and time matching
  1, // fuzzy semantic matching of person names
  0, // timezone query adjustment
  0, // enhanced multi-frame image conversion
  1, // empty value matching
  1, // multiple value matching
];

/** Our answer to what a peer proposes: as many bytes, each 1 where it asked and we do. */
export function answerFindNegotiation(proposed: Uint8Array): Buffer {
  return Buffer.from(proposed.subarray(0, PERFORMED.length).map((asked, at) => (asked === 1 ? PERFORMED[at]! : 0)));
}

/** How an identifier is to be read on a presentation context of that model, given what was agreed on for it. */
export function findOptions(model: FindModel, agreed: Uint8Array | undefined): FindOptions {
  const isAgreed = (at: number): boolean => agreed?.[at] === 1;
  return {
    model,
    relational: isAgreed(0),
    combinedDateTime: isAgreed(1),
    fuzzy: isAgreed(2),
    emptyValue: isAgreed(5),
  };
}
