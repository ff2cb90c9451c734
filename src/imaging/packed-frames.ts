/** Binary segmentation frames as SEG wants them (PS3.3 C.8.20.2.3). */
export interface PackedFrames {
  /** Ordered by segment, then slice; only frames with a voxel set. */
  readonly frames: readonly { readonly segment: number; readonly slice: number }[];
  /** 1 bit a voxel, least significant bit first, running on over frame borders (PS3.5 8.1.1). */
  readonly pixelData: Uint8Array;
}
