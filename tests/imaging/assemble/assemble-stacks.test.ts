import { describe, expect, it } from 'vitest';
import { assembleStacks, describeStacks } from '../../../src/imaging/assemble/assemble-stacks.ts';
import type { FrameHeader, ImageHeader } from '../../../src/imaging/assemble/image-header.ts';
import { type Grid, positionOf, type Vec3 } from '../../../src/imaging/grid.ts';
import { addScaled, dot } from '../../../src/imaging/vector.ts';
import { axisAlignedOrientations, obliqueOrientations, randomNumbers, shuffled } from '../slices.ts';
import { aFrame, anImage, aRequest, changed, imagesAt, onlyStack, reasonsOf } from './headers.ts';

/** PS3.3 equation C.7.6.2.1-1: the row index steps along the second triple by the first spacing. */
function positionInSlice(header: FrameHeader, column: number, row: number): Vec3 {
  const across = addScaled(header.position!, header.rowDirection!, column * header.pixelSpacing![1]);
  return addScaled(across, header.columnDirection!, row * header.pixelSpacing![0]);
}

const CORNERS = [
  [0, 0],
  [4, 0],
  [0, 3],
  [4, 3],
] as const;

describe('A stack of slices (PS3.3 C.7.6.2.1.1)', () => {
  it('puts every voxel where its slice says: 24 orientations, both reading orders, obliques, pixels of 0.7 x 1.3 mm', () => {
    const random = randomNumbers(3);
    const orientations = [...axisAlignedOrientations(), ...obliqueOrientations(60)];
    expect(axisAlignedOrientations()).toHaveLength(24);
    for (const orientation of orientations) {
      for (const sign of [1, -1]) {
        const position = [random() * 400 - 200, random() * 400 - 200, random() * 400 - 200] as const;
        const images = imagesAt(
          [0, 2.5, 5, 7.5, 10].map((mm) => mm * sign),
          { ...orientation, position },
        );
        const { grid, frames } = onlyStack(images);
        for (const [slice, { header }] of frames.entries()) {
          for (const [column, row] of CORNERS) {
            const [got, expected] = [positionOf(grid, column, row, slice), positionInSlice(header, column, row)];
            for (const axis of [0, 1, 2] as const) expect(got[axis]).toBeCloseTo(expected[axis], 9);
          }
        }
      }
    }
  });

  it('is ordered by position, never by instance number, and does not depend on the order of arrival', () => {
    const images = changed(imagesAt([0, 1, 2, 3, 4, 5, 6, 7]), (i) => ({ instanceNumber: (i * 5) % 8 }));
    const expected = onlyStack(images);
    for (const seed of [1, 2, 3, 4]) {
      const stack = onlyStack(shuffled(images, seed));
      expect(stack.grid).toEqual(expected.grid);
      const uids = stack.frames.map(({ header }) => header.sopInstanceUid);
      expect(uids).toEqual(images.map((image) => image.sopInstanceUid));
    }
  });

  it('takes the column spacing from the second value of Pixel Spacing and the row spacing from the first (PS3.3 10.7.1.3)', () => {
    const { grid } = onlyStack(imagesAt([0, 2], { pixelSpacing: [1.3, 0.7] }));
    expect(grid).toMatchObject({ columnSpacing: 0.7, rowSpacing: 1.3, sliceSpacing: 2 });
  });

  it('accepts positions rounded to a hundredth of a millimetre, and keeps the last slice exact', () => {
    const rounded = Array.from({ length: 100 }, (_, i) => Math.round((i * 2) / 3 / 0.01) * 0.01);
    expect(positionOf(onlyStack(imagesAt(rounded)).grid, 0, 0, 99)[2]).toBeCloseTo(rounded[99]!, 9);
  });

  it('says so when CT slices lack the rescale, and images that each have a frame of reference of their own', () => {
    const images = changed(imagesAt([0, 1, 2]), (i) => ({ rescaleAssumed: i === 1, frameOfReferenceUid: `1.2.${i}` }));
    expect(onlyStack(images).notes).toEqual([
      '1 of 3 CT images carry no Rescale Slope and Intercept: stored values were taken as Hounsfield units.',
      'Every image has a Frame of Reference UID of its own: the images were taken to lie in one.',
    ]);
  });

  it('tells what is true of it, for routes', () => {
    expect(describeStacks(imagesAt([0, 5, 10, 20]))).toEqual([
      {
        ...{ frames: 4, slices: 4, columns: 5, rows: 4, sliceSpacing: 5, rowSpacing: 1.3, columnSpacing: 0.7 },
        ...{ fieldOfView: [3.5, 5.2, 25], orientation: 'axial', uniform: false, gaps: 1, tilt: 0 },
        ...{ localizer: false, derived: false, label: '' },
      },
    ]);
  });
});

