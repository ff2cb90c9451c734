/** The pole of the prefilter of the cubic B-spline, √3 - 2. */
export const POLE = Math.sqrt(3) - 2;

/**
 * How many times the edge is repeated on each side before the filter: its answer to one sample is POLE to that power there,
 * 1e-8. (SciPy repeats it 12 times in mode nearest.)
 */
export const MARGIN = 14;

/** What one of the two passes makes of a value that is repeated for ever. */
const AT_REST = 1 / (1 - POLE);

/**
 * The coefficients of the cubic B-spline through each row ([row][column], `width` wide), the edge repeated: `out` is
 * 2 × MARGIN wider, coefficient i of a row belongs to its sample i - MARGIN. A causal and an anticausal pass (Unser 1991).
 */
export function rowCoefficients(source: Float32Array | Float64Array, width: number, out: Float64Array): Float64Array {
  const wide = width + 2 * MARGIN;
  for (let from = 0, start = 0; from < source.length; from += width, start += wide) {
    const [first, last] = [source[from]!, source[from + width - 1]!];
    let before = 6 * first * AT_REST;
    for (let i = 0; i < wide; i++) {
      const j = i - MARGIN;
      const sample = j < 0 ? first : j < width ? source[from + j]! : last;
      before = 6 * sample + POLE * before;
      out[start + i] = before;
    }
    let after = -POLE * AT_REST * out[start + wide - 1]!;
    out[start + wide - 1] = after;
    for (let i = start + wide - 2; i >= start; i--) {
      after = POLE * (after - out[i]!);
      out[i] = after;
    }
  }
  return out;
}

/** The same along columns: `out` has 2 × MARGIN rows more. */
export function columnCoefficients(
  source: Float32Array | Float64Array,
  width: number,
  out: Float64Array,
): Float64Array {
  const height = source.length / width;
  const tall = height + 2 * MARGIN;
  for (let i = 0; i < tall; i++) {
    const from = Math.min(Math.max(i - MARGIN, 0), height - 1) * width;
    const to = i * width;
    for (let c = 0; c < width; c++) {
      const before = i === 0 ? 6 * source[c]! * AT_REST : out[to - width + c]!;
      out[to + c] = 6 * source[from + c]! + POLE * before;
    }
  }
  const last = (tall - 1) * width;
  for (let c = 0; c < width; c++) out[last + c]! *= -POLE * AT_REST;
  for (let to = last - width; to >= 0; to -= width) {
    for (let c = 0; c < width; c++) out[to + c] = POLE * (out[to + width + c]! - out[to + c]!);
  }
  return out;
}
