/**
 * What a model package may ask to be done to the pixels, before and after the network: data, never code. The names are
 * those of MONAI where it has the operation, and then so is the meaning, to the rounding of a 32-bit float.
 *
 * A tensor is [channel][a][b][c]; a, b, c are spatial axes in array order, and each step says what it does to them. Before
 * the first step the array is as the images lie: a = columns, b = rows, c = slices of the source (x, y, z of ITK), values
 * after rescale. An affine of array index → LPS (mm) is carried along. 2D images have c = 1.
 */
export type Triple = readonly [number, number, number];

export type PreStep =
  /** Permutes and flips axes so that each ascends towards the named side: RAS, LPS, SPL ([z][y][x] of LPS), … */
  | { readonly op: 'orientation'; readonly axcodes: string }
  /** Permutes array axes without regard to the patient: [2, 1, 0] gives nnU-Net's z, y, x. */
  | { readonly op: 'transpose'; readonly axes: Triple }
  /**
   * Resamples to `pixdim` mm along each array axis; 0 or less keeps an axis.
   * `monai`: size round((n - 1) × in/out + 1), first voxel centres coincide, edges clamped (Spacing, scale_extent false);
   * the middles do where the axes are not quite perpendicular, as MONAI has it.
   * `nnunet`: size round(n × in/out), corners coincide (skimage.resize with edge mode); `anisotropy` as nnU-Net decides.
   * `cover`: outer edges of the first voxel coincide, antialiased by a tent: Voxgate's own.
   */
  | {
      readonly op: 'spacing';
      readonly pixdim: Triple;
      readonly rule: 'monai' | 'nnunet' | 'cover';
      readonly mode: 'linear' | 'nearest' | 'cubic';
    }
  /** To a size in voxels; 0 or less keeps an axis. `area` averages when it shrinks (torch interpolate). */
  | {
      readonly op: 'resize';
      readonly size: Triple;
      readonly mode: 'linear' | 'nearest' | 'area';
      readonly alignCorners?: boolean;
    }
  | {
      readonly op: 'scale-intensity-range';
      readonly aMin: number;
      readonly aMax: number;
      readonly bMin?: number;
      readonly bMax?: number;
      readonly clip: boolean;
    }
  | { readonly op: 'scale-intensity'; readonly minv: number; readonly maxv: number; readonly channelWise: boolean }
  | { readonly op: 'scale-intensity-factor'; readonly factor: number }
  | {
      readonly op: 'scale-intensity-range-percentiles';
      readonly lower: number;
      readonly upper: number;
      readonly bMin?: number;
      readonly bMax?: number;
      readonly clip: boolean;
      readonly relative: boolean;
      readonly channelWise: boolean;
    }
  | {
      readonly op: 'normalize-intensity';
      readonly subtrahend?: number | readonly number[];
      readonly divisor?: number | readonly number[];
      readonly nonzero: boolean;
      readonly channelWise: boolean;
    }
  /** Values not above (or, `above: false`, not below) the threshold become `cval`. */
  | { readonly op: 'threshold-intensity'; readonly threshold: number; readonly above: boolean; readonly cval: number }
  | { readonly op: 'clip'; readonly min?: number; readonly max?: number }
  /** nnU-Net: clip to the two percentiles, then (x - mean) / std; one set a channel. */
  | {
      readonly op: 'ct-normalization';
      readonly channels: readonly {
        readonly mean: number;
        readonly std: number;
        readonly low: number;
        readonly high: number;
      }[];
    }
  /** nnU-Net: z-score, over the non-zero mask of the crop where `mask`. `channels`: which. */
  | { readonly op: 'z-score'; readonly mask: boolean; readonly channels?: readonly number[] }
  /** Bounding box of values above `above` in any channel, with a margin in voxels; k-divisible where given. */
  | {
      readonly op: 'crop-foreground';
      readonly above: number;
      readonly margin: Triple;
      readonly divisible?: Triple;
      readonly allowSmaller: boolean;
    }
  /** nnU-Net: bounding box of the hole-filled non-zero mask of any channel. */
  | { readonly op: 'crop-nonzero' }
  | { readonly op: 'center-crop'; readonly size: Triple }
  /** To at least `size` (symmetric: half before, the rest after; or all after), with a constant or the edge. */
  | { readonly op: 'pad'; readonly size: Triple; readonly where: 'symmetric' | 'end'; readonly value: number | 'edge' }
  | {
      readonly op: 'pad-divisible';
      readonly k: Triple;
      readonly where: 'symmetric' | 'end';
      readonly value: number | 'edge';
    };

/** Steps on what the network gave, in this order, until there are labels or masks on the grid of the source. */
export type PostStep =
  | { readonly op: 'softmax' }
  | { readonly op: 'sigmoid' }
  /** The class of the greatest score, the lower one where equal. */
  | { readonly op: 'argmax' }
  /** Each channel apart: a mask where the score is at least (MONAI) or, `strict`, above (nnU-Net) `at`. Masks may overlap. */
  | { readonly op: 'threshold'; readonly at: number; readonly strict: boolean }
  /** nnU-Net regions: channel i, where above `at`, paints label `order[i]`; later channels paint over earlier ones. */
  | { readonly op: 'paint-regions'; readonly at: number; readonly order: readonly number[] }
  /** Back through the spatial pre-steps to the grid of the source. Exactly once in a list. */
  | { readonly op: 'invert'; readonly mode: 'linear' | 'nearest' }
  | {
      readonly op: 'keep-largest-component';
      readonly classes?: readonly number[];
      readonly connectivity: 6 | 18 | 26;
      /** Each class apart, or their union (MONAI's independent). */
      readonly independent: boolean;
    }
  | { readonly op: 'fill-holes'; readonly classes?: readonly number[]; readonly connectivity: 6 | 18 | 26 }
  /** Components (or, `whole`, the class in all) smaller than this become background. */
  | {
      readonly op: 'remove-small';
      readonly classes?: readonly number[];
      readonly connectivity: 6 | 18 | 26;
      readonly voxels?: number;
      readonly millilitres?: number;
      readonly whole: boolean;
    };