describe('Images that are no stack are refused with a sentence and figures', () => {
  const three = imagesAt([0, 1, 2]);
  const all = (other: Partial<FrameHeader>) => changed(three, () => other);
  const one = imagesAt([0]);
  const few = 'The series has one image; a volume needs two slices or more.';

  it.each<[string, readonly ImageHeader[], string[]]>([
    ['nothing', [], ['The series holds no image.']],
    ['one slice', one, [few]],
    [
      'an object without frames',
      [{ ...one[0]!, frames: [] }],
      ['1 of 1 images describe more or fewer frames than they have, or absurdly many.'],
    ],
    ['localizers', all({ isLocalizer: true }), ['3 of 3 images are localizers (third value of Image Type).']],
    ['masks', all({ bitsAllocated: 1 }), ['3 of 3 images are of one bit a pixel: masks, and no images.']],
    ['floats', all({ hasFloatPixels: true }), ['3 of 3 images are of floating point pixels, which are not read here.']],
    ['colour', all({ samplesPerPixel: 3 }), ['3 of 3 images are colour images (Samples per Pixel is not 1).']],
    [
      'MONOCHROME1',
      all({ photometricInterpretation: 'MONOCHROME1' }),
      ['3 of 3 images are of a photometric interpretation other than MONOCHROME2.'],
    ],
    ['no rows', all({ rows: 0 }), ['3 of 3 images are without Rows or Columns.']],
    ['slope 0', all({ rescaleSlope: 0 }), ['3 of 3 images are with an unusable Rescale Slope or Intercept.']],
    ['no position', all({ position: undefined }), ['3 of 3 images are without Image Position (Patient).']],
    ['no orientation', all({ rowDirection: undefined }), ['3 of 3 images are without Image Orientation (Patient).']],
    ['no spacing', all({ pixelSpacing: undefined }), ['3 of 3 images are without a valid Pixel Spacing.']],
    ['spacing 0', all({ pixelSpacing: [0, 1] }), ['3 of 3 images are without a valid Pixel Spacing.']],
    [
      'no frame of reference',
      all({ frameOfReferenceUid: undefined }),
      ['3 of 3 images carry no Frame of Reference UID.'],
    ],
    [
      'cosines that are no unit vectors',
      all({ rowDirection: [1, 0.1, 0] }),
      ['3 of 3 images are with an Image Orientation (Patient) that is not two perpendicular unit vectors.'],
    ],
    [
      'copies',
      imagesAt([0, 1, 1, 2]),
      ['The 4 images lie at 3 positions: several at one place (time points, echoes, copies) are no single volume.'],
    ],
    [
      'all at one place',
      imagesAt([1, 1, 1]),
      ['The 3 images lie at 1 position: several at one place (time points, echoes, copies) are no single volume.'],
    ],
    [
      'one missing',
      imagesAt([0, 5, 10, 20]),
      ['1 slice is missing: between 10.00 mm and 20.00 mm along the normal (step 10.00 mm, the others 5.00 mm).'],
    ],
    [
      'several missing',
      imagesAt([0, 1, 2, 5, 6, 8, 9, 10]),
      [
        '3 slices are missing: between 2.00 mm and 5.00 mm along the normal (step 3.00 mm, the others 1.00 mm), and in 1 more place.',
      ],
    ],
    [
      'uneven steps',
      imagesAt([0, 4, 8, 9.1, 16]),
      ['The slice spacing is irregular: 2 of 4 steps differ from 4.00 mm (1.10 to 6.90 mm).'],
    ],
    [
      'drifting steps',
      imagesAt(Array.from({ length: 200 }, (_, i) => i + (i > 100 ? (i - 100) * 0.009 : 0))),
      ['The slice spacing drifts: a slice lies 0.45 mm off its place in a regular stack of 1.00 mm steps.'],
    ],
    [
      'a tilted gantry',
      changed(three, (i) => ({ position: [0, 0.5 * i, i], gantryDetectorTilt: 26.6 })),
      ['The slices are sheared: they step at 26.6 degrees to their normal; Gantry/Detector Tilt 26.6 degrees.'],
    ],
    ['a stated tilt alone: positions decide', all({ gantryDetectorTilt: 15 }), ['accepted']],
    [
      'a slice shifted within its plane',
      changed(three, (i) => ({ position: [i === 1 ? 3 : 0, 0, i] })),
      ['Slice 2 of 3 is shifted 3.00 mm within its plane against the first.'],
    ],
  ])('%s', (_, images, reasons) => {
    expect(reasonsOf(images)).toEqual(reasons);
  });

  it('places that are no numbers to speak of', () => {
    const far = changed(three, (i) => ({ position: [0, 0, i * 1e300] }));
    expect(reasonsOf(far)).toEqual(['2 of 3 images are farther than 100 m from the origin.']);
  });

  it('more frames than can be compared; and those that can be are told apart in seconds, however odd they are', () => {
    const many = { ...one[0]!, frames: Array(20_001).fill(one[0]!.frames[0]!) };
    expect(reasonsOf([many])).toEqual(['The series has 20001 frames; 20000 are the most that are looked at together.']);
    const odd = obliqueOrientations(6000).map((orientation) => anImage(aFrame(orientation)));
    const begun = process.cpuUsage();
    expect(reasonsOf(odd).length).toBeGreaterThan(5000);
    expect(process.cpuUsage(begun).user).toBeLessThan(4e6);
    expect(reasonsOf(all({ position: undefined }).flatMap((image) => Array(4000).fill(image)))).toHaveLength(1);
  });

  it('0.1 degrees of shear pass, 0.2 do not', () => {
    const sheared = (degrees: number) =>
      changed(imagesAt([...Array(50).keys()]), (i) => ({ position: [i * Math.tan((degrees * Math.PI) / 180), 0, i] }));
    expect(reasonsOf(sheared(0.09))).toEqual(['accepted']);
    expect(reasonsOf(sheared(0.2))).toEqual(['The slices are sheared: they step at 0.2 degrees to their normal.']);
  });

  it.each([
    [{ minimumSlices: 4 }, 'The series has 3 slices and the model needs at least 4.'],
    [{ maximumSliceSpacing: 0.9 }, 'The slices are 1 mm apart and the model accepts at most 0.9 mm.'],
    [{ maximumPixelSpacing: 1 }, 'The pixels are 1.3 mm wide and the model accepts at most 1 mm.'],
  ])('a model that asks for %j', (geometry, reason) => {
    expect(reasonsOf(three, aRequest(geometry))).toEqual([reason]);
  });
});

