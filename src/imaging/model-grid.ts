import { VoxgateError } from '../errors.ts';
import type { Grid, Vec3 } from './grid.ts';
import { positionOf } from './grid.ts';
import { scale } from './vector.ts';

/** How one axis of the model grid runs along an axis of the source. */
export interface ModelAxis {
  /** 0 columns, 1 rows, 2 slices of the source. */
  readonly source: 0 | 1 | 2;
  /** The model counts against the index of the source. */
  readonly flipped: boolean;
  readonly sourceCount: number;
  readonly sourceSpacing: number;
  readonly count: number;
  readonly spacing: number;
}

/** The grid a model sees: tensor order [z][y][x], x towards the patient's Left, y Posterior, z Head. */
export interface ModelGrid {
  readonly grid: Grid;
  readonly x: ModelAxis;
  readonly y: ModelAxis;
  readonly z: ModelAxis;
}

/** 2 GiB of float: what one tensor may take in a file and in a lane. */
const LARGEST_TENSOR_VOXELS = 2 ** 29;

/** A model voxel larger than a patient; the filter that makes it would look at every slice anyway. */
const COARSEST_SPACING_MM = 2000;

const PERMUTATIONS = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 0, 2],
  [1, 2, 0],
  [2, 0, 1],
  [2, 1, 0],
] as const;

/**
 * The model grid for a source grid and a spacing [x, y, z] in mm; without one the spacing of the source is kept.
 *
 * Source axes are permuted and flipped to the nearest patient axes; an oblique source keeps its rotation. Both grids
 * share the outer edge of the first voxel: voxel i lies at (i + 0.5) × spacing − 0.5 × source spacing from the centre of the
 * first source voxel, and the last voxel covers the rest of the extent.
 *
 * The result is right-handed, so that a Grid can describe it. A left-handed orthonormal matrix has a trace of 1 at most;
 * the permutation taken has a greater one, for the six sums of |cosines| average a third of all nine, which sum to 3 or more.
 *
 * @throws VoxgateError too-large, bad-model
 */
export function modelGridOf(source: Grid, spacing?: Vec3): ModelGrid {
  const axes = [
    { direction: source.rowDirection, count: source.columns, spacing: source.columnSpacing },
    { direction: source.columnDirection, count: source.rows, spacing: source.rowSpacing },
    { direction: source.normal, count: source.slices, spacing: source.sliceSpacing },
  ] as const;
  const nearness = ([x, y, z]: (typeof PERMUTATIONS)[number]): number =>
    Math.abs(axes[x].direction[0]) + Math.abs(axes[y].direction[1]) + Math.abs(axes[z].direction[2]);
  const best = PERMUTATIONS.reduce((a, b) => (nearness(b) > nearness(a) + 1e-9 ? b : a));

  const along = (patientAxis: 0 | 1 | 2): ModelAxis => {
    const axis = axes[best[patientAxis]];
    const out = spacing?.[patientAxis] ?? axis.spacing;
    if (!(out > 0 && out <= COARSEST_SPACING_MM)) {
      throw new VoxgateError('bad-model', `A model grid of ${out} mm spacing is not possible.`);
    }
    return {
      source: best[patientAxis],
      flipped: axis.direction[patientAxis]! < 0,
      sourceCount: axis.count,
      sourceSpacing: axis.spacing,
      // The millionth keeps 100 × 1.2 / 0.6 from becoming 201 by rounding.
      count: Math.max(1, Math.ceil((axis.count * axis.spacing) / out - 1e-6)),
      spacing: out,
    };
  };
  const [x, y, z] = [along(0), along(1), along(2)];
  if (x.count * y.count * z.count > LARGEST_TENSOR_VOXELS) {
    throw new VoxgateError(
      'too-large',
      `A model grid of ${x.count} x ${y.count} x ${z.count} voxels is larger than a tensor may be.`,
    );
  }
  return { grid: gridOf(source, x, y, z), x, y, z };
}

function gridOf(source: Grid, x: ModelAxis, y: ModelAxis, z: ModelAxis): Grid {
  const directions = [source.rowDirection, source.columnDirection, source.normal] as const;
  const directionOf = (axis: ModelAxis): Vec3 => scale(directions[axis.source], axis.flipped ? -1 : 1);
  const first: [number, number, number] = [0, 0, 0];
  for (const axis of [x, y, z]) {
    const step = (0.5 * axis.spacing) / axis.sourceSpacing - 0.5;
    first[axis.source] = axis.flipped ? axis.sourceCount - 1 - step : step;
  }
  return {
    columns: x.count,
    rows: y.count,
    slices: z.count,
    columnSpacing: x.spacing,
    rowSpacing: y.spacing,
    sliceSpacing: z.spacing,
    rowDirection: directionOf(x),
    columnDirection: directionOf(y),
    normal: directionOf(z),
    origin: positionOf(source, ...first),
  };
}
