import type { Triple } from '../../imaging/transforms/steps.ts';

export type SlabAxis = 0 | 1 | 2;

/** The slab axis, then the two others in order. */
export function slabOrder(axis: SlabAxis): readonly [SlabAxis, SlabAxis, SlabAxis] {
  return axis === 0 ? [0, 1, 2] : axis === 1 ? [1, 0, 2] : [2, 0, 1];
}

/** [a][b][c] as [plane][u][v]; the same array where it lies so already. */
export function toPlanes(values: Float32Array, [a, b, c]: Triple, axis: SlabAxis): Float32Array {
  if (axis === 0) return values;
  const planes = new Float32Array(values.length);
  if (axis === 1) {
    for (let j = 0, to = 0; j < b; j++)
      for (let i = 0; i < a; i++, to += c) planes.set(values.subarray((i * b + j) * c, (i * b + j + 1) * c), to);
    return planes;
  }
  // A sheet of [b][c] stays in the cache while it is read across.
  for (let i = 0; i < a; i++)
    for (let k = 0; k < c; k++) {
      const to = (k * a + i) * b;
      for (let j = 0, from = i * b * c + k; j < b; j++, from += c) planes[to + j] = values[from]!;
    }
  return planes;
}
