/** IEEE 754 binary16 as its bits, to and from numbers. */

const TABLE = new Float32Array(65_536);
for (let bits = 0; bits < 65_536; bits++) {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  TABLE[bits] =
    exponent === 0
      ? sign * fraction * 2 ** -24
      : exponent === 31
        ? fraction
          ? Number.NaN
          : sign * Number.POSITIVE_INFINITY
        : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

export function fromFloat16(bits: Uint16Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) values[i] = TABLE[bits[i]!]!;
  return values;
}

/** Rounded to nearest, ties to even. */
export function toFloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  // Halfway between the greatest finite number and the next power of two rounds up.
  if (size >= 65_520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(size || 2 ** -24)));
  const steps = roundHalfEven(size / 2 ** (exponent - 10));
  if (steps >= 2048) return sign | ((exponent + 16) << 10);
  return sign | (steps < 1024 ? steps : ((exponent + 15) << 10) | (steps - 1024));
}

export function roundHalfEven(value: number): number {
  const down = Math.floor(value);
  const rest = value - down;
  return rest > 0.5 || (rest === 0.5 && down % 2 === 1) ? down + 1 : down;
}
