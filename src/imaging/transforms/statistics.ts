/** Least and greatest of all values; [Infinity, -Infinity] of none. */
export function extremes(arrays: readonly Float32Array[]): readonly [least: number, greatest: number] {
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  for (const values of arrays) {
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (value < least) least = value;
      if (value > greatest) greatest = value;
    }
  }
  return [least, greatest];
}

/** Which values count: those that are not zero, those within a mask; else all. */
export interface Counted {
  readonly nonzero?: boolean;
  readonly mask?: Uint8Array;
}

/** Mean and standard deviation (of the population) of the values that count; undefined where there are none. */
export function meanAndDeviation(
  arrays: readonly Float32Array[],
  { nonzero = false, mask }: Counted,
): { readonly mean: number; readonly deviation: number } | undefined {
  let n = 0;
  let sum = 0;
  for (const values of arrays) {
    for (let i = 0; i < values.length; i++) {
      if ((nonzero && values[i] === 0) || (mask !== undefined && mask[i] === 0)) continue;
      n++;
      sum += values[i]!;
    }
  }
  if (n === 0) return undefined;
  const mean = sum / n;
  let squares = 0;
  for (const values of arrays) {
    for (let i = 0; i < values.length; i++) {
      if ((nonzero && values[i] === 0) || (mask !== undefined && mask[i] === 0)) continue;
      const distance = values[i]! - mean;
      squares += distance * distance;
    }
  }
  return { mean, deviation: Math.sqrt(squares / n) };
}

/** Up to here MONAI asks torch.quantile, whose ranks are 32-bit floats; beyond, numpy.percentile. */
const LARGEST_TORCH_QUANTILE = 1_000_000;

/** The percentile (0 to 100) of all values, between two neighbours by their distance. */
export function percentileOf(arrays: readonly Float32Array[], percent: number): number {
  const total = arrays.reduce((sum, values) => sum + values.length, 0);
  const f = total <= LARGEST_TORCH_QUANTILE ? Math.fround : (value: number): number => value;
  const rank = f(f(percent / 100) * (total - 1));
  const low = Math.floor(rank);
  const [below, above] = [nthSmallest(arrays, low), nthSmallest(arrays, Math.min(low + 1, total - 1))];
  return below + (above - below) * (rank - low);
}

/** Counts by the upper, then by the lower half of the bits: no copy and no sorting, whatever the size. */
function nthSmallest(arrays: readonly Float32Array[], n: number): number {
  const upper = new Uint32Array(65536);
  for (const values of arrays) {
    const bits = bitsOf(values);
    for (let i = 0; i < bits.length; i++) upper[orderOf(bits[i]!) >>> 16]!++;
  }
  const high = bucketOf(upper, n);
  const lower = new Uint32Array(65536);
  for (const values of arrays) {
    const bits = bitsOf(values);
    for (let i = 0; i < bits.length; i++) {
      const order = orderOf(bits[i]!);
      if (order >>> 16 === high.bucket) lower[order & 0xffff]!++;
    }
  }
  const low = bucketOf(lower, n - high.before);
  return valueAt(((high.bucket << 16) | low.bucket) >>> 0);
}

/** The bucket in which the nth (from 0) lies, and how many come before it. */
function bucketOf(counts: Uint32Array, n: number): { readonly bucket: number; readonly before: number } {
  let before = 0;
  let bucket = 0;
  while (bucket < counts.length - 1 && before + counts[bucket]! <= n) before += counts[bucket++]!;
  return { bucket, before };
}

const bitsOf = (values: Float32Array): Uint32Array => new Uint32Array(values.buffer, values.byteOffset, values.length);

/** The bits of a float as an unsigned number of the same order. */
const orderOf = (bits: number): number => (bits >>> 31 === 1 ? ~bits : bits | 0x80000000) >>> 0;

function valueAt(order: number): number {
  const bits = new Uint32Array([order >>> 31 === 1 ? order & 0x7fffffff : ~order]);
  return new Float32Array(bits.buffer)[0]!;
}
