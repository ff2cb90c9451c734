import { describe, expect, it } from 'vitest';
import { displayCieLab } from '../../src/results/cielab.ts';

describe('Recommended Display CIELab Value (PS3.3 C.10.7.1.1)', () => {
  it('puts white at L* 100 and black at 0, both with a* and b* zero, which is 8080H', () => {
    expect(displayCieLab([255, 255, 255])).toEqual([0xffff, 0x8080, 0x8080]);
    expect(displayCieLab([0, 0, 0])).toEqual([0, 0x8080, 0x8080]);
  });

  it.each([
    // L*, a*, b* under D50 by a Bradford adaptation worked out separately, with the colours' published values.
    [[255, 0, 0], 54.2917, 80.8124, 69.8851],
    [[0, 255, 0], 87.8181, -79.2873, 80.9903],
    [[0, 0, 255], 29.5676, 68.2986, -112.0294],
    [[128, 174, 128], 66.8658, -22.952, 18.5368],
  ] as const)('gives sRGB %j its place under D50', (rgb, l, a, b) => {
    const [l16, a16, b16] = displayCieLab(rgb);
    expect((l16 / 65535) * 100).toBeCloseTo(l, 2);
    expect((a16 / 65535) * 255 - 128).toBeCloseTo(a, 2);
    expect((b16 / 65535) * 255 - 128).toBeCloseTo(b, 2);
  });
});
