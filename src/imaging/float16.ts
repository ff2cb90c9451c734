/** Values as IEEE 754 binary16, rounded to nearest, ties to even; what is too large becomes infinite. */
export function float16Of(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < out.length; i++) out[i] = halfOf(bits[i]!);
  return out;
}

function halfOf(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude >= 0x38800000) return sign | rounded(magnitude - 0x38000000, 13);
  // Below 2^-14 there is no implied one: the fraction is shifted to the exponent that is left. Below 2^-25 nothing is.
  const shift = 126 - (magnitude >>> 23);
  return shift > 24 ? sign : sign | rounded((magnitude & 0x7fffff) | 0x800000, shift);
}

/** Without its lowest bits, to nearest, ties to even. */
function rounded(bits: number, down: number): number {
  const kept = bits >>> down;
  const rest = bits & (2 ** down - 1);
  const half = 2 ** (down - 1);
  return rest > half || (rest === half && (kept & 1) === 1) ? kept + 1 : kept;
}
