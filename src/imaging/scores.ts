import type { Shape } from './components.ts';

/** Class scores [class][z][y][x] on a model grid, wherever they lie: `read` fills `out` from a place counted in floats. */
export interface Scores {
  readonly classes: number;
  readonly shape: Shape;
  read(place: number, out: Float32Array): void;
}

export const voxelsOf = ([z, y, x]: Shape): number => z * y * x;

/** The class of the highest score in every voxel of the model grid, the lower class where scores are equal: [z][y][x]. */
export function labelsOnModel(scores: Scores): Uint8Array {
  const voxels = voxelsOf(scores.shape);
  const labels = new Uint8Array(voxels);
  const run = Math.min(voxels, 1 << 20);
  const best = new Float32Array(run);
  const values = new Float32Array(run);
  for (let start = 0; start < voxels; start += run) {
    const count = Math.min(run, voxels - start);
    scores.read(start, best.subarray(0, count));
    for (let c = 1; c < scores.classes; c++) {
      scores.read(c * voxels + start, values.subarray(0, count));
      for (let i = 0; i < count; i++) {
        if (values[i]! > best[i]!) {
          best[i] = values[i]!;
          labels[start + i] = c;
        }
      }
    }
  }
  return labels;
}
