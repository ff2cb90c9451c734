/**
 * A colour for segment number n: hues a golden angle apart, so that neighbours differ however many there are.
 * sRGB, 0 to 255.
 */
export function segmentColor(number: number): readonly [number, number, number] {
  const hue = (number * 137.508) % 360;
  const lightness = number % 2 === 0 ? 0.62 : 0.5;
  const chroma = 0.6 * (1 - Math.abs(2 * lightness - 1));
  const part = (shift: number): number => {
    const k = (shift + hue / 30) % 12;
    return Math.round(255 * (lightness - (chroma / 2) * Math.max(-1, Math.min(k - 3, 9 - k, 1))));
  };
  return [part(0), part(8), part(4)];
}
