/** XYZ under D50 to linear sRGB (Bradford adaptation of the D65 primaries). */
const TO_RGB = [
  [3.1338561, -1.6168667, -0.4906146],
  [-0.9787684, 1.9161415, 0.033454],
  [0.0719453, -0.2289914, 1.4052427],
] as const;

const D50 = [0.9642, 1, 0.8249] as const;

/** A Recommended Display CIELab Value, scaled to 16 bits (PS3.3 C.10.7.1.1), as sRGB of 0 to 255. */
export function fromDisplayCieLab([l, a, b]: readonly [number, number, number]): [number, number, number] {
  const lightness = (l / 65535) * 100;
  const fy = (lightness + 16) / 116;
  const fx = fy + ((a / 65535) * 255 - 128) / 500;
  const fz = fy - ((b / 65535) * 255 - 128) / 200;
  const xyz = [fx, fy, fz].map((f, axis) => D50[axis]! * (f > 6 / 29 ? f ** 3 : (116 * f - 16) / (24389 / 27)));
  const rgb = TO_RGB.map((row) => {
    const linear = Math.max(0, Math.min(1, row[0] * xyz[0]! + row[1] * xyz[1]! + row[2] * xyz[2]!));
    return Math.round(255 * (linear <= 0.0031308 ? 12.92 * linear : 1.055 * linear ** (1 / 2.4) - 0.055));
  });
  return [rgb[0]!, rgb[1]!, rgb[2]!];
}
