import { VoxgateError } from '../../errors.ts';
import { positionOf, type Vec3 } from '../grid.ts';
import type { Segment } from '../segment.ts';
import type { Affine, Preparation } from '../transforms/preparation.ts';
import { dot, length, subtract } from '../vector.ts';
import type { Volume } from '../volume.ts';
import { storedPositionOf } from '../volume-planes.ts';
import type { ClassSums } from './field-sums.ts';
import { type LabelField, labelMaps } from './label-field.ts';
import { type ModelSum, ModelSums } from './model-sums.ts';
import type { WayBack } from './way-back.ts';

/** Fewer source voxels than this may be lost, or gained, where a small or thin thing falls between samples. */
const A_FEW = 200;

/** Of the voxels of a segment that lies elsewhere than it should, so many must find it around their place to be believed. */
const BELIEVED = 0.98;

interface OnModel {
  readonly labels: LabelField;
  readonly way: WayBack;
}

interface OnSource {
  readonly labels: LabelField;
  readonly sums: ReadonlyMap<number, ClassSums>;
}

/**
 * Holds every segment against itself by another path: its centroid in the patient (LPS) from the array of the network and
 * its affine, and from the labels on the stored slices and their grid. Neither knows of the taps by which labels came back, so
 * that a mirrored, swapped or shifted axis shows.
 *
 * Along each axis the two may differ by half a voxel of either grid, and by what is explained by voxels decided on anew:
 * twice the spread of the segment over the root of its voxels (few scattered ones prove nothing), and twice the spread
 * times the part of its volume that came or went. A segment that has moved further, for thin rims that a coarse grid
 * loses, is looked at voxel by voxel: nearly all must lie among voxels that the network gave the same label.
 *
 * @throws VoxgateError bad-result
 */
export function proveGeometry(
  segments: readonly Segment[],
  model: OnModel,
  source: OnSource,
  preparation: Preparation,
  volume: Volume,
): void {
  const sums = new ModelSums(model.way);
  const { size, planes } = model.way;
  const classes = segments.map((segment) => segment.class);
  for (const map of labelMaps(model.labels, classes)) {
    const only = model.labels.kind === 'masks' ? [...map.valueOf.keys()][0] : undefined;
    for (let plane = 0; plane < planes; plane++) {
      sums.addLabels(map.bytes.subarray(plane * size, (plane + 1) * size), plane, only);
    }
  }
  for (const segment of segments) {
    const there = sums.of(segment.class);
    const here = source.sums.get(segment.class);
    const moved = there && here ? movement(there, here, preparation, volume) : undefined;
    if (there === undefined || here === undefined) refuseLost(segment, there, here, preparation, volume);
    else if (moved && shareAround(segment.class, here, model, source.labels, preparation, volume) < BELIEVED) {
      throw new VoxgateError(
        'bad-result',
        `Segment ${segment.number} lies ${length(moved).toFixed(1)} mm from where the network saw it (${moved.map((mm) => mm.toFixed(1)).join(', ')} mm in LPS), more than resampling explains. It is not handed on.`,
      );
    }
  }
}

/** From the centroid in the array to that on the source, LPS, mm; undefined where it is explained. */
function movement(there: ModelSum, here: ClassSums, { affine, axes }: Preparation, { grid }: Volume): Vec3 | undefined {
  const apart = subtract(positionOf(grid, ...here.centroid), applied(affine, there.mean));
  const spacings = [grid.columnSpacing, grid.rowSpacing, grid.sliceSpacing] as const;
  const changed = Math.abs(1 - here.millilitres / ((there.elements * Math.abs(determinant(affine))) / 1000));
  const anew = 2 * (changed + 1 / Math.sqrt(Math.min(there.elements, here.voxels)));
  const explained = stepsOf(affine).every((step, axis) => {
    const size = length(step);
    const spread = size * Math.sqrt(there.variance[axis]!);
    return Math.abs(dot(apart, step) / size) <= size / 2 + spacings[axes[axis]!.source] / 2 + anew * spread;
  });
  return explained ? undefined : apart;
}