describe('A series of several kinds of images is split', () => {
  const places = [0, 2, 4, 6];
  const labels = (images: readonly ImageHeader[]) => {
    const { stacks, refused } = assembleStacks(shuffled(images, 5), aRequest());
    return [...stacks.map(({ label, frames }) => `${label}: ${frames.length}`), ...refused.map(({ reason }) => reason)];
  };
  const each = (...kinds: Partial<FrameHeader>[]) =>
    kinds.flatMap((kind) => imagesAt(places, { modality: 'MR', ...kind }));

  it.each<[string, ImageHeader[], string[]]>([
    ['echoes', each({ echoTime: 4.92 }, { echoTime: 7.38 }), ['echo 4.92 ms: 4', 'echo 7.38 ms: 4']],
    [
      'b-values',
      each({ bValue: 0 }, { bValue: 1000 }, { bValue: 50 }),
      ['b 0 s/mm²: 4', 'b 50 s/mm²: 4', 'b 1000 s/mm²: 4'],
    ],
    [
      'gradient directions',
      each({ bValue: 0 }, { bValue: 700, gradient: [1, 0, 0] }, { bValue: 700, gradient: [0, 0, 1] }),
      [
        'b 0 s/mm²: 4',
        'b 700 s/mm², direction (0.000, 0.000, 1.000): 4',
        'b 700 s/mm², direction (1.000, 0.000, 0.000): 4',
      ],
    ],
    [
      'magnitude and phase',
      each({ imageType: ['ORIGINAL', 'PRIMARY', 'M'] }, { imageType: ['ORIGINAL', 'PRIMARY', 'P'] }),
      ['magnitude: 4', 'phase image: 4'],
    ],
    [
      'time points',
      each({ temporalPosition: 1 }, { temporalPosition: 2 }, { temporalPosition: 10 }),
      ['time point 1: 4', 'time point 2: 4', 'time point 10: 4'],
    ],
    ['phases', each({ phasePercent: 75 }, { phasePercent: 40 }), ['phase 40 %: 4', 'phase 75 %: 4']],
    [
      'acquisitions at the same places',
      each({ acquisitionNumber: 1 }, { acquisitionNumber: 2 }),
      ['acquisition 1: 4', 'acquisition 2: 4'],
    ],
    [
      'derived images among original ones',
      each({}, { imageType: ['DERIVED', 'PRIMARY'] }),
      ['original: 4', 'derived: 4'],
    ],
    ['sizes', each({}, { columns: 9 }), ['5 x 4 pixels: 4', '9 x 4 pixels: 4']],
    [
      'orientations',
      each({}, { rowDirection: [0, 1, 0], columnDirection: [0, 0, -1] }),
      ['axial: 4', 'sagittal: 4'].sort(),
    ],
    [
      'frames of reference',
      each({}, { frameOfReferenceUid: '1.9' }),
      ['frame of reference 1: 4', 'frame of reference 2: 4'],
    ],
    [
      'localizers among slices',
      [...each({}), ...imagesAt([0, 10], { isLocalizer: true })],
      ['no localizer: 4', '2 of 2 images are localizers (third value of Image Type).'],
    ],
    [
      'PET with and without attenuation correction',
      each(
        { modality: 'PT', pet: { correctedImage: ['ATTN', 'DECY'], radiopharmaceuticals: 1 } },
        { modality: 'PT', pet: { correctedImage: ['DECY'], radiopharmaceuticals: 1 } },
      ),
      ['corrected for ATTN DECY: 4', 'corrected for DECY: 4'],
    ],
  ])('%s', (_, images, expected) => {
    expect(labels(images).sort()).toEqual([...expected].sort());
  });

  it('echoes also where no place repeats: two halves of different echoes are no volume', () => {
    const images = changed(imagesAt([0, 2, 4, 6], { modality: 'MR' }), (i) => ({ echoTime: i < 2 ? 5 : 50 }));
    expect(labels(images)).toEqual(['echo 5 ms: 2', 'echo 50 ms: 2']);
  });

  it('not by what counts slices: acquisition numbers and times of each slice keep one stack', () => {
    const images = changed(imagesAt(places), (i) => ({
      acquisitionNumber: i,
      acquired: `2026010108000${i}`,
      triggerTime: i,
    }));
    expect(labels(images)).toEqual([': 4']);
  });

  it('by turn where the images only say how many times there are', () => {
    const times = [0, 1, 2].flatMap((time) =>
      changed(imagesAt(places, { modality: 'MR' }), (i) => ({
        instanceNumber: time * 4 + i + 1,
        numberOfTemporalPositions: 3,
        // Of each image its own: it tells nothing apart.
        triggerTime: time * 400 + i * 7,
        acquired: `2026010108${10 + time}${10 + i}`,
      })),
    );
    const { stacks } = assembleStacks(shuffled(times, 9), aRequest());
    expect(stacks.map(({ label }) => label)).toEqual(['time point 1 of 3', 'time point 2 of 3', 'time point 3 of 3']);
    const numbers = stacks.map(({ frames }) => frames.map(({ header }) => header.instanceNumber));
    expect(numbers).toEqual([
      [1, 2, 3, 4],
      [5, 6, 7, 8],
      [9, 10, 11, 12],
    ]);
    expect(labels(times.slice(1))).toEqual([
      'The 11 images lie at 4 positions: several at one place (time points, echoes, copies) are no single volume.',
    ]);
  });

  it('and a stack tells what of its series it is without', () => {
    const images = [...each({}), ...imagesAt([0, 10], { isLocalizer: true })];
    const [stack] = assembleStacks(images, aRequest()).stacks;
    expect(stack!.notes).toEqual([
      'Of the 6 images of the series 2 are not part of it: 2 of 2 images are localizers (third value of Image Type).',
    ]);
  });

  it('copies are left out where they say the same and the policy is so; their pixels are compared when the stack is opened', () => {
    const images = [
      ...imagesAt([0, 1, 2]),
      ...imagesAt([1]).map((image) => anImage({ ...image.frames[0]!, sopInstanceUid: '1.9', instanceNumber: 7 })),
    ];
    const stack = onlyStack(images, aRequest({ duplicates: 'first' }));
    expect(stack.frames.map(({ instance }) => instance)).toEqual([0, 1, 2]);
    expect(stack.copies).toMatchObject([{ of: 1, frame: { instance: 3 } }]);
    expect(stack.notes).toEqual(['1 copies of slices were left out.']);
    const other = changed(images, (i) => (i === 3 ? { rescaleIntercept: 5 } : {}));
    expect(reasonsOf(other, aRequest({ duplicates: 'first' }))[0]).toContain('differ in what they say of their pixels');
  });
});

