import { VoxgateError } from '../../errors.ts';
import type { Triple } from '../../imaging/transforms/steps.ts';
import type { WindowSpec } from '../model-manifest.ts';
import { roundHalfEven } from './float16.ts';

type GridSpec = Pick<WindowSpec, 'roi' | 'overlap' | 'grid'>;

/** Where windows lie over an image, in voxels of the image; what is padded around it has negative or later indices. */
export interface WindowGrid {
  readonly image: Triple;
  readonly roi: Triple;
  /** First voxels of the windows along each axis, ascending. */
  readonly starts: readonly [readonly number[], readonly number[], readonly number[]];
}

/**
 * The grid of MONAI's `sliding_window_inference` (windows a scan interval apart, the last shifted back to the end) or of
 * nnU-Net's `compute_steps_for_sliding_window` (evenly spread). A length of 0 or less is the whole image. An image
 * smaller than a window is padded, half before and the rest after.
 *
 * @throws VoxgateError bad-model
 */
export function layWindows(image: Triple, { roi, overlap, grid }: GridSpec): WindowGrid {
  if (!(overlap >= 0 && overlap < 1))
    throw new VoxgateError('bad-model', `window.overlap is ${overlap}; it must be at least 0 and below 1`);
  const lengths = axes((axis) => (roi[axis] > 0 ? roi[axis] : image[axis]));
  const starts = axes((axis): readonly number[] => {
    const [size, length] = [Math.max(image[axis], lengths[axis]), lengths[axis]];
    const before = Math.floor((size - image[axis]) / 2);
    const along = grid === 'monai' ? monaiStarts(size, length, overlap) : nnunetStarts(size, length, overlap);
    return along.map((start) => start - before);
  });
  return { image, roi: lengths, starts };
}

/** monai/inferers/utils.py `_get_scan_interval`, monai/data/utils.py `dense_patch_slices`. */
function monaiStarts(size: number, length: number, overlap: number): number[] {
  const interval = length === size ? length : Math.max(1, Math.trunc(length * (1 - overlap)));
  const starts: number[] = [];
  for (let start = 0; ; start += interval) {
    if (start + length >= size) return [...starts, size - length];
    starts.push(start);
  }
}

/** nnunetv2/inference/sliding_window_prediction.py `compute_steps_for_sliding_window`; numpy rounds halves to even. */
function nnunetStarts(size: number, length: number, overlap: number): number[] {
  const count = Math.ceil((size - length) / (length * (1 - overlap))) + 1;
  const step = count > 1 ? (size - length) / (count - 1) : 0;
  return Array.from({ length: count }, (_, i) => roundHalfEven(step * i));
}

function axes<T>(of: (axis: 0 | 1 | 2) => T): readonly [T, T, T] {
  return [of(0), of(1), of(2)];
}
