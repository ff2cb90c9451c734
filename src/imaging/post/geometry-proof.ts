import { VoxgateError } from '../../errors.ts';
import { positionOf, type Vec3 } from '../grid.ts';
import type { Segment } from '../segment.ts';
import type { Affine, Preparation } from '../transforms/preparation.ts';
import { dot, length, subtract } from '../vector.ts';
import type { Volume } from '../volume.ts';
import type { ClassSums } from './field-sums.ts';
import type { ModelSum } from './model-sums.ts';

/** Fewer source voxels than this may be lost, or gained, where a small thing falls between samples. */
const A_FEW = 50;

/**
 * Holds every segment against itself by another path: its centroid in the patient (LPS) from the array of the network and
 * its affine, and from the labels on the stored slices and their grid. Neither knows of the taps by which labels came back, so
 * that a mirrored, swapped or shifted axis shows.
 *
 * Along each axis the two may differ by half a voxel of either grid, and by what voxels at the border, decided on anew, move
 * a centroid: twice the spread of the segment over the root of its voxels. Few scattered voxels prove nothing.
 *
 * @throws VoxgateError bad-result
 */
export function proveGeometry(
  segments: readonly Segment[],
  inArray: (c: number) => ModelSum | undefined,
  onSource: ReadonlyMap<number, ClassSums>,
  { affine, axes }: Preparation,
  volume: Volume,
): void {
  const { grid } = volume;
  const steps = [0, 1, 2].map((axis): Vec3 => [affine[0][axis]!, affine[1][axis]!, affine[2][axis]!]);
  const element = Math.abs(determinant(affine));
  const voxel = grid.columnSpacing * grid.rowSpacing * grid.sliceSpacing;
  const spacings = [grid.columnSpacing, grid.rowSpacing, grid.sliceSpacing] as const;
  for (const segment of segments) {
    const model = inArray(segment.class);
    const source = onSource.get(segment.class);
    const expected = ((model?.elements ?? 0) * element) / voxel;
    if (model === undefined || source === undefined) {
      if (Math.max(expected, source?.voxels ?? 0) < A_FEW) continue;
      throw new VoxgateError(
        'bad-result',
        `Segment ${segment.number} has ${model?.elements ?? 0} voxels on the grid of the model and ${source?.voxels ?? 0} on that of the images: it was lost on the way back.`,
      );
    }
    const there = applied(affine, model.mean);
    const here = positionOf(grid, ...source.centroid);
    const apart = subtract(here, there);
    const voxels = Math.min(model.elements, source.voxels);
    const beyond = steps.find((step, axis) => {
      const size = length(step);
      const border = (2 * size * Math.sqrt(model.variance[axis]!)) / Math.sqrt(voxels);
      return Math.abs(dot(apart, step) / size) > size / 2 + spacings[axes[axis]!.source] / 2 + border;
    });
    if (beyond === undefined) continue;
    throw new VoxgateError(
      'bad-result',
      `Segment ${segment.number} lies ${length(apart).toFixed(1)} mm from where the network saw it (${apart.map((mm) => mm.toFixed(1)).join(', ')} mm in LPS), more than resampling explains. It is not handed on.`,
    );
  }
}

/** The place in the patient of an array index. */
export function applied(affine: Affine, [a, b, c]: Vec3): Vec3 {
  const along = (row: 0 | 1 | 2): number =>
    affine[row][0] * a + affine[row][1] * b + affine[row][2] * c + affine[row][3];
  return [along(0), along(1), along(2)];
}

export function determinant([x, y, z]: Affine): number {
  return x[0] * (y[1] * z[2] - y[2] * z[1]) - x[1] * (y[0] * z[2] - y[2] * z[0]) + x[2] * (y[0] * z[1] - y[1] * z[0]);
}
