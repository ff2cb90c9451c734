import type { Vec3 } from '../imaging/grid.ts';
import { visitVoxels } from './mask-bits.ts';
import { refuse } from './read-back.ts';
import type { FrameView, SegmentationView } from './segmentation-view.ts';

/** Where the voxels of a segment are. */
export interface SegmentVoxels {
  readonly count: number;
  /** LPS, mm. */
  readonly centroid: Vec3;
}

/**
 * Voxel counts and centroids by Segment Number, from the bits. Refuses an empty frame, and a voxel of two segments, as
 * Segments Overlap says NO.
 */
export function measureSegments(view: SegmentationView): ReadonlyMap<number, SegmentVoxels> {
  const { rows, columns, pixels, frames } = view;
  const sums = new Map<number, { count: number; sum: [number, number, number] }>();
  const owner = new Uint16Array(rows * columns);
  for (const indexes of framesBySlice(frames)) {
    owner.fill(0);
    for (const index of indexes) {
      const frame = frames[index]!;
      let [count, rowSum, columnSum, overlaps] = [0, 0, 0, false];
      visitVoxels({ bits: pixels, frame: index, rows, columns }, (at) => {
        if (owner[at] !== 0) overlaps = true;
        owner[at] = frame.segment;
        const column = at % columns;
        count += 1;
        columnSum += column;
        rowSum += (at - column) / columns;
      });
      if (count === 0) refuse(`frame ${index + 1} is empty`);
      if (overlaps && !view.mayOverlap)
        refuse(`frame ${index + 1} has voxels of another segment, but Segments Overlap is NO`);
      const total = sums.get(frame.segment) ?? { count: 0, sum: [0, 0, 0] };
      total.count += count;
      for (const axis of [0, 1, 2] as const) {
        total.sum[axis] +=
          count * frame.position[axis] +
          columnSum * view.columnSpacing * view.rowDirection[axis] +
          rowSum * view.rowSpacing * view.columnDirection[axis];
      }
      sums.set(frame.segment, total);
    }
  }
  return new Map([...sums].map(([segment, { count, sum }]) => [segment, { count, centroid: mean(sum, count) }]));
}

function mean([x, y, z]: Vec3, count: number): Vec3 {
  return [x / count, y / count, z / count];
}

/** Indexes of the frames at each position. */
function framesBySlice(frames: readonly FrameView[]): Iterable<readonly number[]> {
  const byRank = new Map<number, number[]>();
  for (const [index, frame] of frames.entries()) {
    const rank = frame.dimensionIndex[1] ?? 0;
    byRank.set(rank, [...(byRank.get(rank) ?? []), index]);
  }
  return byRank.values();
}
