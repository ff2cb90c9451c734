import { describe, expect, it } from 'vitest';
import { prepareTensor } from '../../../src/imaging/transforms/prepare.ts';
import type { PreStep, Triple } from '../../../src/imaging/transforms/steps.ts';
import type { Volume } from '../../../src/imaging/volume.ts';
import { aGrid, aVolume } from '../volumes.ts';
import { prepared } from './prepared.ts';

/** Any three integers; the Python below uses the same formula. */
const pattern = (c: number, r: number, s: number): number =>
  ((s * 37 + r * 17 + c * 29 + ((s * r * c) % 11)) % 101) - 50;

const SPL = { op: 'orientation', axcodes: 'SPL' } as const;
const covering = (pixdim: Triple): PreStep => ({ op: 'spacing', pixdim, rule: 'cover', mode: 'linear' });

describe('The rule `cover`', () => {
  /*
   * Independent numbers: dense tent matrices in numpy 1.24 in double precision, applied with einsum to the pattern above
   * on an 11 x 7 x 9 grid of 0.7 x 1.3 x 2.0 mm. For the second, which is finer than the source in every axis,
   * scipy.ndimage.map_coordinates(order=1, mode='nearest') gives the same tensor to 1.5e-14.
   */
  it.each([
    {
      pixdim: [2, 2, 2],
      shape: [9, 5, 4],
      first: -16.708196721311474,
      last: 15.675438596491258,
      sum: -48.296320279199506,
      weighted: -543.3968640597983,
      squares: 8688.234083673235,
      middle: -3.7017543859649114,
      edge: 17.370056497175163,
    },
    {
      pixdim: [0.75, 0.6, 0.5],
      shape: [24, 16, 16],
      first: -50,
      last: 39,
      sum: -1277.582760989007,
      weighted: -4980.493475274709,
      squares: 1493563.1159147015,
      middle: 3.1438873626373542,
      edge: -2.0216346153846265,
    },
    {
      pixdim: [5, 1, 1.5],
      shape: [4, 10, 6],
      first: -12.27375,
      last: 27.68,
      sum: 23.962092074592135,
      weighted: 202.58160256410264,
      squares: 11961.772169004982,
      middle: 2.6722115384615375,
      edge: -3.2369230769230732,
    },
  ] as const)('agrees with numpy and scipy at $pixdim mm', ({ pixdim, shape, ...expected }) => {
    const { tensor, ...result } = prepared(
      [aVolume(aGrid({ columns: 11, rows: 7, slices: 9 }), pattern)],
      [SPL, covering(pixdim)],
    );
    const [z, y, x] = shape;
    expect([...result.shape]).toEqual(shape);
    const at = (k: number, j: number, i: number): number => tensor[(k * y + j) * x + i]!;
    const sumOf = (value: (v: number, i: number) => number) => tensor.reduce((sum, v, i) => sum + value(v, i), 0);
    const got = {
      first: at(0, 0, 0),
      last: at(z - 1, y - 1, x - 1),
      sum: sumOf((v) => v),
      weighted: sumOf((v, i) => v * ((i % 7) + 1)),
      squares: sumOf((v) => v * v),
      middle: at(z >> 1, 1, 2),
      edge: at(1, y >> 1, x - 1),
    };
    for (const key of Object.keys(got) as (keyof typeof got)[]) {
      expect(Math.abs(got[key] - expected[key]) / Math.max(1, Math.abs(expected[key])), key).toBeLessThan(1e-5);
    }
  });

  it('keeps the mean of a coarser array: no aliasing of a fine stripe', () => {
    const grid = { ...aGrid({ columns: 64, rows: 8, slices: 8 }), columnSpacing: 1, rowSpacing: 1, sliceSpacing: 1 };
    const { tensor } = prepared([aVolume(grid, (c) => (c % 2) * 1000)], [SPL, covering([1, 1, 4])]);
    for (const value of tensor.subarray(2, 14)) expect(value).toBeCloseTo(500, 2);
  });

  it('does not grow by rounding when the extent is a whole number of voxels', () => {
    const grid = { ...aGrid({ columns: 100, rows: 100, slices: 3 }), columnSpacing: 1.2, rowSpacing: 0.3 };
    const { shape } = prepared([aVolume(grid, () => 0)], [SPL, covering([2, 0.1, 0.6])]);
    expect([...shape]).toEqual([3, 300, 200]);
  });
});

describe('Channels', () => {
  const grid = aGrid({ columns: 2, rows: 1, slices: 2 });

  it('follow the volumes in their order', () => {
    const { channels, tensor } = prepared([aVolume(grid, (c) => c), aVolume(grid, (c) => 10 + c)], [SPL]);
    expect(channels).toBe(2);
    expect([...tensor]).toEqual([0, 1, 0, 1, 10, 11, 10, 11]);
  });

  it('are red, green and blue of a colour image', () => {
    const samples = Uint8Array.of(1, 2, 3, 4, 5, 6);
    const colour: Volume = {
      grid: aGrid({ columns: 2, rows: 1, slices: 1 }),
      slices: [{ samples, slope: 1, intercept: 0, nothing: 0 }],
      channels: 3,
      units: 'stored',
    };
    const steps: PreStep[] = [{ op: 'scale-intensity-factor', factor: 1 }];
    expect([...prepared([colour], steps).tensor]).toEqual([2, 8, 4, 10, 6, 12]);
  });

  it('have slope and intercept of each slice, and padding as air (PS3.3 C.7.5.1.1.2)', () => {
    const volume = aVolume(
      grid,
      (c) => (c === 0 ? 10 : -2000),
      (slice) => ({ slope: slice + 1, intercept: -100 * slice }),
    );
    const padding = { low: -2000, high: -1999 };
    const padded = { ...volume, slices: volume.slices.map((slice) => ({ ...slice, padding })) };
    expect([...prepared([padded], [SPL]).tensor]).toEqual([10, -1000, -80, -1000]);
  });

  it('cannot come from different grids', () => {
    const other = aVolume(aGrid({ columns: 3, rows: 1, slices: 2 }), () => 0);
    expect(() => prepared([aVolume(grid, () => 0), other], [])).toThrow(
      expect.objectContaining({ code: 'not-a-volume' }),
    );
  });
});

