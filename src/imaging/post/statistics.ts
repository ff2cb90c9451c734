import type { Volume, VolumeSlice } from '../volume.ts';
import { rescaledAt } from '../volume.ts';
import type { FieldShape, LabelMap } from './label-field.ts';
import { forEachRun, type Runs } from './runs.ts';

/** Of the rescaled values of the stored voxels, never of resampled ones; IBSI 3.3. */
export interface ValueStatistics {
  /** Q4LE */
  readonly mean: number;
  /** Of the voxels as a population: the root of the variance ECT3. */
  readonly standardDeviation: number;
  /** 1GSF */
  readonly minimum: number;
  /** 84IY */
  readonly maximum: number;
  /** Y12H */
  readonly median: number;
  /** QG58; between two voxels as NumPy has it. */
  readonly percentile10: number;
  /** 8DWT */
  readonly percentile90: number;
}

/** Values, ascending, and how many voxels have each. */
interface Distribution {
  readonly values: ArrayLike<number>;
  readonly counts: ArrayLike<number> | undefined;
  readonly voxels: number;
}

/** Statistics of each value of a map, found by its runs; `voxels` says how many each has. */
export function statisticsOf(
  map: LabelMap,
  [, , columns]: FieldShape,
  runs: Runs,
  volume: Volume,
  voxels: ReadonlyMap<number, number>,
): Map<number, ValueStatistics> {
  const codes = sharedCodes(volume);
  const tallies = new Map(
    [...map.valueOf.values()].flatMap((value) => {
      const count = voxels.get(value) ?? 0;
      return count === 0 ? [] : [[value, codes ? histogram(codes) : gathered(count)] as const];
    }),
  );
  forEachRun(runs, (run, slice, row) => {
    const tally = tallies.get(runs.value[run]!);
    if (tally) tally.add(volume.slices[slice]!, row * columns + runs.begin[run]!, row * columns + runs.end[run]!);
  });
  return new Map([...tallies].map(([value, tally]) => [value, describe(tally.finish())]));
}

interface Tally {
  add(slice: VolumeSlice, from: number, to: number): void;
  finish(): Distribution;
}

/** The slice whose codes stand for all: stored values of 8 or 16 bits that mean the same on each. Most CT and MR. */
function sharedCodes({ slices }: Volume): VolumeSlice | undefined {
  const first = slices[0]!;
  const { samples } = first;
  const narrow =
    samples instanceof Int8Array ||
    samples instanceof Uint8Array ||
    samples instanceof Int16Array ||
    samples instanceof Uint16Array;
  const alike = ({ slope, intercept, table, padding, nothing, samples: other }: VolumeSlice): boolean =>
    slope === first.slope &&
    intercept === first.intercept &&
    table === undefined &&
    nothing === first.nothing &&
    padding?.low === first.padding?.low &&
    padding?.high === first.padding?.high &&
    other.constructor === samples.constructor;
  return narrow && slices.every(alike) ? first : undefined;
}

/** Counts stored values: no value is kept, whatever the size of the segment. */
function histogram(codes: VolumeSlice): Tally {
  const lowest = codes.samples instanceof Int8Array || codes.samples instanceof Int16Array ? -32768 : 0;
  const counts = new Float64Array(65536);
  return {
    add({ samples }, from, to) {
      for (let i = from; i < to; i++) counts[samples[i]! - lowest]! += 1;
    },
    finish() {
      const found = Array.from(counts.keys()).filter((code) => counts[code]! > 0);
      const one = found.map((code) => {
        const stands: VolumeSlice = { ...codes, samples: Int32Array.of(code + lowest) };
        return { value: rescaledAt(stands, 0), count: counts[code]! };
      });
      one.sort((a, b) => a.value - b.value);
      return {
        values: one.map(({ value }) => value),
        counts: one.map(({ count }) => count),
        voxels: one.reduce((sum, { count }) => sum + count, 0),
      };
    },
  };
}

function gathered(voxels: number): Tally {
  const values = new Float64Array(voxels);
  let length = 0;
  return {
    add(slice, from, to) {
      for (let i = from; i < to; i++) values[length++] = rescaledAt(slice, i);
    },
    finish: () => ({ values: values.sort(), counts: undefined, voxels }),
  };
}

function describe({ values, counts, voxels }: Distribution): ValueStatistics {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]! * (counts?.[i] ?? 1);
  const mean = sum / voxels;
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i]! - mean) ** 2 * (counts?.[i] ?? 1);
  const ends = new Float64Array(values.length);
  for (let i = 0, end = 0; i < values.length; i++) {
    end += counts?.[i] ?? 1;
    ends[i] = end;
  }
  const ranked = (rank: number): number => values[firstAbove(ends, rank)]!;
  const percentile = (fraction: number): number => {
    const place = (voxels - 1) * fraction;
    const low = Math.floor(place);
    const value = ranked(low);
    return place === low ? value : value + (place - low) * (ranked(low + 1) - value);
  };
  return {
    mean,
    standardDeviation: Math.sqrt(squares / voxels),
    minimum: values[0]!,
    maximum: values[values.length - 1]!,
    median: percentile(0.5),
    percentile10: percentile(0.1),
    percentile90: percentile(0.9),
  };
}

/** The first index whose number is greater, in ascending numbers. */
function firstAbove(ascending: Float64Array, than: number): number {
  let low = 0;
  let high = ascending.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (ascending[middle]! > than) high = middle;
    else low = middle + 1;
  }
  return low;
}
