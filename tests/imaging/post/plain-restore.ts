import type { Taps } from '../../../src/imaging/tent-filter.ts';
import type { Preparation } from '../../../src/imaging/transforms/preparation.ts';

/** Scores [channel][a][b][c] as the slabs of an engine: [plane][channel][u][v] across an axis. */
export function slabsOf(
  scores: Float32Array,
  channels: number,
  shape: readonly number[],
  axis: 0 | 1 | 2,
): Float32Array {
  const [a, b, c] = shape as [number, number, number];
  const strides = [b * c, c, 1];
  const [u, v] = [0, 1, 2].filter((other) => other !== axis) as [number, number];
  const out = new Float32Array(scores.length);
  let to = 0;
  for (let plane = 0; plane < shape[axis]!; plane++) {
    for (let channel = 0; channel < channels; channel++) {
      const from = channel * a * b * c + plane * strides[axis]!;
      for (let i = 0; i < shape[u]!; i++) {
        for (let j = 0; j < shape[v]!; j++) out[to++] = scores[from + i * strides[u]! + j * strides[v]!]!;
      }
    }
  }
  return out;
}

/** Every channel interpolated at every source voxel, one after the other: [channel][slice][row][column]. */
export function plainRestore(
  values: (channel: number, element: number) => number,
  channels: number,
  { shape, axes }: Preparation,
): Float64Array {
  const [across, down, through] = ([0, 1, 2] as const).map((source) =>
    axes.findIndex((axis) => axis.source === source),
  );
  const strides = [shape[1] * shape[2], shape[2], 1];
  const taps = [across!, down!, through!].map((axis): Taps => axes[axis]!.linear);
  const [columns, rows, slices] = taps.map((tap) => tap.first.length) as [number, number, number];
  const out = new Float64Array(channels * slices * rows * columns);
  let to = 0;
  for (let c = 0; c < channels; c++) {
    for (let z = 0; z < slices; z++) {
      for (let y = 0; y < rows; y++) {
        for (let x = 0; x < columns; x++) {
          out[to++] = weighted(taps[0]!, x, (i) =>
            weighted(taps[1]!, y, (j) =>
              weighted(taps[2]!, z, (k) =>
                values(c, i * strides[across!]! + j * strides[down!]! + k * strides[through!]!),
              ),
            ),
          );
        }
      }
    }
  }
  return out;
}

function weighted({ first, count, offset, weights }: Taps, i: number, value: (index: number) => number): number {
  let sum = 0;
  for (let t = 0; t < count[i]!; t++) sum += weights[offset[i]! + t]! * value(first[i]! + t);
  return sum;
}
