import { describe, expect, it } from 'vitest';
import { positionOf } from '../../src/imaging/grid.ts';
import type { SliceHeader } from '../../src/imaging/slice-header.ts';
import { assembleStack } from '../../src/imaging/stack.ts';
import { addScaled } from '../../src/imaging/vector.ts';
import { aSlice, axisAlignedOrientations, obliqueOrientations, randomNumbers, shuffled, slicesAt } from './slices.ts';

function reasonOf(headers: readonly SliceHeader[]): string {
  const stack = assembleStack(headers);
  return stack.ok ? 'accepted' : stack.reason;
}

/** PS3.3 equation C.7.6.2.1-1: the row index steps along the second triple by the first spacing. */
function positionInSlice(header: SliceHeader, column: number, row: number) {
  const across = addScaled(header.position!, header.rowDirection!, column * header.pixelSpacing![1]);
  return addScaled(across, header.columnDirection!, row * header.pixelSpacing![0]);
}

describe('A stack of slices (PS3.3 C.7.6.2.1.1)', () => {
  const orientations = [...axisAlignedOrientations(), ...obliqueOrientations(60)];

  it('covers 24 axis-aligned orientations in the tests below', () => {
    expect(axisAlignedOrientations()).toHaveLength(24);
  });

  it('puts every voxel where its slice says, for all orientations, both reading orders and non-square pixels', () => {
    const random = randomNumbers(3);
    for (const orientation of orientations) {
      for (const sign of [1, -1]) {
        const position = [random() * 400 - 200, random() * 400 - 200, random() * 400 - 200] as const;
        const headers = slicesAt(
          [0, 2.5, 5, 7.5, 10].map((mm) => mm * sign),
          { ...orientation, position },
        );
        const stack = assembleStack(headers);
        if (!stack.ok) throw new Error(stack.reason);
        for (const [slice, index] of stack.order.entries()) {
          for (const [column, row] of [
            [0, 0],
            [4, 0],
            [0, 3],
            [4, 3],
            [2, 1],
          ] as const) {
            const got = positionOf(stack.grid, column, row, slice);
            const expected = positionInSlice(headers[index]!, column, row);
            for (const axis of [0, 1, 2] as const) expect(got[axis]).toBeCloseTo(expected[axis], 9);
          }
        }
      }
    }
  });

  it('is ordered by position, never by instance number, and does not depend on the order of arrival', () => {
    const headers = slicesAt([0, 1, 2, 3, 4, 5, 6, 7]).map((h, i) => ({ ...h, instanceNumber: (i * 5) % 8 }));
    const expected = assembleStack(headers);
    expect(expected).toMatchObject({ ok: true, order: [0, 1, 2, 3, 4, 5, 6, 7] });
    for (const seed of [1, 2, 3, 4]) {
      const arrival = shuffled(headers, seed);
      const stack = assembleStack(arrival);
      if (!stack.ok || !expected.ok) throw new Error('refused');
      expect(stack.grid).toEqual(expected.grid);
      expect(stack.order.map((i) => arrival[i]!.sopInstanceUid)).toEqual(headers.map((h) => h.sopInstanceUid));
    }
  });

  it('takes the column spacing from the second value of Pixel Spacing and the row spacing from the first (PS3.3 10.7.1.3)', () => {
    expect(assembleStack(slicesAt([0, 2], { pixelSpacing: [1.3, 0.7] }))).toMatchObject({
      ok: true,
      grid: { columnSpacing: 0.7, rowSpacing: 1.3, sliceSpacing: 2 },
    });
  });

  it('accepts positions rounded to a hundredth of a millimetre, and keeps the last slice exact', () => {
    const rounded = Array.from({ length: 100 }, (_, i) => Math.round((i * 2) / 3 / 0.01) * 0.01);
    const stack = assembleStack(slicesAt(rounded));
    if (!stack.ok) throw new Error(stack.reason);
    expect(positionOf(stack.grid, 0, 0, 99)[2]).toBeCloseTo(rounded[99]!, 9);
  });

  it('says so when CT slices lack the rescale and Hounsfield units had to be assumed', () => {
    const headers = slicesAt([0, 1, 2]).map((h, i) => ({ ...h, rescaleAssumed: i === 1 }));
    const stack = assembleStack(headers);
    expect(stack.ok && stack.notes).toEqual([
      '1 of 3 CT images carry no Rescale Slope and Intercept: stored values were taken as Hounsfield units.',
    ]);
  });
});

