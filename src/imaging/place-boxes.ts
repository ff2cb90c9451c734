import { VoxgateError } from '../errors.ts';
import type { Vec3 } from './grid.ts';
import { slabAxisOf } from './post/restorer.ts';
import type { Affine, Preparation } from './transforms/preparation.ts';
import { dot, subtract } from './vector.ts';
import type { Volume } from './volume.ts';
import { gridIndexOf, storedSize } from './volume-planes.ts';

/** A box in the patient and in the stored slices it was found in. */
export interface PlacedBox {
  /** LPS, mm; 8, or of a flat box 4, of which neighbours share an edge in the order 0-1-3-2 (then 4-5-7-6). */
  readonly corners: readonly Vec3[];
  readonly centre: Vec3;
  /** First and last column, row and stored slice that it reaches into; fractional in the plane, cut to the images. */
  readonly from: Vec3;
  readonly to: Vec3;
  /** The stored slice nearest to the centre. */
  readonly slice: number;
}

/** Largest number of boxes that are placed; after suppression there are some tens. */
const MOST_BOXES = 10_000;

/**
 * Boxes in voxels of the input tensor (min a, b, c, max a, b, c; or, of a flat tensor, min and max of its two axes within
 * the image) to where they lie. Corners are taken through the affine as they are, which is what MONAI does.
 *
 * @throws VoxgateError inference-failed for boxes that are none
 */
export function placeBoxes(
  volume: Volume,
  preparation: Preparation,
  boxes: readonly (readonly number[])[],
): PlacedBox[] {
  if (boxes.length > MOST_BOXES)
    throw new VoxgateError('inference-failed', `The model found ${boxes.length} boxes; ${MOST_BOXES} are the most.`);
  return boxes.map((box) => placed(volume, preparation, box));
}

function placed(volume: Volume, preparation: Preparation, box: readonly number[]): PlacedBox {
  const [low, high] = extentOf(preparation, box);
  const varying = ([0, 1, 2] as const).filter((axis) => box.length === 6 || axis !== slabAxisOf(preparation));
  const corners = Array.from({ length: 2 ** varying.length }, (_, corner) => {
    const at: [number, number, number] = [...low];
    varying.forEach((axis, bit) => {
      if ((corner >> (varying.length - 1 - bit)) & 1) at[axis] = high[axis];
    });
    return applied(preparation.affine, at);
  });
  const centre = applied(preparation.affine, [mid(low[0], high[0]), mid(low[1], high[1]), mid(low[2], high[2])]);
  return { corners, centre, ...inSlices(volume, corners, centre) };
}

const mid = (a: number, b: number): number => (a + b) / 2;

function extentOf(preparation: Preparation, box: readonly number[]): [Vec3, Vec3] {
  const half = box.length / 2;
  const sound = box.every(Number.isFinite) && (half === 2 || half === 3);
  if (!sound || box.slice(0, half).some((min, i) => min > box[half + i]!))
    throw new VoxgateError(
      'inference-failed',
      'The model gave a box that is none: no four or six numbers, or its end before its beginning.',
    );
  if (half === 3)
    return [
      [box[0]!, box[1]!, box[2]!],
      [box[3]!, box[4]!, box[5]!],
    ];
  const slab = slabAxisOf(preparation);
  const [first, second] = ([0, 1, 2] as const).filter((axis) => axis !== slab) as [0 | 1 | 2, 0 | 1 | 2];
  const low: [number, number, number] = [0, 0, 0];
  const high: [number, number, number] = [0, 0, 0];
  [low[first], low[second], high[first], high[second]] = [box[0]!, box[1]!, box[2]!, box[3]!];
  return [low, high];
}

function applied(affine: Affine, [a, b, c]: Vec3): Vec3 {
  const row = (i: 0 | 1 | 2): number => affine[i][0] * a + affine[i][1] * b + affine[i][2] * c + affine[i][3];
  return [row(0), row(1), row(2)];
}

function inSlices(volume: Volume, corners: readonly Vec3[], centre: Vec3): Pick<PlacedBox, 'from' | 'to' | 'slice'> {
  const heights = volume.slices.map((_, stored) => gridIndexOf(volume, 0, 0, stored)[2]);
  const onGrid = corners.map((corner) => gridPlace(volume, corner));
  const middle = gridPlace(volume, centre);
  const slice = nearest(heights, middle[2]);
  const [across, down] = volume.shear?.offsets[slice] ?? [0, 0];
  const { columns, rows } = storedSize(volume);
  const along = (axis: 0 | 1 | 2): [number, number] => {
    const values = onGrid.map((at) => at[axis]);
    return [Math.min(...values), Math.max(...values)];
  };
  const cut = (value: number, last: number): number => Math.min(Math.max(value, 0), last);
  const [[left, right], [top, bottom], [first, last]] = [along(0), along(1), along(2)];
  return {
    from: [cut(left - across, columns - 1), cut(top - down, rows - 1), nearest(heights, first)],
    to: [cut(right - across, columns - 1), cut(bottom - down, rows - 1), nearest(heights, last)],
    slice,
  };
}

function nearest(heights: readonly number[], at: number): number {
  let best = 0;
  for (const [i, height] of heights.entries()) if (Math.abs(height - at) < Math.abs(heights[best]! - at)) best = i;
  return best;
}

function gridPlace({ grid }: Volume, position: Vec3): Vec3 {
  const from = subtract(position, grid.origin);
  return [
    dot(from, grid.rowDirection) / grid.columnSpacing,
    dot(from, grid.columnDirection) / grid.rowSpacing,
    dot(from, grid.normal) / grid.sliceSpacing,
  ];
}
