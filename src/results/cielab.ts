/** Linear light of an sRGB component of 0 to 255 (IEC 61966-2-1). */
function linear(component: number): number {
  const c = component / 255;
  return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
}

/** Linear sRGB to XYZ under D50, the white of the ICC profile connection space (Bradford adaptation of the D65 primaries). */
const TO_XYZ_D50 = [
  [0.4360747, 0.3850649, 0.1430804],
  [0.2225045, 0.7168786, 0.0606169],
  [0.0139322, 0.0971045, 0.7141733],
] as const;

/** Each row summed, so that sRGB white is exactly L* 100, a* 0, b* 0. */
const WHITE = TO_XYZ_D50.map(([r, g, b]) => r + g + b);

/** CIE 15: cube root with a straight line near black. */
function f(ratio: number): number {
  return ratio > 216 / 24389 ? Math.cbrt(ratio) : ((24389 / 27) * ratio + 16) / 116;
}

/**
 * A colour of sRGB (0 to 255) as Recommended Display CIELab Value (0062,000D): PCS-Values, CIELab under D50, scaled to
 * 16 bits, L* 0..100 and a*, b* -128..127 each to 0..65535 (PS3.3 Section C.10.7.1.1).
 */
export function displayCieLab([r, g, b]: readonly [number, number, number]): [number, number, number] {
  const light = [linear(r), linear(g), linear(b)] as const;
  const [x = 0, y = 0, z = 0] = TO_XYZ_D50.map((row, axis) =>
    f((row[0] * light[0] + row[1] * light[1] + row[2] * light[2]) / WHITE[axis]!),
  );
  const scaled = (value: number, low: number, high: number) =>
    Math.max(0, Math.min(65535, Math.round(((value - low) / (high - low)) * 65535)));
  return [scaled(116 * y - 16, 0, 100), scaled(500 * (x - y), -128, 127), scaled(200 * (y - z), -128, 127)];
}
