/** For each output sample, a run of source indexes and their weights, which sum to 1. */
export interface Taps {
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** Where the weights of each output sample begin in `weights`. */
  readonly offset: Int32Array;
  readonly weights: Float64Array;
}

/** One axis before and after, spacings in mm. */
export interface TentAxis {
  readonly sourceCount: number;
  readonly sourceSpacing: number;
  readonly count: number;
  readonly spacing: number;
  /** The new axis counts against the index of the source. */
  readonly flipped: boolean;
}

/**
 * The weights that resample one axis of the source to the model: a tent (triangle) of half-width max(1, spacing ratio)
 * source samples around each output centre, edges clamped. Plain linear interpolation where the model is finer, an
 * antialiased one where it is coarser. Indexes are those of the source, also on a flipped axis.
 */
export function tentTaps(axis: TentAxis): Taps {
  const { count, sourceCount } = axis;
  const ratio = axis.spacing / axis.sourceSpacing;
  const halfWidth = Math.max(1, ratio);
  const first = new Int32Array(count);
  const counts = new Int32Array(count);
  const offset = new Int32Array(count);
  const weights: number[] = [];

  for (let i = 0; i < count; i++) {
    const centre = (i + 0.5) * ratio - 0.5;
    const from = Math.ceil(centre - halfWidth);
    const to = Math.floor(centre + halfWidth);
    const clamp = (j: number): number => Math.min(Math.max(j, 0), sourceCount - 1);
    const run = new Array<number>(clamp(to) - clamp(from) + 1).fill(0);
    let sum = 0;
    for (let j = from; j <= to; j++) {
      const weight = Math.max(0, 1 - Math.abs(j - centre) / halfWidth);
      run[clamp(j) - clamp(from)]! += weight;
      sum += weight;
    }
    first[i] = axis.flipped ? sourceCount - 1 - clamp(to) : clamp(from);
    counts[i] = run.length;
    offset[i] = weights.length;
    if (axis.flipped) run.reverse();
    for (const weight of run) weights.push(weight / sum);
  }
  return { first, count: counts, offset, weights: Float64Array.from(weights) };
}
