import type { PackedFrames } from '../packed-frames.ts';
import type { Segment } from '../segment.ts';
import type { ClassSums } from './field-sums.ts';
import { type LabelField, labelMaps } from './label-field.ts';

/** The labels as binary frames of SEG: one for each segment and stored slice that has a voxel of it. */
export function packLabels(
  field: LabelField,
  segments: readonly Segment[],
  sums: ReadonlyMap<number, ClassSums>,
): PackedFrames {
  const ordered = [...segments].sort((a, b) => a.number - b.number);
  const frames = ordered.flatMap((segment) =>
    (sums.get(segment.class)?.slices ?? []).map((slice) => ({ segment: segment.number, slice })),
  );
  const [slices, rows, columns] = field.shape;
  const voxels = rows * columns;
  const pixelData = new Uint8Array(Math.ceil((frames.length * voxels) / 8));
  const frameOf = new Map(frames.map(({ segment, slice }, i) => [segment * slices + slice, i]));

  for (const map of labelMaps(
    field,
    ordered.map((segment) => segment.class),
  )) {
    const here = ordered.flatMap(({ class: c, number }) => {
      const value = map.valueOf.get(c);
      return value === undefined ? [] : [{ value, number }];
    });
    const byte = new Float64Array(256);
    const bit = new Int32Array(256);
    for (let slice = 0; slice < slices; slice++) {
      bit.fill(-1);
      for (const { value, number } of here) {
        const frame = frameOf.get(number * slices + slice);
        if (frame === undefined) continue;
        // Frames follow each other without gaps (PS3.5 8.1.1); the place of a bit may be beyond 32 bits.
        byte[value] = Math.floor((frame * voxels) / 8);
        bit[value] = (frame * voxels) % 8;
      }
      for (let voxel = 0, at = slice * voxels; voxel < voxels; voxel++, at++) {
        const value = map.bytes[at]!;
        const start = bit[value]!;
        if (start < 0) continue;
        const place = start + voxel;
        pixelData[byte[value]! + (place >> 3)]! |= 1 << (place & 7);
      }
    }
  }
  return { frames, pixelData };
}
