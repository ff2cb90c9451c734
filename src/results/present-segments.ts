import { VoxgateError } from '../errors.ts';
import type { SegmentDescription } from './types.ts';

/** A segment that was found: its description with the number it has in our objects, and the model's label. */
export interface PresentSegment {
  readonly inputNumber: number;
  readonly description: SegmentDescription;
}

/**
 * The segments that were found, numbered 1..n in the order of their labels. Segment Sequence "describes the Segments that
 * are contained within the data" (PS3.3 Table C.8.20-2) and Segment Number starts at 1 and increases by 1 (C.8.20.2.4), so
 * with only one of two lungs in the masks there is one segment and its number is 1. SEG and SR both number by this.
 *
 * @throws VoxgateError mismatch when two segments have one label, or one that is present has no description
 */
export function presentSegments(
  segments: readonly SegmentDescription[],
  present: ReadonlySet<number>,
): readonly PresentSegment[] {
  if (new Set(segments.map((segment) => segment.number)).size !== segments.length) {
    throw new VoxgateError('bad-result', 'two segments are described under one number');
  }
  for (const number of present) {
    if (!segments.some((segment) => segment.number === number)) {
      throw new VoxgateError('bad-result', `segment ${number} has results but no description`);
    }
  }
  return segments
    .filter((segment) => present.has(segment.number))
    .sort((a, b) => a.number - b.number)
    .map((segment, index) => ({ inputNumber: segment.number, description: { ...segment, number: index + 1 } }));
}
