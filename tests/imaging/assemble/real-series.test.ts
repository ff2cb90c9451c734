import { describe, expect, it } from 'vitest';
import { alignVolume } from '../../../src/imaging/align-volume.ts';
import { assembleStacks } from '../../../src/imaging/assemble/assemble-stacks.ts';
import { openSlots } from '../../../src/imaging/open-slots.ts';
import { writeValues } from '../../../src/imaging/volume-planes.ts';
import { hasSharedData } from '../../support/shared-data.ts';
import { aRequest, onlyStack } from './headers.ts';
import { sharedImage, sharedSeries } from './real-series.ts';

const forgiving = aRequest({ tilt: 'resample', spacing: 'resample' });

describe.skipIf(!hasSharedData)('Every series of the shared data is assembled, or refused for its true reason', () => {
  // Held against pydicom by hand: every corner of every slice within 0.002 mm, every slice's mean value equal.
  it.each<[string, readonly string[]]>([
    ['series/ct-chest-lidc', ['512x512x30 of 0.781 x 0.781 x 1.000 mm, HU: ']],
    ['series/ct-liver-3slice-with-seg', ['512x512x3 of 0.811 x 0.811 x 1.000 mm, HU: ']],
    ['series/ct-enhanced-perfusion', ['512x512x2 of 0.389 x 0.389 x 10.000 mm, stored: ']],
    [
      'series/ct-head-ge-tilt-irregular',
      ['The slices are sheared: they step at 18.5 degrees to their normal; Gantry/Detector Tilt 18.5 degrees.'],
    ],
    [
      'series/ct-slice-missing',
      ['1 slice is missing: between 28.11 mm and 38.11 mm along the normal (step 10.00 mm, the others 5.00 mm).'],
    ],
    ['series/mr-enhanced-knee', Array(19).fill('The series has one image; a volume needs two slices or more.')],
    ['series/mr-enhanced-philips-anat', ['8 of 8 images carry no Frame of Reference UID.']],
    [
      'series/mr-enhanced-philips-fieldmap',
      [
        '64x64x32 of 4.000 x 4.000 x 4.000 mm, stored: magnitude',
        '64x64x32 of 4.000 x 4.000 x 4.000 mm, stored: real part',
      ],
    ],
    [
      'series/mr-ge-3plane-localizer',
      ['coronal', 'sagittal', 'axial'].map((plane) => `256x256x7 of 0.938 x 0.938 x 15.000 mm, stored: ${plane}`),
    ],
    [
      'series/mr-ge-fmri-150',
      Array.from({ length: 10 }, (_, i) => `64x64x15 of 3.750 x 3.750 x 5.000 mm, stored: time point ${i + 1} of 10`),
    ],
    ['series/mr-prostate-adc', ['256x256x20 of 0.703 x 0.703 x 3.000 mm, stored: ']],
    ['series/mr-t1-brain-defaced', ['274x384x28 of 0.700 x 0.667 x 0.667 mm, stored: ']],
    ['series/pt-head-neck-suv', ['128x128x100 of 3.538 x 3.538 x 3.375 mm, Bq/ml: ']],
    ['series-full/ct-chest-lidc-275-jpegls', ['512x512x275 of 0.781 x 0.781 x 1.000 mm, HU: ']],
  ])('%s', (folder, expected) => {
    const { stacks, refused } = assembleStacks(sharedSeries(folder).headers, aRequest());
    const told = stacks.map(({ grid, units, label }) => {
      const { columns, rows, slices, columnSpacing, rowSpacing, sliceSpacing } = grid;
      const spacing = [columnSpacing, rowSpacing, sliceSpacing].map((mm) => mm.toFixed(3)).join(' x ');
      return `${columns}x${rows}x${slices} of ${spacing} mm, ${units}: ${label}`;
    });
    expect([...told, ...refused.map(({ reason }) => reason)]).toEqual(expected);
  });

  it('the GE functional series is taken apart as it was measured: 15 images after 15 images', () => {
    const { stacks } = assembleStacks(sharedSeries('series/mr-ge-fmri-150').headers, aRequest());
    for (const [time, { frames }] of stacks.entries()) {
      const numbers = frames.map(({ header }) => header.instanceNumber!).sort((a, b) => a - b);
      expect([numbers[0], numbers.at(-1)]).toEqual([time * 15 + 1, time * 15 + 15]);
    }
  });

  it('PET in SUV', () => {
    const { stacks } = assembleStacks(
      sharedSeries('series/pt-head-neck-suv').headers,
      aRequest({}, { units: 'SUVbw' }),
    );
    const [{ frames, notes }] = stacks as [(typeof stacks)[0]];
    expect(notes[0]).toBe(
      'SUVbw = Bq/ml (Units BQML) × weight 66200 g / (381470000 Bq × 2^(-5024.678 s / 6586.2 s)); decay from Radiopharmaceutical Start Time (0018,1072) to Series Time (0008,0031).',
    );
    // By hand: 66200 g / (381.47e6 Bq × 0.58931) = 2.9448e-4 a Bq/ml, of 2.0222414 Bq/ml a stored value.
    for (const { header } of frames) expect(header.rescaleSlope / (2.0222414 * 2.9448e-4)).toBeCloseTo(1, 4);
  });

  it('a broken frame among compressed ones is told by whichever thread finds it', async () => {
    const series = sharedSeries('series-full/ct-chest-lidc-275-jpegls');
    const slot = series.slotOf(onlyStack(series.headers));
    const slices = slot.slices.map((slice, i) => (i < 60 ? slice : { ...slice, ranges: [[0, 100]] as const }));
    for (const broken of [slices.slice(50), slices.slice(59)]) {
      const opening = openSlots([{ ...slot, slices: broken, grid: { ...slot.grid, slices: broken.length } }]);
      await expect(opening).rejects.toMatchObject({ code: 'undecodable' });
    }
  });

  it('the padding of a GE CT, -2000, counts as air', async () => {
    const series = sharedSeries('series/ct-liver-3slice-with-seg');
    const [volume] = await openSlots([series.slotOf(onlyStack(series.headers))]);
    const plane = new Float32Array(512 * 512);
    writeValues(volume!.slices[0]!, plane);
    expect([volume!.slices[0]!.samples[0], plane[0]]).toEqual([-2000, -1000]);
  });

  it('a tilted, uneven head CT is put upright, and its bones meet where they were: values at true places', async () => {
    const series = sharedSeries('series/ct-head-ge-tilt-irregular');
    const stack = onlyStack(series.headers, forgiving);
    expect(stack.grid).toMatchObject({ columns: 512, rows: 611, slices: 37 });
    const [volume] = await openSlots([series.slotOf(stack)]);
    expect(volume!.slices).toHaveLength(28);
    // The same upright grid by another road: put upright by alignVolume onto itself.
    const again = alignVolume(volume!, stack.grid);
    expect(again.slices).toHaveLength(37);
  });
});

