import type { PackedFrames } from '../../../src/imaging/packed-frames.ts';
import { type Restored, Restorer, type RestorerRequest, slabAxisOf } from '../../../src/imaging/post/restorer.ts';
import type { Preparation } from '../../../src/imaging/transforms/preparation.ts';
import type { Volume } from '../../../src/imaging/volume.ts';
import { storedSize } from '../../../src/imaging/volume-planes.ts';
import { slabsOf } from './plain-restore.ts';

export const segmentsOf = (classes: readonly number[]) => classes.map((c, i) => ({ number: i + 1, class: c }));

/** Restores scores [channel][a][b][c], given in slabs of three planes. */
export function restored(
  volume: Volume,
  preparation: Preparation,
  scores: Float32Array,
  request: Omit<RestorerRequest, 'measurements'> & Partial<Pick<RestorerRequest, 'measurements'>>,
): Restored {
  const restorer = new Restorer(volume, preparation, { measurements: [], ...request });
  const axis = slabAxisOf(preparation);
  const slabs = slabsOf(scores, request.classes, preparation.shape, axis);
  const planes = preparation.shape[axis];
  const length = slabs.length / planes;
  for (let first = 0; first < planes; first += 3) {
    const count = Math.min(3, planes - first);
    restorer.addSlab(slabs.slice(first * length, (first + count) * length), first, count);
  }
  return restorer.finish();
}

/** The labels in packed frames, [slice][row][column]: the number of the segment, bits of 2 ** number where they overlap. */
export function unpacked({ frames, pixelData }: PackedFrames, volume: Volume, overlap = false): Uint16Array {
  const { rows, columns } = storedSize(volume);
  const voxels = rows * columns;
  const labels = new Uint16Array(volume.slices.length * voxels);
  for (const [i, { segment, slice }] of frames.entries()) {
    for (let voxel = 0; voxel < voxels; voxel++) {
      const place = i * voxels + voxel;
      if (((pixelData[place >> 3]! >> (place & 7)) & 1) === 0) continue;
      labels[slice * voxels + voxel]! += overlap ? 2 ** segment : segment;
    }
  }
  return labels;
}
