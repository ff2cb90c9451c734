import type { Grid, Vec3 } from './grid.ts';
import { positionOf, voxelMillilitres } from './grid.ts';
import { rescaledAt, type Volume } from './volume.ts';

/** Which class of the model becomes which segment of the result. */
export interface Segment {
  /** Segment Number in the result. */
  readonly number: number;
  /** Index of the class in the output of the model. */
  readonly class: number;
}

/** Measured on the source voxels that the segment covers; HU stands for the rescaled value of other modalities, too. */
export interface Measurement {
  readonly segment: number;
  readonly voxels: number;
  readonly volumeMl: number;
  readonly meanHu: number;
  readonly minHu: number;
  readonly maxHu: number;
  /** Of the voxels as a population. */
  readonly stdHu: number;
  /** LPS, mm. */
  readonly centroid: Vec3;
}

export interface Measurer {
  /** Takes the label map of one slice, [row][column]. */
  add(labels: Uint8Array, slice: number): void;
  /** Ordered by segment; a segment without a voxel has none. */
  finish(): Measurement[];
}

/** Measures label maps slice by slice against the volume they were found in. */
export function measurer(volume: Volume, segments: readonly Segment[]): Measurer {
  const { grid } = volume;
  const sums = segments.map((segment) => ({ segment, ...emptySums() }));
  const ofClass = sums.reduce((map, entry) => map.set(entry.segment.class, entry), new Map<number, Sums>());

  return {
    add(labels, slice) {
      const source = volume.slices[slice]!;
      for (let row = 0, voxel = 0; row < grid.rows; row++) {
        for (let column = 0; column < grid.columns; column++, voxel++) {
          const label = labels[voxel]!;
          if (label === 0) continue;
          const entry = ofClass.get(label);
          if (entry) addVoxel(entry, rescaledAt(source, voxel), column, row, slice);
        }
      }
    },

    finish() {
      return sums
        .filter(({ voxels }) => voxels > 0)
        .map((entry) => measurementOf(entry.segment, entry, grid))
        .sort((a, b) => a.segment - b.segment);
    },
  };
}

interface Sums {
  voxels: number;
  hu: number;
  huSquared: number;
  min: number;
  max: number;
  column: number;
  row: number;
  slice: number;
}

const emptySums = (): Sums => ({
  voxels: 0,
  hu: 0,
  huSquared: 0,
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
  column: 0,
  row: 0,
  slice: 0,
});

function addVoxel(sums: Sums, hu: number, column: number, row: number, slice: number): void {
  sums.voxels += 1;
  sums.hu += hu;
  sums.huSquared += hu * hu;
  if (hu < sums.min) sums.min = hu;
  if (hu > sums.max) sums.max = hu;
  sums.column += column;
  sums.row += row;
  sums.slice += slice;
}

function measurementOf(segment: Segment, sums: Sums, grid: Grid): Measurement {
  const { voxels } = sums;
  const meanHu = sums.hu / voxels;
  return {
    segment: segment.number,
    voxels,
    volumeMl: voxels * voxelMillilitres(grid),
    meanHu,
    minHu: sums.min,
    maxHu: sums.max,
    // Sums of squares of whole numbers below 4096 stay exact in a double for 500 million voxels.
    stdHu: Math.sqrt(Math.max(0, sums.huSquared / voxels - meanHu * meanHu)),
    centroid: positionOf(grid, sums.column / voxels, sums.row / voxels, sums.slice / voxels),
  };
}
