import { VoxgateError } from '../errors.ts';
import type { FrameLayout } from './decode.ts';
import { decodeFrame } from './decode.ts';
import type { Grid } from './grid.ts';
import { type Samples, samplesOf } from './samples.ts';
import type { SliceHeader } from './slice-header.ts';

/** One slice as it was stored, and how to make numbers with a unit of it. */
export interface VolumeSlice {
  /** [row][column] */
  readonly samples: Samples;
  readonly slope: number;
  readonly intercept: number;
  readonly padding?: { readonly low: number; readonly high: number };
  /** What padded pixels count as, after rescale. */
  readonly nothing: number;
}

/** Stored values are kept, two bytes a voxel for CT (144 MB for 275 x 512 x 512), and made HU where they are used. */
export interface Volume {
  readonly grid: Grid;
  /** Ascending along the normal of the grid. */
  readonly slices: readonly VolumeSlice[];
}

/** Hounsfield units of air, by definition of the scale. */
const AIR_HU = -1000;

/** 4 GiB of 16-bit samples; a whole-body CT of 2000 slices of 512 x 512 takes 1 GiB. */
export const LARGEST_VOLUME_VOXELS = 2 ** 31;

/**
 * Decodes the frame of one slice. Pixels with the Pixel Padding Value were never measured (PS3.3 C.7.5.1.1.2); they
 * count as air in CT and as 0 elsewhere.
 *
 * @throws VoxgateError undecodable, too-large
 */
export async function volumeSlice(encoded: Uint8Array, header: SliceHeader): Promise<VolumeSlice> {
  if (header.bitsAllocated === 1 || header.samplesPerPixel !== 1) {
    throw new VoxgateError('undecodable', 'A slice of a volume needs one sample of 8, 16 or 32 bits per pixel.');
  }
  const layout: FrameLayout = header;
  const samples = samplesOf(await decodeFrame(encoded, layout), layout);
  return {
    samples,
    slope: header.rescaleSlope,
    intercept: header.rescaleIntercept,
    padding: header.pixelPadding,
    nothing: header.modality === 'CT' ? AIR_HU : 0,
  };
}

/** Writes the slice after rescale (HU in CT) into `out`, [row][column]. */
export function writeRescaled(slice: VolumeSlice, out: Float32Array): void {
  const { samples, slope, intercept, padding, nothing } = slice;
  for (let i = 0; i < samples.length; i++) out[i] = samples[i]! * slope + intercept;
  if (padding === undefined) return;
  for (let i = 0; i < samples.length; i++) {
    if (samples[i]! >= padding.low && samples[i]! <= padding.high) out[i] = nothing;
  }
}

/** The rescaled value (HU in CT) of one pixel. */
export function rescaledAt(slice: VolumeSlice, pixel: number): number {
  const stored = slice.samples[pixel]!;
  const { padding } = slice;
  if (padding !== undefined && stored >= padding.low && stored <= padding.high) return slice.nothing;
  return stored * slice.slope + slice.intercept;
}