function refuseLost(
  { number }: Segment,
  there: ModelSum | undefined,
  here: ClassSums | undefined,
  { affine }: Preparation,
  { grid }: Volume,
): void {
  const voxel = grid.columnSpacing * grid.rowSpacing * grid.sliceSpacing;
  const expected = ((there?.elements ?? 0) * Math.abs(determinant(affine))) / voxel;
  if (Math.max(expected, here?.voxels ?? 0) < A_FEW) return;
  throw new VoxgateError(
    'bad-result',
    `Segment ${number} has ${there?.elements ?? 0} voxels on the grid of the model and ${here?.voxels ?? 0} on that of the images: it was lost on the way back.`,
  );
}

/** Of the source voxels of a class (some thousands of them) the part that has it among the array elements around its place. */
function shareAround(
  c: number,
  { box, voxels }: ClassSums,
  { labels: model, way }: OnModel,
  labels: LabelField,
  { affine }: Preparation,
  volume: Volume,
): number {
  const steps = stepsOf(affine);
  const origin = applied(affine, [0, 0, 0]);
  const [there] = labelMaps(model, [c]);
  const [here] = labelMaps(labels, [c]);
  const every = Math.max(1, Math.floor(voxels / 5000));
  const [, rows, columns] = labels.shape;
  let seen = 0;
  let found = 0;
  for (let slice = box.from[0]; slice < box.to[0]; slice++) {
    for (let row = box.from[1]; row < box.to[1]; row++) {
      for (let column = box.from[2]; column < box.to[2]; column++) {
        if (here!.bytes[(slice * rows + row) * columns + column] !== here!.valueOf.get(c)) continue;
        if (seen++ % every !== 0) continue;
        const from = subtract(storedPositionOf(volume, column, row, slice), origin);
        const at = steps.map((step) => dot(from, step) / dot(step, step));
        if (hasAround(there!.bytes, there!.valueOf.get(c)!, at, way)) found += 1;
      }
    }
  }
  return found / Math.ceil(seen / every);
}

/** Whether an element within one of a place in the array has the value. */
function hasAround(bytes: Uint8Array, value: number, at: readonly number[], way: WayBack): boolean {
  const { slabAxis, planes, u, v } = way;
  const [p, q, r] = [at[slabAxis]!, ...at.filter((_, axis) => axis !== slabAxis)] as [number, number, number];
  const range = (place: number, count: number): [number, number] => [
    Math.min(Math.max(Math.floor(place - 0.5), 0), count - 1),
    Math.min(Math.max(Math.ceil(place + 0.5), 0), count - 1),
  ];
  const [[p0, p1], [q0, q1], [r0, r1]] = [range(p, planes), range(q, u), range(r, v)];
  for (let i = p0; i <= p1; i++) {
    for (let j = q0; j <= q1; j++) {
      for (let k = r0; k <= r1; k++) if (bytes[(i * u + j) * v + k] === value) return true;
    }
  }
  return false;
}

const stepsOf = (affine: Affine): Vec3[] =>
  ([0, 1, 2] as const).map((axis): Vec3 => [affine[0][axis], affine[1][axis], affine[2][axis]]);

/** The place in the patient of an array index. */
export function applied(affine: Affine, [a, b, c]: Vec3): Vec3 {
  const along = (row: 0 | 1 | 2): number =>
    affine[row][0] * a + affine[row][1] * b + affine[row][2] * c + affine[row][3];
  return [along(0), along(1), along(2)];
}

export function determinant([x, y, z]: Affine): number {
  return x[0] * (y[1] * z[2] - y[2] * z[1]) - x[1] * (y[0] * z[2] - y[2] * z[0]) + x[2] * (y[0] * z[1] - y[1] * z[0]);
}
