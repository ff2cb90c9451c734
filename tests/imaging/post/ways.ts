import { type Grid, positionOf, type Vec3 } from '../../../src/imaging/grid.ts';
import { tapsOf } from '../../../src/imaging/post/taps.ts';
import type { Taps } from '../../../src/imaging/tent-filter.ts';
import type { Affine, AxisInverse, Preparation } from '../../../src/imaging/transforms/preparation.ts';

/** How an array axis lies along an axis of the source: element i at source index `start + i × step`. */
export interface AxisWay {
  readonly source: 0 | 1 | 2;
  readonly count: number;
  readonly start: number;
  readonly step: number;
  /** Beyond the first and last element: the nearest counts, or nothing was seen there. */
  readonly beyond?: 'nearest' | 'nothing' | 'zeros';
}

/** A preparation put together by hand, its way back by linear interpolation. */
export function aPreparation(grid: Grid, ways: readonly [AxisWay, AxisWay, AxisWay]): Preparation {
  const counts = [grid.columns, grid.rows, grid.slices] as const;
  const at = (indexes: Vec3): Vec3 => {
    const source: [number, number, number] = [0, 0, 0];
    for (const [axis, way] of ways.entries()) source[way.source] = way.start + indexes[axis]! * way.step;
    return positionOf(grid, ...source);
  };
  const origin = at([0, 0, 0]);
  const steps = [at([1, 0, 0]), at([0, 1, 0]), at([0, 0, 1])];
  const row = (i: 0 | 1 | 2) =>
    [steps[0]![i] - origin[i], steps[1]![i] - origin[i], steps[2]![i] - origin[i], origin[i]] as const;
  const affine: Affine = [row(0), row(1), row(2), [0, 0, 0, 1]];
  const axes = ways.map((way): AxisInverse => inverseOf(way, counts[way.source]));
  return {
    channels: 1,
    shape: [ways[0].count, ways[1].count, ways[2].count],
    affine,
    axes: axes as unknown as Preparation['axes'],
  };
}

function inverseOf({ source, count, start, step, beyond = 'nearest' }: AxisWay, sourceCount: number): AxisInverse {
  const placeOf = (i: number): number => (i - start) / step;
  const outside = (at: number): boolean => beyond === 'nothing' && (at < -0.5 || at > count - 0.5);
  const linear: Taps = tapsOf(sourceCount, (i) => {
    const at = placeOf(i);
    if (beyond === 'zeros') {
      const low = Math.floor(at);
      const runs = [
        { index: low, weight: low + 1 - at },
        { index: low + 1, weight: at - low },
      ].filter(({ index }) => index >= 0 && index < count);
      return { first: runs[0]?.index ?? 0, weights: runs.map(({ weight }) => weight) };
    }
    if (outside(at)) return { first: 0, weights: [] };
    const clamped = Math.min(Math.max(at, 0), count - 1);
    const low = Math.min(Math.floor(clamped), Math.max(count - 2, 0));
    return { first: low, weights: count === 1 ? [1] : [low + 1 - clamped, clamped - low] };
  });
  const nearest = tapsOf(sourceCount, (i) => {
    const at = placeOf(i);
    if (outside(at) || (beyond === 'zeros' && (at <= -0.5 || at >= count - 0.5))) return { first: 0, weights: [] };
    return { first: Math.min(Math.max(Math.round(at), 0), count - 1), weights: [1] };
  });
  return { source, sourceCount, linear, nearest };
}
