import type { Taps } from '../tent-filter.ts';

/** Taps of one output sample, as they are put together. */
interface Run {
  readonly first: number;
  readonly weights: readonly number[];
}

/** `inner` after `outer`: what `outer` takes of the outputs of `inner`, as weights on the inputs of `inner`. */
export function composed(outer: Taps, inner: Taps): Taps {
  return tapsOf(outer.first.length, (i) => {
    const sums = new Map<number, number>();
    for (let t = 0; t < outer.count[i]!; t++) {
      const middle = outer.first[i]! + t;
      const weight = outer.weights[outer.offset[i]! + t]!;
      for (let u = 0; u < inner.count[middle]!; u++) {
        const index = inner.first[middle]! + u;
        sums.set(index, (sums.get(index) ?? 0) + weight * inner.weights[inner.offset[middle]! + u]!);
      }
    }
    if (sums.size === 0) return { first: 0, weights: [] };
    const first = Math.min(...sums.keys());
    const last = Math.max(...sums.keys());
    return { first, weights: Array.from({ length: last - first + 1 }, (_, at) => sums.get(first + at) ?? 0) };
  });
}

/** Linear interpolation at `place + offset` for each place below `count`, among `length` samples, ends clamped. */
export function shiftedTaps(count: number, offset: number, length: number): Taps {
  return tapsOf(count, (i) => {
    const at = Math.min(Math.max(i + offset, 0), length - 1);
    const low = Math.min(Math.floor(at), length - 1);
    return { first: low, weights: at > low ? [low + 1 - at, at - low] : [1] };
  });
}

/** The heaviest tap alone, of weight 1; the first of equals. None where there was none. */
export function heaviest(taps: Taps): Taps {
  return tapsOf(taps.first.length, (i) => {
    const weights = taps.weights.subarray(taps.offset[i]!, taps.offset[i]! + taps.count[i]!);
    if (weights.length === 0) return { first: 0, weights: [] };
    const best = weights.reduce((most, weight, t) => (weight > weights[most]! ? t : most), 0);
    return { first: taps.first[i]! + best, weights: [1] };
  });
}

/** Without the taps of weight 0 at either end: a sample that lies exactly on another has one tap. */
export function trimmed(taps: Taps): Taps {
  return tapsOf(taps.first.length, (i) => {
    const offset = taps.offset[i]!;
    let from = 0;
    let to = taps.count[i]!;
    while (from < to && taps.weights[offset + from] === 0) from += 1;
    while (to > from && taps.weights[offset + to - 1] === 0) to -= 1;
    return { first: taps.first[i]! + from, weights: Array.from(taps.weights.subarray(offset + from, offset + to)) };
  });
}

export function tapsOf(count: number, runOf: (i: number) => Run): Taps {
  const taps = { first: new Int32Array(count), count: new Int32Array(count), offset: new Int32Array(count) };
  const weights: number[] = [];
  for (let i = 0; i < count; i++) {
    const run = runOf(i);
    taps.first[i] = run.first;
    taps.count[i] = run.weights.length;
    taps.offset[i] = weights.length;
    weights.push(...run.weights);
  }
  return { ...taps, weights: Float64Array.from(weights) };
}