describe('Tilted and uneven stacks, where the model takes them', () => {
  const resample = aRequest({ tilt: 'resample', spacing: 'resample' });

  /** Where a pixel of a stored slice lies by the grid, the shear and the taps of its stack. */
  function placeBy(images: readonly ImageHeader[]) {
    const { grid, shear, sliceTaps, frames, notes } = onlyStack(images, resample);
    const heights = frames.map((_, i) => {
      if (!sliceTaps) return i;
      const { first, count, offset, weights } = sliceTaps.fromGrid;
      return Array.from({ length: count[i]! }, (_w, t) => (first[i]! + t) * weights[offset[i]! + t]!).reduce(
        (a, b) => a + b,
      );
    });
    const at = (column: number, row: number, stored: number): Vec3 => {
      const [across, down] = shear?.offsets[stored] ?? [0, 0];
      return positionOf(grid, column + across, row + down, heights[stored]!);
    };
    return { grid, shear, sliceTaps, frames, notes, at };
  }

  function expectExact(images: readonly ImageHeader[]): { grid: Grid; notes: readonly string[] } {
    const { grid, frames, at, notes } = placeBy(images);
    for (const [stored, { header }] of frames.entries())
      for (const [column, row] of CORNERS)
        for (const axis of [0, 1, 2] as const)
          expect(at(column, row, stored)[axis]).toBeCloseTo(positionInSlice(header, column, row)[axis], 6);
    return { grid, notes };
  }

  it('a tilted stack lies exactly on a wider upright grid, by an offset for each slice', () => {
    for (const sign of [1, -1]) {
      const images = changed(imagesAt([0, 1, 2, 3]), (i) => ({ position: [sign * 0.2 * i, 0.5 * i, i] }));
      const { grid, notes } = expectExact(images);
      expect(dot(grid.normal, [0, 0, 1])).toBe(1);
      expect(grid).toMatchObject({ columns: 6, rows: 6, slices: 4, sliceSpacing: 1 });
      expect(notes).toEqual([
        'The slices are sheared: they step at 28.3 degrees to their normal. They were put upright for the model, and its result was laid back onto them.',
      ]);
    }
  });

  it('uneven and missing slices lie at their true places between slices of a regular grid', () => {
    const { grid, notes } = expectExact(imagesAt([0, 4, 8, 9.1, 16]));
    expect(grid).toMatchObject({ slices: 5, sliceSpacing: 4 });
    expect(notes[0]).toContain('2 of 4 steps differ from 4.00 mm');
    expect(expectExact(imagesAt([0, 5, 10, 20])).grid).toMatchObject({ slices: 5, sliceSpacing: 5 });
  });

  it('both at once', () => {
    const places = [0, 4, 8, 15, 22];
    expectExact(changed(imagesAt(places), (i) => ({ position: [0, places[i]! * 0.15, places[i]!] })));
  });

  it('the taps onto the grid are linear, and exact where a slice lies on it', () => {
    const { sliceTaps } = placeBy(imagesAt([0, 4, 8, 9.1, 16]));
    const { first, count, offset, weights } = sliceTaps!.toGrid;
    const taps = [...first].map((from, i) => [from, [...weights.slice(offset[i]!, offset[i]! + count[i]!)]]);
    expect(taps.slice(0, 3)).toEqual([
      [0, [1]],
      [1, [1]],
      [2, [1]],
    ]);
    const [from, [low, high]] = taps[3] as [number, [number, number]];
    expect(from).toBe(3);
    expect(low * 9.1 + high * 16).toBeCloseTo(12, 9);
  });

  it.each<[string, ImageHeader[], string]>([
    [
      'a slice beside the line of the others',
      changed(imagesAt([0, 1, 2, 3]), (i) => ({ position: [i === 2 ? 1 : 0, 0.5 * i, i] })),
      'Slice 3 of 4 is shifted 1.00 mm within its plane against a line through the first and the last.',
    ],
    [
      'slices too far apart to say what is between',
      imagesAt([0, 1, 2, 300]),
      '297 slices are missing: between 2.00 mm and 300.00 mm along the normal (step 298.00 mm, the others 1.00 mm). Even steps would make 301 slices of 4.',
    ],
    [
      'a shear that no gantry has',
      changed(imagesAt([0, 1, 2, 3]), (i) => ({ position: [0, 9 * i, i] })),
      'The slices are sheared so far that they would fill 5 x 25 pixels upright.',
    ],
  ])('but not %s', (_, images, reason) => {
    expect(reasonsOf(images, resample)).toEqual([reason]);
  });
});

