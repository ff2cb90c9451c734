import { type Frame, memoryCounts } from './frame.ts';

/** Where element [a][b][c] lies in the memory [slice][row][column]: base + a × stride a + b × stride b + c × stride c. */
interface Strides {
  readonly base: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
}

function stridesOf(frame: Frame): Strides {
  const [columns, rows] = memoryCounts(frame);
  const strideOf = [1, columns, columns * rows] as const;
  let base = 0;
  const along = (i: 0 | 1 | 2): number => {
    const axis = frame.axes[i];
    const stride = strideOf[axis.source];
    if (!axis.flipped) return stride;
    base += (axis.count - 1) * stride;
    return -stride;
  };
  const [a, b, c] = [along(0), along(1), along(2)];
  return { base, a, b, c };
}

/** Values side by side in memory and in the tensor are visited together, so that each cache line is used up. */
const BLOCK = 32;

/** 64 MiB: what is written at once (a single write of Node ends at 2 GiB). */
const LARGEST_RUN = 2 ** 24;

/**
 * Hands the values, which lie [slice][row][column], to `write` in the order of the array, [a][b][c], in runs of a few planes
 * of a, each at its place counted from `start`. The array of a run is reused.
 */
export function writeInOrder(
  values: Float32Array,
  frame: Frame,
  start: number,
  write: (values: Float32Array, place: number) => void,
): void {
  const [na, nb, nc] = [frame.axes[0].count, frame.axes[1].count, frame.axes[2].count];
  const { base, a, b, c } = stridesOf(frame);
  if (base === 0 && c === 1 && b === nc && a === nc * nb) {
    for (let i = 0; i < values.length; i += LARGEST_RUN) write(values.subarray(i, i + LARGEST_RUN), start + i);
    return;
  }
  const planes = Math.max(1, Math.min(BLOCK, na, Math.floor(LARGEST_RUN / (nb * nc))));
  const run = new Float32Array(planes * nb * nc);
  for (let a0 = 0; a0 < na; a0 += planes) {
    const a1 = Math.min(a0 + planes, na);
    for (let b0 = 0; b0 < nb; b0 += BLOCK) {
      const b1 = Math.min(b0 + BLOCK, nb);
      for (let c0 = 0; c0 < nc; c0 += BLOCK) {
        const c1 = Math.min(c0 + BLOCK, nc);
        for (let i = a0; i < a1; i++) {
          for (let j = b0; j < b1; j++) {
            let from = base + i * a + j * b + c0 * c;
            const to = ((i - a0) * nb + j) * nc;
            for (let k = c0; k < c1; k++, from += c) run[to + k] = values[from]!;
          }
        }
      }
    }
    write(run.subarray(0, (a1 - a0) * nb * nc), start + a0 * nb * nc);
  }
}
