import type { Triple } from '../../imaging/transforms/steps.ts';
import type { WindowSpec } from '../model-manifest.ts';

/** MONAI lets no weight fall below this (monai/data/utils.py `compute_importance_map`). */
const MONAI_LEAST = 1e-3;
/** nnU-Net scales its weights so that the greatest is this (`value_scaling_factor`). */
const NNUNET_GREATEST = 10;

/**
 * How much each voxel of a window counts, [a][b][c]: 1, or a Gaussian of `sigmaScale` times the window's length around
 * its middle. MONAI computes it in 32 bits, around (n - 1) / 2; nnU-Net in 64, around the voxel n / 2 (rounded down), and
 * sets what is 0 to the least that is not. nnU-Net then adds up in 16 bits to save memory; here it stays 32.
 */
export function blendWeights(
  roi: Triple,
  { blend, sigmaScale, grid }: Pick<WindowSpec, 'blend' | 'sigmaScale' | 'grid'>,
): Float32Array {
  const weights = new Float32Array(roi[0] * roi[1] * roi[2]);
  if (blend === 'constant') return weights.fill(1);
  return grid === 'monai' ? monaiGaussian(roi, sigmaScale, weights) : nnunetGaussian(roi, sigmaScale, weights);
}

function monaiGaussian(roi: Triple, sigmaScale: number, weights: Float32Array): Float32Array {
  const along = roi.map((length) =>
    Float32Array.from({ length }, (_, i) => Math.exp((i - (length - 1) / 2) ** 2 / (-2 * (length * sigmaScale) ** 2))),
  );
  outer(along, weights, Math.fround);
  const least = Math.max(least32(weights), MONAI_LEAST);
  for (let i = 0; i < weights.length; i++) weights[i] = Math.max(weights[i]!, least);
  return weights;
}

/** The Gaussian filter of a single 1, cut off at four standard deviations (scipy.ndimage `gaussian_filter`). */
function nnunetGaussian(roi: Triple, sigmaScale: number, weights: Float32Array): Float32Array {
  const along = roi.map((length) => {
    const sigma = length * sigmaScale;
    const reach = Math.trunc(4 * sigma + 0.5);
    return Float64Array.from({ length }, (_, i) => {
      const from = i - Math.floor(length / 2);
      return Math.abs(from) > reach ? 0 : Math.exp(from ** 2 / (-2 * sigma ** 2));
    });
  });
  outer(along, weights, (value) => value * NNUNET_GREATEST);
  const least = least32(weights.filter((weight) => weight > 0));
  for (let i = 0; i < weights.length; i++) if (weights[i] === 0) weights[i] = least;
  return weights;
}

function outer(along: readonly ArrayLike<number>[], weights: Float32Array, kept: (value: number) => number): void {
  const [a, b, c] = [along[0]!, along[1]!, along[2]!];
  let at = 0;
  for (let i = 0; i < a.length; i++)
    for (let j = 0; j < b.length; j++) {
      const both = along[0] instanceof Float32Array ? Math.fround(a[i]! * b[j]!) : a[i]! * b[j]!;
      for (let k = 0; k < c.length; k++) weights[at++] = kept(both * c[k]!);
    }
}

function least32(values: Float32Array): number {
  return values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
}
