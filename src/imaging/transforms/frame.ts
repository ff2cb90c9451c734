import type { Grid, Vec3 } from '../grid.ts';
import { addScaled, scale } from '../vector.ts';
import type { AxisChange, AxisReturn } from './axis-changes.ts';
import { chained, identityTaps, inputReversed } from './axis-maps.ts';
import type { Affine, AxisInverse } from './preparation.ts';
import type { Triple } from './steps.ts';

/** One axis of the array. Its values lie in memory along `source`, always ascending: turning an array moves no value. */
export interface ArrayAxis {
  readonly source: 0 | 1 | 2;
  readonly sourceCount: number;
  readonly count: number;
  /** The array counts against the memory. */
  readonly flipped: boolean;
  /** LPS, of length 1: where the next index lies. */
  readonly direction: Vec3;
  /** mm; kept apart from the direction so that what a header says stays what it is. */
  readonly spacing: number;
  /** From array index to index of the source. */
  readonly back: AxisReturn;
}

/** The three axes of the array, a, b and c, and where in the patient (LPS, mm) its first voxel lies. */
export interface Frame {
  readonly axes: readonly [ArrayAxis, ArrayAxis, ArrayAxis];
  readonly origin: Vec3;
}

const ARRAY_AXES = [0, 1, 2] as const;

/** a = columns, b = rows, c = slices, as the images lie. */
export function frameOf(grid: Grid): Frame {
  const axis = (source: 0 | 1 | 2, count: number, direction: Vec3, spacing: number): ArrayAxis => {
    const taps = identityTaps(count);
    const back = { linear: taps, nearest: taps };
    return { source, sourceCount: count, count, flipped: false, direction, spacing, back };
  };
  return {
    axes: [
      axis(0, grid.columns, grid.rowDirection, grid.columnSpacing),
      axis(1, grid.rows, grid.columnDirection, grid.rowSpacing),
      axis(2, grid.slices, grid.normal, grid.sliceSpacing),
    ],
    origin: grid.origin,
  };
}

export const shapeOf = ({ axes }: Frame): Triple => [axes[0].count, axes[1].count, axes[2].count];

export const spacingsOf = ({ axes }: Frame): Triple => [axes[0].spacing, axes[1].spacing, axes[2].spacing];

/** Number of values along columns, rows and slices of the memory. */
export function memoryCounts({ axes }: Frame): Triple {
  const along = (source: 0 | 1 | 2): number => axes.find((axis) => axis.source === source)!.count;
  return [along(0), along(1), along(2)];
}

export function permuted({ axes, origin }: Frame, order: Triple): Frame {
  return { axes: [axes[order[0]]!, axes[order[1]]!, axes[order[2]]!], origin };
}

export function reversed({ axes, origin }: Frame, flip: readonly [boolean, boolean, boolean]): Frame {
  let first = origin;
  const turn = (i: 0 | 1 | 2): ArrayAxis => {
    const axis = axes[i];
    if (!flip[i]) return axis;
    first = addScaled(first, axis.direction, (axis.count - 1) * axis.spacing);
    const back = {
      linear: inputReversed(axis.back.linear, axis.count),
      nearest: inputReversed(axis.back.nearest, axis.count),
    };
    return { ...axis, flipped: !axis.flipped, direction: scale(axis.direction, -1), back };
  };
  const turned = [turn(0), turn(1), turn(2)] as const;
  return { axes: turned, origin: first };
}

export type AxisChanges = readonly [AxisChange | undefined, AxisChange | undefined, AxisChange | undefined];

export function changed({ axes, origin }: Frame, changes: AxisChanges): Frame {
  let first = origin;
  const change = (i: 0 | 1 | 2): ArrayAxis => {
    const axis = axes[i];
    const how = changes[i];
    if (how === undefined) return axis;
    first = addScaled(first, axis.direction, how.shift * axis.spacing);
    const back = {
      linear: chained(axis.back.linear, how.back.linear),
      nearest: chained(axis.back.nearest, how.back.nearest),
    };
    return { ...axis, count: how.count, spacing: axis.spacing * how.scale, back };
  };
  const done = [change(0), change(1), change(2)] as const;
  return { axes: done, origin: first };
}

export function affineOf({ axes: [a, b, c], origin }: Frame): Affine {
  const row = (i: 0 | 1 | 2): readonly [number, number, number, number] => [
    a.direction[i] * a.spacing,
    b.direction[i] * b.spacing,
    c.direction[i] * c.spacing,
    origin[i],
  ];
  return [row(0), row(1), row(2), [0, 0, 0, 1]];
}

export function inversesOf({ axes }: Frame): readonly [AxisInverse, AxisInverse, AxisInverse] {
  const inverse = (i: 0 | 1 | 2): AxisInverse => {
    const { source, sourceCount, back } = axes[i];
    return { source, sourceCount, linear: back.linear, nearest: back.nearest };
  };
  return [inverse(0), inverse(1), inverse(2)];
}

/** Patient axis and sense of each letter: x to the Left, y to Posterior, z to the Head (Superior). */
const LETTERS: Readonly<Record<string, readonly [axis: 0 | 1 | 2, sign: 1 | -1]>> = {
  L: [0, 1],
  R: [0, -1],
  P: [1, 1],
  A: [1, -1],
  S: [2, 1],
  I: [2, -1],
};

/**
 * Permutes and flips so that each axis ascends towards the side its letter names, as MONAI's Orientation does with nibabel's
 * io_orientation: the array axis that lies closest to a patient axis chooses first.
 *
 * @returns undefined where the codes do not name each patient axis once
 */
export function oriented(frame: Frame, axcodes: string): Frame | undefined {
  const wanted = [...axcodes].map((letter) => LETTERS[letter]);
  if (wanted.length !== 3 || new Set(wanted.map((one) => one?.[0])).size !== 3) return undefined;

  const cosines = frame.axes.map(({ direction }) => direction);
  const strongest = (i: number): number => Math.max(...cosines[i]!.map(Math.abs));
  const taken: (0 | 1 | 2 | undefined)[] = [];
  for (const i of ARRAY_AXES.toSorted((p, q) => strongest(q) - strongest(p))) {
    const free = ARRAY_AXES.filter((axis) => !taken.includes(axis));
    taken[i] = free.reduce((best, axis) => (Math.abs(cosines[i]![axis]) > Math.abs(cosines[i]![best]) ? axis : best));
  }

  const from = wanted.map((one) => taken.indexOf(one?.[0]));
  const flip = wanted.map((one, i) => cosines[from[i]!]![one![0]] < 0 !== one![1] < 0);
  return reversed(permuted(frame, [from[0]!, from[1]!, from[2]!]), [flip[0]!, flip[1]!, flip[2]!]);
}
