import type { Triple } from './steps.ts';

/** The smallest box, in indexes of the memory, with everything in it that was looked for; `end` is exclusive. */
interface VoxelBox {
  readonly start: Triple;
  readonly end: Triple;
}

/**
 * The box around all values that are above `above`, or, where that is undefined, not zero, in any channel; undefined where
 * there are none. Values lie [slice][row][column]; `counts` are those of columns, rows and slices.
 */
export function boxAround(
  channels: readonly Float32Array[],
  [columns, rows, slices]: Triple,
  above: number | undefined,
): VoxelBox | undefined {
  let [left, right] = [columns, -1];
  let [top, bottom] = [rows, -1];
  let [low, high] = [slices, -1];
  const found = (value: number): boolean => (above === undefined ? value !== 0 : value > above);
  for (const values of channels) {
    for (let slice = 0, i = 0; slice < slices; slice++) {
      for (let row = 0; row < rows; row++, i += columns) {
        let first = 0;
        while (first < columns && !found(values[i + first]!)) first++;
        if (first === columns) continue;
        let last = columns - 1;
        while (!found(values[i + last]!)) last--;
        [left, right] = [Math.min(left, first), Math.max(right, last)];
        [top, bottom] = [Math.min(top, row), Math.max(bottom, row)];
        [low, high] = [Math.min(low, slice), Math.max(high, slice)];
      }
    }
  }
  return right < 0 ? undefined : { start: [left, top, low], end: [right + 1, bottom + 1, high + 1] };
}

/**
 * Cuts `size` values from `start` out of [slice][row][column] into `out`; what lies outside is `fill`, or the value at the
 * edge.
 */
export function cutOut(
  values: Float32Array | Uint8Array,
  counts: Triple,
  start: Triple,
  size: Triple,
  fill: number | 'edge',
  out: Float32Array | Uint8Array,
): void {
  const at = (axis: 1 | 2, index: number): number | undefined => {
    const place = index + start[axis];
    if (place >= 0 && place < counts[axis]) return place;
    return fill === 'edge' ? Math.min(Math.max(place, 0), counts[axis] - 1) : undefined;
  };
  const from = Math.max(start[0], 0);
  const end = Math.max(Math.min(start[0] + size[0], counts[0]), from);
  for (let slice = 0, to = 0; slice < size[2]; slice++) {
    const z = at(2, slice);
    for (let row = 0; row < size[1]; row++, to += size[0]) {
      const y = at(1, row);
      if (fill !== 'edge') out.fill(fill, to, to + size[0]);
      if (z === undefined || y === undefined) continue;
      const line = (z * counts[1] + y) * counts[0];
      const first = to + from - start[0];
      const last = first + end - from;
      out.set(values.subarray(line + from, line + end), first);
      if (fill !== 'edge') continue;
      out.fill(values[line]!, to, first);
      out.fill(values[line + counts[0] - 1]!, last, to + size[0]);
    }
  }
}
