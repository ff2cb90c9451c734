import type { Grid } from './grid.ts';
import type { Samples } from './samples.ts';
import type { Taps } from './tent-filter.ts';

/** One slice as it was stored, and how to make numbers with a unit of it. */
export interface VolumeSlice {
  /** [row][column], in colour [row][column][channel]. Floats where the slice was resampled onto the grid of another. */
  readonly samples: Samples | Float32Array;
  readonly slope: number;
  readonly intercept: number;
  /** In place of slope and intercept: what each stored value stands for, from `first` on; beyond it the nearest end. */
  readonly table?: { readonly first: number; readonly values: Float32Array };
  readonly padding?: { readonly low: number; readonly high: number };
  /** What padded pixels count as, after rescale. */
  readonly nothing: number;
}

/**
 * Stored values are kept, two bytes a voxel for CT (144 MB for 275 x 512 x 512), and made HU where they are used.
 *
 * `grid` is regular and upright. Most series lie on it slice for slice; where they do not, `shear` and `sliceTaps` say how
 * the stored slices relate to it: `writeGridPlane` of volume-planes.ts gives the values on the grid in every case, and
 * results go back to the stored slices.
 */
export interface Volume {
  readonly grid: Grid;
  /** As stored, ascending along the normal of the grid. */
  readonly slices: readonly VolumeSlice[];
  readonly channels: 1 | 3;
  /** Of the values: HU, SUVbw, Bq/ml, a UCUM code, or "stored". */
  readonly units: string;
  /** A tilted gantry: the planes of the grid are wider than the slices, and these lie shifted in them. Absent: as wide. */
  readonly shear?: Shear;
  /** Unequal steps: which stored slices a grid slice is made of, and which grid slices a stored one. Absent: one to one. */
  readonly sliceTaps?: { readonly toGrid: Taps; readonly fromGrid: Taps };
}

export interface Shear {
  /** Of a stored slice. */
  readonly columns: number;
  readonly rows: number;
  /** For each stored slice where in its plane of the grid its first pixel lies, in columns and rows; 0 or more. */
  readonly offsets: readonly (readonly [column: number, row: number])[];
}

/** Hounsfield units of air, by definition of the scale. */
export const AIR_HU = -1000;

/** 4 GiB of 16-bit samples; a whole-body CT of 2000 slices of 512 x 512 takes 1 GiB. */
export const LARGEST_VOLUME_VOXELS = 2 ** 31;

/** The value after rescale (HU in CT) of one sample of a stored slice: of one pixel, where it is not in colour. */
export function rescaledAt(slice: VolumeSlice, sample: number): number {
  const stored = slice.samples[sample]!;
  const { padding, table } = slice;
  if (padding !== undefined && stored >= padding.low && stored <= padding.high) return slice.nothing;
  if (table === undefined) return stored * slice.slope + slice.intercept;
  return table.values[Math.min(Math.max(stored - table.first, 0), table.values.length - 1)]!;
}
