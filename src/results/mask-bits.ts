/** The set bits of one frame in Pixel Data of one bit a voxel, least significant bit first (PS3.5 Section 8.1.1). */
export interface FrameBits {
  readonly bits: Uint8Array;
  /** From 0. */
  readonly frame: number;
  readonly rows: number;
  readonly columns: number;
}

/**
 * Calls `visit` with the index (row × columns + column) of every set voxel of the frame. Frames follow each other without
 * padding, so with rows × columns not a multiple of 8 a frame begins within a byte.
 */
export function visitVoxels({ bits, frame, rows, columns }: FrameBits, visit: (index: number) => void): void {
  const size = rows * columns;
  const firstByte = Math.floor((frame * size) / 8);
  const shift = (frame * size) % 8;
  for (let at = shift; at < shift + size; ) {
    const rest = bits[firstByte + (at >> 3)]! >> (at & 7);
    if (rest === 0) {
      at = (at | 7) + 1;
      continue;
    }
    if (rest & 1) visit(at - shift);
    at += 1;
  }
}