describe('Images that are no stack are refused with a sentence and figures', () => {
  const three = slicesAt([0, 1, 2]);
  const with1 = (other: Partial<SliceHeader>) => three.map((h, i) => (i === 1 ? { ...h, ...other } : h));

  it.each<[string, readonly SliceHeader[], string]>([
    ['nothing', [], 'The series holds no image.'],
    ['one slice', [aSlice()], 'The series has one image; a volume needs two slices or more.'],
    [
      'an enhanced object',
      [aSlice({ numberOfFrames: 64 })],
      '1 of 1 images are multi-frame objects (enhanced or cine); volumes are built of single-frame images.',
    ],
    [
      'a localizer among them',
      with1({ imageType: ['ORIGINAL', 'PRIMARY', 'LOCALIZER'] }),
      '1 of 3 images are localizers (third value of Image Type).',
    ],
    ['colour', with1({ samplesPerPixel: 3 }), '1 of 3 images are colour images (Samples per Pixel is not 1).'],
    [
      'MONOCHROME1',
      with1({ photometricInterpretation: 'MONOCHROME1' }),
      '1 of 3 images are of a photometric interpretation other than MONOCHROME2.',
    ],
    ['no rows', with1({ rows: 0 }), '1 of 3 images are without Rows or Columns.'],
    [
      'a Modality LUT',
      with1({ hasModalityLut: true }),
      '1 of 3 images are with a Modality LUT Sequence, which volumes do not support.',
    ],
    ['slope 0', with1({ rescaleSlope: 0 }), '1 of 3 images are with an unusable Rescale Slope or Intercept.'],
    ['no position', with1({ position: undefined }), '1 of 3 images are without Image Position (Patient).'],
    ['no orientation', with1({ rowDirection: undefined }), '1 of 3 images are without Image Orientation (Patient).'],
    ['no spacing', with1({ pixelSpacing: undefined }), '1 of 3 images are without a valid Pixel Spacing.'],
    ['spacing 0', with1({ pixelSpacing: [0, 1] }), '1 of 3 images are without a valid Pixel Spacing.'],
    ['two frames of reference', with1({ frameOfReferenceUid: '1.9' }), 'The 3 images have 2 frames of reference.'],
    [
      'no frame of reference',
      three.map((h) => ({ ...h, frameOfReferenceUid: undefined })),
      '3 of 3 images carry no Frame of Reference UID.',
    ],
    ['two sizes', with1({ columns: 9 }), 'The 3 images have 2 sizes (5 x 4, 9 x 4).'],
    [
      'two pixel spacings',
      with1({ pixelSpacing: [1.3, 0.701] }),
      '1 of 3 images are with another Pixel Spacing than 1.3000 x 0.7000 mm.',
    ],
    [
      'cosines that are no unit vectors',
      with1({ rowDirection: [1, 0.1, 0] }),
      '1 of 3 images are with an Image Orientation (Patient) that is not two perpendicular unit vectors.',
    ],
    ['two orientations', with1({ columnDirection: [0, 0, -1] }), 'The images have 2 orientations (2, 1 of 3).'],
    [
      'copies',
      slicesAt([0, 1, 1, 2]),
      'The 4 images lie at 3 positions: several at one place (time points, echoes, copies) are no single volume.',
    ],
    [
      'all at one place',
      slicesAt([1, 1, 1]),
      'The 3 images lie at 1 position: several at one place (time points, echoes, copies) are no single volume.',
    ],
    [
      'one missing',
      slicesAt([0, 5, 10, 20]),
      '1 slice is missing: between 10.00 mm and 20.00 mm along the normal (step 10.00 mm, the others 5.00 mm).',
    ],
    [
      'several missing',
      slicesAt([0, 1, 2, 5, 6, 8, 9, 10]),
      '3 slices are missing: between 2.00 mm and 5.00 mm along the normal (step 3.00 mm, the others 1.00 mm), and in 1 more place.',
    ],
    [
      'uneven steps',
      slicesAt([0, 4, 8, 9.1, 16]),
      'The slice spacing is irregular: 2 of 4 steps differ from 4.00 mm (1.10 to 6.90 mm).',
    ],
    [
      'drifting steps',
      slicesAt(Array.from({ length: 200 }, (_, i) => i + (i > 100 ? (i - 100) * 0.009 : 0))),
      'The slice spacing drifts: a slice lies 0.45 mm off its place in a regular stack of 1.00 mm steps.',
    ],
  ])('%s', (_, headers, sentence) => {
    expect(reasonOf(headers)).toBe(sentence);
  });

  it('a tilted gantry, naming the angle between the step and the normal', () => {
    const tilted = three.map((h, i) => ({ ...h, position: [0, 0.5 * i, i] as const, gantryDetectorTilt: 26.6 }));
    expect(reasonOf(tilted)).toBe(
      'The slices are sheared: they step at 26.6 degrees to their normal; Gantry/Detector Tilt 26.6 degrees.',
    );
  });

  it('a stated tilt alone is no shear: positions decide', () => {
    expect(reasonOf(three.map((h) => ({ ...h, gantryDetectorTilt: 15 })))).toBe('accepted');
  });

  it('0.1 degrees of shear pass, 0.2 do not', () => {
    const sheared = (degrees: number) =>
      slicesAt([...Array(50).keys()]).map((h, i) => ({
        ...h,
        position: [i * Math.tan((degrees * Math.PI) / 180), 0, i] as const,
      }));
    expect(reasonOf(sheared(0.09))).toBe('accepted');
    expect(reasonOf(sheared(0.2))).toBe('The slices are sheared: they step at 0.2 degrees to their normal.');
  });

  it('a slice shifted within its plane', () => {
    expect(reasonOf(with1({ position: [3, 0, 1] }))).toBe(
      'Slice 2 of 3 is shifted 3.00 mm within its plane against the first.',
    );
  });

  it('images that each have a frame of reference of their own, as some de-identifiers leave them, are accepted with a note', () => {
    const stack = assembleStack(three.map((h, i) => ({ ...h, frameOfReferenceUid: `1.2.${i}` })));
    expect(stack.ok && stack.notes).toEqual([
      'Every image has a Frame of Reference UID of its own: the images were taken to lie in one.',
    ]);
  });
});
