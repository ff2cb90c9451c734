import type { Taps } from '../tent-filter.ts';

/**
 * Sparse maps along one axis, as Taps: for each index that comes out, a run of indexes that go in, and their weights. A count
 * of 0 takes from nothing.
 */
function tapsOf(rows: readonly { readonly first: number; readonly weights: readonly number[] }[]): Taps {
  const first = new Int32Array(rows.length);
  const count = new Int32Array(rows.length);
  const offset = new Int32Array(rows.length);
  const weights: number[] = [];
  for (const [i, row] of rows.entries()) {
    offset[i] = weights.length;
    let from = 0;
    let to = row.weights.length;
    while (from < to && row.weights[from] === 0) from++;
    while (to > from && row.weights[to - 1] === 0) to--;
    first[i] = to > from ? row.first + from : 0;
    count[i] = to - from;
    for (let t = from; t < to; t++) weights.push(row.weights[t]!);
  }
  return { first, count, offset, weights: Float64Array.from(weights) };
}

const clamp = (index: number, count: number): number => Math.min(Math.max(index, 0), count - 1);

/** The one index `placeOf` names, edges clamped. */
export function nearestTaps(count: number, sourceCount: number, placeOf: (index: number) => number): Taps {
  return tapsOf(Array.from({ length: count }, (_, i) => ({ first: clamp(placeOf(i), sourceCount), weights: [1] })));
}

/** The two indexes around the place `placeOf` gives, edges clamped. */
export function linearTaps(count: number, sourceCount: number, placeOf: (index: number) => number): Taps {
  return tapsOf(
    Array.from({ length: count }, (_, i) => {
      const place = clamp(placeOf(i), sourceCount);
      const low = Math.min(Math.floor(place), Math.max(sourceCount - 2, 0));
      return { first: low, weights: sourceCount === 1 ? [1] : [1 - (place - low), place - low] };
    }),
  );
}

/** The mean over start to end (exclusive). */
export function meanTaps(count: number, rangeOf: (index: number) => readonly [start: number, end: number]): Taps {
  return tapsOf(
    Array.from({ length: count }, (_, i) => {
      const [start, end] = rangeOf(i);
      return { first: start, weights: new Array<number>(end - start).fill(1 / (end - start)) };
    }),
  );
}

/** The weights of `weightsOf` for the indexes from `from` on, the edge repeated for ever on both sides. */
export function edgeTaps(
  count: number,
  sourceCount: number,
  weightsOf: (index: number) => { readonly from: number; readonly weights: readonly number[] },
): Taps {
  return tapsOf(
    Array.from({ length: count }, (_, i) => {
      const { from, weights } = weightsOf(i);
      const first = clamp(from, sourceCount);
      const folded = new Array<number>(clamp(from + weights.length - 1, sourceCount) - first + 1).fill(0);
      for (const [t, weight] of weights.entries()) folded[clamp(from + t, sourceCount) - first]! += weight;
      return { first, weights: folded };
    }),
  );
}

/** Index i takes from i + start; from nothing where there is none. */
export function shiftedTaps(count: number, sourceCount: number, start: number): Taps {
  return tapsOf(
    Array.from({ length: count }, (_, i) => {
      const inside = i + start >= 0 && i + start < sourceCount;
      return { first: i + start, weights: inside ? [1] : [] };
    }),
  );
}

export const identityTaps = (count: number): Taps => shiftedTaps(count, count, 0);

export function isIdentity(taps: Taps, sourceCount: number): boolean {
  if (taps.first.length !== sourceCount) return false;
  for (let i = 0; i < sourceCount; i++) {
    if (taps.count[i] !== 1 || taps.first[i] !== i || taps.weights[taps.offset[i]!] !== 1) return false;
  }
  return true;
}

/** First `inner`, then `outer` on what came out of it. */
export function chained(outer: Taps, inner: Taps): Taps {
  return tapsOf(
    Array.from({ length: outer.first.length }, (_, i) => {
      const rows = Array.from({ length: outer.count[i]! }, (_row, t) => outer.first[i]! + t).filter(
        (row) => inner.count[row]! > 0,
      );
      if (rows.length === 0) return { first: 0, weights: [] };
      const first = Math.min(...rows.map((row) => inner.first[row]!));
      const end = Math.max(...rows.map((row) => inner.first[row]! + inner.count[row]!));
      const weights = new Array<number>(end - first).fill(0);
      for (const row of rows) {
        const share = outer.weights[outer.offset[i]! + row - outer.first[i]!]!;
        for (let t = 0; t < inner.count[row]!; t++) {
          weights[inner.first[row]! + t - first]! += share * inner.weights[inner.offset[row]! + t]!;
        }
      }
      return { first, weights };
    }),
  );
}

/** The same map where what goes in is counted from its other end. */
export function inputReversed(taps: Taps, sourceCount: number): Taps {
  return tapsOf(
    rowsOf(taps).map(({ first, weights }) => ({
      first: sourceCount - first - weights.length,
      weights: weights.toReversed(),
    })),
  );
}

/** The same map where what comes out is counted from its other end. */
export const outputReversed = (taps: Taps): Taps => tapsOf(rowsOf(taps).toReversed());

const rowsOf = (taps: Taps): { first: number; weights: number[] }[] =>
  Array.from({ length: taps.first.length }, (_, i) => ({
    first: taps.first[i]!,
    weights: [...taps.weights.subarray(taps.offset[i]!, taps.offset[i]! + taps.count[i]!)],
  }));