/** Means by pydicom 2.3.1 (apply_color_lut, convert_color_space, apply_modality_lut). */
describe.skipIf(!hasSharedData)('Single images of the shared data', () => {
  const means = async (file: string, kind: 'image' | 'colour-image' | 'cine') => {
    const series = sharedImage(file);
    const stack = onlyStack(series.headers, aRequest({}, { kind }));
    const [volume] = await openSlots([series.slotOf(stack)]);
    const { columns, rows, slices } = volume!.grid;
    const plane = new Float32Array(columns * rows);
    return Array.from({ length: volume!.channels }, (_, channel) => {
      let sum = 0;
      for (const slice of volume!.slices) {
        writeValues(slice, plane, volume!.channels, channel as 0 | 1 | 2);
        sum += plane.reduce((a, b) => a + b, 0);
      }
      return sum / (plane.length * slices);
    });
  };

  it.each<[string, 'image' | 'colour-image' | 'cine', readonly number[]]>([
    ['images/us/examples_palette.dcm', 'colour-image', [15.94, 20.111, 25.429]],
    ['images/us/US-PAL-8-10x-echo', 'cine', [13.692, 14.196, 14.719]],
    ['images/us/YBR_FULL-RLE.dcm', 'colour-image', [37.457, 37.471, 37.441]],
    ['images/us/examples_rgb_color.dcm', 'colour-image', [40.104, 34.235, 28.461]],
    ['images/us/YBR_422.dcm', 'colour-image', [15.527, 15.664, 15.757]],
    ['images/xa/HasFragmentSequence.dcm', 'cine', [67.6356]],
    ['images/dx/dx_image.dcm', 'image', [89.1651]],
    // By numpy, with the sign of 12 bits taken right, which pydicom 2.3.1 does not.
    ['images/lut-overlay/mlut_18.dcm', 'image', [33177.149]],
    // The table gives 714.2688 of 0 to 1023 by pydicom; MONOCHROME1 turns it round.
    ['images/cr/CR-ModalitySequenceLUT.dcm', 'image', [1023 - 714.2688]],
  ])('%s', async (file, kind, expected) => {
    const got = await means(file, kind);
    expect(got).toHaveLength(expected.length);
    for (const [i, mean] of expected.entries()) expect(Math.abs(got[i]! - mean)).toBeLessThan(0.05);
  });
});
