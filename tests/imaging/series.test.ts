import { describe, expect, it } from 'vitest';
import { readSliceFrame } from '../../src/imaging/frame-file.ts';
import { assembleStack } from '../../src/imaging/stack.ts';
import { volumeSlice } from '../../src/imaging/volume.ts';
import { hasSharedData } from '../support/shared-data.ts';
import { imagesIn } from './series.ts';

const stackOf = (folder: string) => assembleStack(imagesIn(folder).map(({ header }) => header));

describe.skipIf(!hasSharedData)('Real series', () => {
  it('a chest CT whose files are not in slice order is a stack of 1.0 mm', () => {
    const stack = stackOf('series/ct-chest-lidc');
    if (!stack.ok) throw new Error(stack.reason);
    expect(stack.grid).toMatchObject({
      columns: 512,
      rows: 512,
      slices: 30,
      columnSpacing: 0.78125,
      rowSpacing: 0.78125,
    });
    expect(stack.grid.sliceSpacing).toBeCloseTo(1, 6);
    expect(stack.grid.origin).toEqual([-201, -59, -533.800049]);
    expect(stack.notes).toEqual([
      'Every image has a Frame of Reference UID of its own: the images were taken to lie in one.',
    ]);
  });

  it.each([
    ['series/ct-liver-3slice-with-seg', { slices: 3, columnSpacing: 0.810547 }, 1],
    ['series/pt-head-neck-suv', { slices: 100, columnSpacing: 3.5378182 }, 3.375],
    ['series/mr-prostate-adc', { slices: 20, columnSpacing: 0.7031 }, 3],
    [
      'series/mr-t1-brain-defaced',
      { slices: 28, rows: 384, columns: 274, rowSpacing: 0.666666686534882, columnSpacing: 0.699987828731537 },
      0.6667,
    ],
  ] as const)('%s is a stack', (folder, grid, spacing) => {
    const stack = stackOf(folder);
    if (!stack.ok) throw new Error(stack.reason);
    expect(stack.grid).toMatchObject(grid);
    expect(stack.grid.sliceSpacing).toBeCloseTo(spacing, 3);
  });

  it.each([
    [
      'series/ct-slice-missing',
      '1 slice is missing: between 28.11 mm and 38.11 mm along the normal (step 10.00 mm, the others 5.00 mm).',
    ],
    [
      'series/ct-head-ge-tilt-irregular',
      'The slices are sheared: they step at 18.5 degrees to their normal; Gantry/Detector Tilt 18.5 degrees.',
    ],
    ['series/mr-ge-3plane-localizer', 'The images have 3 orientations (7, 7, 7 of 21).'],
    [
      'series/mr-ge-fmri-150',
      'The 150 images lie at 15 positions: several at one place (time points, echoes, copies) are no single volume.',
    ],
    [
      'series/mr-enhanced-knee',
      '1 of 1 images are multi-frame objects (enhanced or cine); volumes are built of single-frame images.',
    ],
    [
      'series/ct-enhanced-perfusion',
      '1 of 1 images are multi-frame objects (enhanced or cine); volumes are built of single-frame images.',
    ],
  ])('%s is refused', (folder, reason) => {
    expect(stackOf(folder)).toEqual({ ok: false, reason });
  });

  it('the padding of a GE CT, -2000, counts as air', async () => {
    const [slice] = imagesIn('series/ct-liver-3slice-with-seg');
    expect(slice!.header.pixelPadding).toEqual({ low: -2000, high: -2000 });
    const { samples, nothing } = await volumeSlice(readSliceFrame(slice!), slice!.header);
    expect(samples[0]).toBe(-2000);
    expect(nothing).toBe(-1000);
  });

  it('a complete JPEG-LS series decodes to the pixels of its uncompressed part', async () => {
    const compressed = new Map(
      imagesIn('series-full/ct-chest-lidc-275-jpegls').map((slice) => [slice.header.sopInstanceUid, slice]),
    );
    expect(compressed.size).toBe(275);
    for (const plain of imagesIn('series/ct-chest-lidc')) {
      const twin = compressed.get(plain.header.sopInstanceUid)!;
      const [a, b] = await Promise.all([plain, twin].map((slice) => volumeSlice(readSliceFrame(slice), slice.header)));
      expect(
        Buffer.compare(
          Buffer.from(a!.samples.buffer, a!.samples.byteOffset, a!.samples.byteLength),
          Buffer.from(b!.samples.buffer, b!.samples.byteOffset, b!.samples.byteLength),
        ),
      ).toBe(0);
    }
  });
});