describe('A percentile', () => {
  /* numpy.percentile(np.float32(...), q) of these 1.2 million values, beyond which torch is not asked. */
  it('of more values than torch takes is that of numpy', () => {
    const grid = aGrid({ columns: 200, rows: 200, slices: 30 });
    const volume = aVolume(grid, (c, r, s) => ((c * 7919 + r * 104729 + s * 1299709) % 4001) - 2000);
    const step = { op: 'scale-intensity-range-percentiles', clip: false, relative: false, channelWise: false } as const;
    const { tensor } = prepared([volume], [{ ...step, lower: 0.5, upper: 99.5 }]);
    const values: number[] = [];
    for (let s = 0; s < 30; s++) {
      for (let r = 0; r < 200; r++) {
        for (let c = 0; c < 200; c++) values.push(((c * 7919 + r * 104729 + s * 1299709) % 4001) - 2000);
      }
    }
    values.sort((a, b) => a - b);
    const at = (q: number): number => {
      const rank = q * (values.length - 1);
      const low = Math.floor(rank);
      return values[low]! + (values[low + 1]! - values[low]!) * (rank - low);
    };
    const [low, high] = [at(0.005), at(0.995)];
    expect(tensor[0]).toBeCloseTo((-2000 - low) / (high - low), 5);
  });
});

describe('Refused', () => {
  const volume = aVolume(aGrid({ columns: 4, rows: 5, slices: 6 }), pattern);
  const zscore: PreStep = { op: 'z-score', mask: true };
  const foreground: PreStep = { op: 'crop-foreground', above: 1e6, margin: [0, 0, 0], allowSmaller: false };

  it.each([
    ['letters that name an axis twice', { op: 'orientation', axcodes: 'RLS' }, 'bad-model'],
    ['four letters', { op: 'orientation', axcodes: 'RASR' }, 'bad-model'],
    ['an axis that is there twice', { op: 'transpose', axes: [0, 0, 2] }, 'bad-model'],
    ['a spacing larger than a patient', covering([1e9, 1, 1]), 'bad-model'],
    ['a spacing that is no number', covering([Number.NaN, 1, 1]), 'bad-model'],
    ['a cubic interpolation MONAI does otherwise', { ...covering([1, 1, 1]), mode: 'cubic' }, 'bad-model'],
    ['a mask nobody made', zscore, 'bad-model'],
    ['numbers for channels that are not there', { op: 'z-score', mask: false, channels: [1] }, 'bad-model'],
    ['more voxels than a tensor may have', covering([0.003, 0.003, 0.003]), 'too-large'],
    ['an axis that no image has', covering([1e-7, 1, 1]), 'too-large'],
    [
      'padding to more than a tensor may have',
      { op: 'pad', size: [4000, 4000, 4000], where: 'end', value: 0 },
      'too-large',
    ],
    ['an image without foreground', foreground, 'not-a-volume'],
  ] as const)('%s', (_, step, code) => {
    expect(() => prepared([volume], [step as PreStep])).toThrow(expect.objectContaining({ code }));
  });

  it('an image that is zero everywhere, and no image', () => {
    const empty = aVolume(volume.grid, () => 0);
    expect(() => prepared([empty], [{ op: 'crop-nonzero' }])).toThrow(
      expect.objectContaining({ code: 'not-a-volume' }),
    );
    expect(() => prepareTensor([], [], () => undefined)).toThrow(expect.objectContaining({ code: 'bad-model' }));
  });

  it('a mask after the values have moved', () => {
    const steps: PreStep[] = [{ op: 'crop-nonzero' }, { op: 'center-crop', size: [2, 2, 2] }, zscore];
    expect(() => prepared([volume], steps)).toThrow(expect.objectContaining({ code: 'bad-model' }));
  });
});

describe('Writing', () => {
  it('goes in runs of 64 MiB at most, each value once', () => {
    const grid = aGrid({ columns: 320, rows: 300, slices: 180 });
    const samples = new Uint8Array(320 * 300);
    const slices = Array.from({ length: 180 }, () => ({ samples, slope: 1, intercept: 0, nothing: 0 }));
    const volume: Volume = { grid, slices, channels: 1, units: 'HU' };
    const flat: PreStep[] = [SPL, { op: 'scale-intensity', minv: 0, maxv: 1, channelWise: true }];
    for (const steps of [flat, [{ op: 'orientation', axcodes: 'RAS' }] as PreStep[]]) {
      let end = 0;
      prepareTensor([volume], steps, (values, place) => {
        expect(place).toBe(end);
        expect(values.length).toBeLessThanOrEqual(2 ** 24);
        end = place + values.length;
      });
      expect(end).toBe(320 * 300 * 180);
    }
  });
});