describe('Images and cines', () => {
  const flat = (other: Partial<FrameHeader>) =>
    anImage(
      aFrame({ modality: 'DX', position: undefined, rowDirection: undefined, columnDirection: undefined, ...other }),
    );
  const image = aRequest({}, { kind: 'image' });

  it('an image has no place in the patient, and says whether its pixel distances are worth anything', () => {
    const { grid, placed, calibration, units, notes } = onlyStack([flat({ calibration: 'detector' })], image);
    expect(grid).toMatchObject({
      columns: 5,
      rows: 4,
      slices: 1,
      columnSpacing: 0.7,
      rowSpacing: 1.3,
      origin: [0, 0, 0],
    });
    expect({ placed, calibration, units }).toEqual({ placed: false, calibration: 'detector', units: 'stored' });
    expect(notes).toEqual([
      'Pixel distances are those at the detector and not in the patient: no length follows from them.',
    ]);
    expect(onlyStack([flat({ calibration: 'calibrated' })], image).notes).toEqual([]);
  });

  it('a MONOCHROME1 image is turned round, and told so; each image of a series stands for itself', () => {
    const { stacks } = assembleStacks([flat({ photometricInterpretation: 'MONOCHROME1' }), flat({})], image);
    expect(stacks.map(({ label, frames }) => [label, frames[0]!.header.inverted])).toEqual([
      ['image 1', true],
      ['image 2', undefined],
    ]);
  });

  it('one slice of a volume has a place', () => {
    expect(onlyStack(imagesAt([3]), image)).toMatchObject({ placed: true, grid: { slices: 1, origin: [0, 0, 3] } });
  });

  const cine = (count: number, other: Partial<ImageHeader> = {}): ImageHeader => {
    const single = flat({ samplesPerPixel: 3, photometricInterpretation: 'RGB' });
    const frames = Array.from({ length: count }, (_, i) => ({ ...single.frames[0]!, frame: i + 1 }));
    return { ...single, isCine: true, isMultiFrame: true, frames, ...other };
  };

  it('a cine keeps its frames in time', () => {
    const stack = onlyStack([cine(30)], aRequest({}, { kind: 'cine' }));
    expect(stack).toMatchObject({ kind: 'cine', channels: 3, units: 'RGB', placed: false, grid: { slices: 30 } });
    expect(stack.frames.map(({ frame }) => frame)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
  });

  it.each<[string, ImageHeader, 'image' | 'colour-image' | 'cine', string]>([
    ['colour', flat({ samplesPerPixel: 3 }), 'image', 'The image is in colour; a grey one is asked for.'],
    ['grey', flat({}), 'colour-image', 'The image is grey; a colour image is asked for.'],
    ['a cine', cine(3), 'colour-image', 'The object has 3 frames; one image is asked for.'],
    ['one frame', cine(1), 'cine', 'The object has one frame; a cine needs two or more.'],
    [
      'frames that are no times',
      cine(4, { isCine: false }),
      'cine',
      'The 4 frames of the object do not say that they follow each other in time.',
    ],
    ['HSV', flat({ photometricInterpretation: 'HSV' }), 'image', 'The image is HSV, with one sample per pixel.'],
  ])('%s where another kind is asked for', (_, header, kind, reason) => {
    expect(reasonsOf([header], aRequest({}, { kind }))).toEqual([reason]);
  });
});
