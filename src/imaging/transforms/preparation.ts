import type { Taps } from '../tent-filter.ts';
import type { Triple } from './steps.ts';

/** Array index → LPS (mm), rows of a 4 × 4 matrix; the last is 0, 0, 0, 1. */
export type Affine = readonly [Row, Row, Row, Row];
type Row = readonly [number, number, number, number];

/** What became of the volumes before the network, and the way back from its scores to the stored slices. */
export interface Preparation {
  readonly channels: number;
  /** [a, b, c]; the tensor is [channel][a][b][c]. */
  readonly shape: Triple;
  readonly affine: Affine;
  /** Of a, b and c. Each source axis is named once. */
  readonly axes: readonly [AxisInverse, AxisInverse, AxisInverse];
}

/**
 * The way back along one array axis: every spatial step works on each axis by itself, so the inverse of them all is three
 * sparse maps. For each index along the source axis, ascending, the array indexes it is made of and their weights.
 *
 * A count of 0 is a place the network did not see (cropped away): background. Weights sum to 1, or to less beside such a
 * place, where MONAI mixes the scores with the zeros it fills in: the missing part is a score of 0 in every class.
 */
export interface AxisInverse {
  /** The axis of the grid of the volume it runs along: 0 columns, 1 rows, 2 slices. */
  readonly source: 0 | 1 | 2;
  readonly sourceCount: number;
  /** For scores. */
  readonly linear: Taps;
  /** For labels: at most one array index each, of weight 1. */
  readonly nearest: Taps;
}
