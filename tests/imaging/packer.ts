import type { Grid } from '../../src/imaging/grid.ts';
import type { PackedFrames } from '../../src/imaging/packed-frames.ts';
import type { Segment } from '../../src/imaging/segment.ts';

export interface Packer {
  /** Takes the label map of one slice, [row][column]; slices ascending. */
  add(labels: Uint8Array, slice: number): void;
  finish(): PackedFrames;
}

/** Packs label maps slice by slice; memory is one bit per voxel of the frames that are not empty. */
export function packer(grid: Grid, segments: readonly Segment[]): Packer {
  const voxels = grid.rows * grid.columns;
  const packed = segments.map((): { slice: number; bits: Uint8Array }[] => []);
  const segmentOfClass = segments.reduce((map, segment, i) => map.set(segment.class, i), new Map<number, number>());

  return {
    add(labels, slice) {
      const bitsOfClass = new Array<Uint8Array | undefined>(256);
      for (let voxel = 0; voxel < voxels; voxel++) {
        const label = labels[voxel]!;
        if (label === 0) continue;
        let bits = bitsOfClass[label];
        if (bits === undefined) {
          bits = new Uint8Array(Math.ceil(voxels / 8));
          bitsOfClass[label] = bits;
        }
        bits[voxel >> 3]! |= 1 << (voxel & 7);
      }
      for (const [label, bits] of bitsOfClass.entries()) {
        const segment = segmentOfClass.get(label);
        if (bits !== undefined && segment !== undefined) packed[segment]!.push({ slice, bits });
      }
    },

    finish() {
      const byNumber = segments.map((segment, i) => ({ number: segment.number, frames: packed[i]! }));
      byNumber.sort((a, b) => a.number - b.number);
      const all = byNumber.flatMap(({ number, frames }) => frames.map((frame) => ({ segment: number, ...frame })));
      return {
        frames: all.map(({ segment, slice }) => ({ segment, slice })),
        pixelData: joinBits(
          all.map((frame) => frame.bits),
          voxels,
        ),
      };
    },
  };
}

/** Puts bit runs of equal length one behind the other without gaps; runs need not end on a byte. */
function joinBits(runs: readonly Uint8Array[], bitsEach: number): Uint8Array {
  const joined = new Uint8Array(Math.ceil((runs.length * bitsEach) / 8));
  for (const [i, run] of runs.entries()) {
    const start = i * bitsEach;
    const shift = start % 8;
    const at = Math.floor(start / 8);
    if (shift === 0) {
      joined.set(run, at);
      continue;
    }
    for (const [b, byte] of run.entries()) {
      joined[at + b]! |= (byte << shift) & 0xff;
      if (at + b + 1 < joined.length) joined[at + b + 1]! |= byte >> (8 - shift);
    }
  }
  return joined;
}
