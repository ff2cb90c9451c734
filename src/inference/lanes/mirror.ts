import { VoxgateError } from '../../errors.ts';
import type { Triple } from '../../imaging/transforms/steps.ts';

/**
 * Every combination of axes that are mirrored, none first (nnunetv2 `_internal_maybe_mirror_and_predict`).
 *
 * @throws VoxgateError bad-model
 */
export function mirrorings(axes: readonly number[]): readonly (readonly number[])[] {
  if (new Set(axes).size !== axes.length || axes.some((axis) => ![0, 1, 2].includes(axis)))
    throw new VoxgateError('bad-model', `window.mirrorAxes is ${JSON.stringify(axes)}; each of 0, 1, 2 at most once`);
  const all = Array.from({ length: 2 ** axes.length }, (_, bits) => axes.filter((_axis, i) => bits & (1 << i)));
  return all.sort((one, other) => one.length - other.length);
}

/** Mirrors each block [a][b][c] of `values` along the axes; `values` itself where there is none. */
export function mirrored<T extends Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>>(
  values: T,
  [a, b, c]: Triple,
  axes: readonly number[],
): T {
  if (axes.length === 0) return values;
  const result = values.slice();
  const [overA, overB, overC] = [axes.includes(0), axes.includes(1), axes.includes(2)];
  const blocks = values.length / (a * b * c);
  for (let block = 0, to = 0; block < blocks; block++)
    for (let i = 0; i < a; i++)
      for (let j = 0; j < b; j++, to += c) {
        const row = (block * a + (overA ? a - 1 - i : i)) * b + (overB ? b - 1 - j : j);
        if (!overC) result.set(values.subarray(row * c, (row + 1) * c), to);
        else for (let k = 0; k < c; k++) result[to + k] = values[row * c + c - 1 - k]!;
      }
  return result as T;
}
