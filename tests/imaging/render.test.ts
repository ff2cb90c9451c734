import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, it } from 'vitest';
import { dataset, type Fields } from '../../src/dicom/build.ts';
import { encodePart10 } from '../../src/dicom/write.ts';
import { render } from '../../src/imaging/render.ts';
import { fromDisplayCieLab } from '../../src/imaging/render-cielab.ts';
import { place, turned } from '../../src/imaging/render-geometry.ts';
import type { Look, RenderRequest, StoredObject } from '../../src/imaging/render-request.ts';
import { displayCieLab } from '../../src/results/cielab.ts';
import { anInstance } from '../support/instances.ts';

const folder = mkdtempSync(join(tmpdir(), 'voxgate-render-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const words = (values: readonly number[]): Uint8Array => new Uint8Array(Uint16Array.from(values).buffer);

function anObject(fields: Fields, binary: Readonly<Record<string, Uint8Array>>): StoredObject {
  const bytes = encodePart10(dataset(anInstance(fields)), { transferSyntaxUid: '1.2.840.10008.1.2.1', binary });
  files += 1;
  const path = join(folder, `${files}.dcm`);
  writeFileSync(path, bytes);
  return { path, size: bytes.length };
}

/** 4 x 4: 0, 16, 32 … 240. */
const RAMP = Uint8Array.from({ length: 16 }, (_, i) => i * 16);
const anImage = (fields: Fields = {}, pixels: Uint8Array = RAMP): StoredObject =>
  anObject(fields, { '7FE00010': pixels });

async function shown(request: Omit<RenderRequest, 'frames' | 'look'> & { look?: Partial<Look>; frames?: number[] }) {
  const { bytes } = await render({ frames: [1], ...request, look: { type: 'image/png', ...request.look } });
  const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
  const pixels = Array.from({ length: info.width * info.height }, (_, i) => [
    ...data.subarray(i * info.channels, (i + 1) * info.channels),
  ]);
  return { width: info.width, height: info.height, pixels, greys: pixels.map(([grey]) => grey) };
}

describe('Values to greys (PS3.4 N.2)', () => {
  it('takes a Modality LUT and a VOI LUT instead of slope and window (PS3.3 C.11.1, C.11.2)', async () => {
    const modality = {
      LUTDescriptor: { vr: 'US', Value: [4, 0, 16] },
      ModalityLUTType: 'US',
      LUTData: { vr: 'US', Value: [300, 200, 100, 0] },
    } as const;
    const voi = {
      LUTDescriptor: { vr: 'US', Value: [301, 0, 8] },
      LUTData: { vr: 'US', Value: Array.from({ length: 301 }, (_, i) => (i < 150 ? 0 : i < 250 ? 128 : 255)) },
    } as const;
    const image = anImage(
      { ModalityLUTSequence: [modality], VOILUTSequence: [voi] },
      Uint8Array.from([0, 1, 2, 3, 9, 9, 9, 9, 0, 0, 0, 0, 1, 1, 1, 1]),
    );
    const { greys } = await shown({ object: image });
    expect(greys).toEqual([255, 128, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 128, 128, 128, 128]);
  });

  it('spreads what is found over all greys where nothing is said, padding apart', async () => {
    const values = [-2000, 0, 10, 20, -2000, 30, 40, 50, 60, 70, 80, 90, 100, 100, 100, 100];
    const fields = {
      BitsAllocated: 16,
      BitsStored: 16,
      HighBit: 15,
      PixelRepresentation: 1,
      PixelPaddingValue: { vr: 'SS', Value: [-2000] },
    } as const;
    const { greys } = await shown({ object: anImage(fields, new Uint8Array(Int16Array.from(values).buffer)) });
    expect(greys).toEqual(values.map((value) => Math.round((Math.max(0, value) / 100) * 255)));
  });

  it('drops bits above High Bit and keeps the sign (PS3.5 8.1.1)', async () => {
    const stored = [0x7fff, 0x0800, 0xf000, 0x07ff, ...Array<number>(12).fill(0)];
    const fields = {
      BitsAllocated: 16,
      BitsStored: 12,
      HighBit: 11,
      PixelRepresentation: 1,
      WindowCenter: [0],
      WindowWidth: [4096],
    };
    const { greys } = await shown({ object: anImage(fields, words(stored)) });
    expect(greys.slice(0, 4)).toEqual([127, 0, 128, 255]);
  });

  it('takes rescaling and window of an enhanced frame from its functional groups (C.7.6.16)', async () => {
    const groups = (slope: number): Fields => ({
      PixelValueTransformationSequence: [{ RescaleIntercept: 0, RescaleSlope: slope, RescaleType: 'US' }],
    });
    const object = anImage(
      {
        NumberOfFrames: 2,
        SharedFunctionalGroupsSequence: [{ FrameVOILUTSequence: [{ WindowCenter: [255.5], WindowWidth: [511] }] }],
        PerFrameFunctionalGroupsSequence: [groups(1), groups(2)],
      },
      Uint8Array.from([...RAMP, ...RAMP]),
    );
    const [first, second] = [await shown({ object, frames: [1] }), await shown({ object, frames: [2] })];
    expect(first.greys[15]).toBe(120);
    expect(second.greys[15]).toBe(240);
  });
});

describe('Palettes (PS3.3 C.7.9)', () => {
  const table = (values: readonly number[]): Fields[string] => ({ vr: 'OW', BulkDataURI: `${values.length}` });
  it('reads tables of 16 bits, and values outside take the first or last entry', async () => {
    const descriptor = { vr: 'US', Value: [4, 2, 16] } as const;
    const object = anObject(
      {
        PhotometricInterpretation: 'PALETTE COLOR',
        RedPaletteColorLookupTableDescriptor: descriptor,
        GreenPaletteColorLookupTableDescriptor: descriptor,
        BluePaletteColorLookupTableDescriptor: descriptor,
        RedPaletteColorLookupTableData: table([1]),
        GreenPaletteColorLookupTableData: table([1]),
        BluePaletteColorLookupTableData: table([1]),
      },
      {
        '00281201': words([0, 0x4000, 0x8000, 0xff00]),
        '00281202': words([0xff00, 0, 0, 0]),
        '00281203': words([0, 0, 0xff00, 0]),
        '7FE00010': Uint8Array.from([0, 2, 3, 4, 5, 200, ...Array<number>(10).fill(2)]),
      },
    );
    const { pixels } = await shown({ object });
    expect(pixels.slice(0, 6)).toEqual([
      [0, 255, 0],
      [0, 255, 0],
      [64, 0, 0],
      [128, 0, 255],
      [255, 0, 0],
      [255, 0, 0],
    ]);
  });

  it('expands segmented tables: runs, lines and repetitions (C.7.9.2)', async () => {
    const descriptor = { vr: 'US', Value: [8, 0, 16] } as const;
    // Two entries; a line of two to 0x4000; the line again from 0x4000: flat; two entries more.
    const segmented = words([0, 2, 0, 0x2000, 1, 2, 0x4000, 2, 1, 8, 0, 0, 2, 0x8000, 0xff00]);
    const object = anObject(
      {
        PhotometricInterpretation: 'PALETTE COLOR',
        RedPaletteColorLookupTableDescriptor: descriptor,
        GreenPaletteColorLookupTableDescriptor: descriptor,
        BluePaletteColorLookupTableDescriptor: descriptor,
        SegmentedRedPaletteColorLookupTableData: table([1]),
        SegmentedGreenPaletteColorLookupTableData: table([1]),
        SegmentedBluePaletteColorLookupTableData: table([1]),
      },
      {
        '00281221': segmented,
        '00281222': segmented,
        '00281223': segmented,
        '7FE00010': Uint8Array.from({ length: 16 }, (_, i) => i),
      },
    );
    const { greys } = await shown({ object });
    expect(greys.slice(0, 8)).toEqual([0, 0x20, 0x30, 0x40, 0x40, 0x40, 0x80, 0xff]);
  });

  it('refuses a table that breaks off', async () => {
    const descriptor = { vr: 'US', Value: [8, 0, 16] } as const;
    const object = anObject(
      {
        PhotometricInterpretation: 'PALETTE COLOR',
        RedPaletteColorLookupTableDescriptor: descriptor,
        GreenPaletteColorLookupTableDescriptor: descriptor,
        BluePaletteColorLookupTableDescriptor: descriptor,
        RedPaletteColorLookupTableData: table([1]),
      },
      { '00281201': words([1, 2]), '7FE00010': RAMP },
    );
    await expect(shown({ object })).rejects.toMatchObject({ code: 'undecodable' });
  });
});

describe('Geometry', () => {
  const picture = { width: 3, height: 2, channels: 1, data: Uint8Array.from([1, 2, 3, 4, 5, 6]) } as const;
  const whole = { x: 0, y: 0, width: 3, height: 2 };

  it.each([
    [0, false, [1, 2, 3, 4, 5, 6]],
    [90, false, [4, 1, 5, 2, 6, 3]],
    [180, false, [6, 5, 4, 3, 2, 1]],
    [270, false, [3, 6, 2, 5, 1, 4]],
    [90, true, [1, 4, 2, 5, 3, 6]],
  ] as const)(
    'turns by %i degrees clockwise, then mirrors if %s (PS3.3 C.10.6)',
    (rotation, flipHorizontally, expected) => {
      const turn = { rotation, flipHorizontally, flipVertically: false };
      const result = place(picture, whole, turn);
      expect([...result.data]).toEqual(expected);
      // The middle of each pixel comes to lie where the pixel does.
      for (let y = 0; y < 2; y++) {
        for (let x = 0; x < 3; x++) {
          const [u, v] = turned([x + 0.5, y + 0.5], whole, turn);
          expect(result.data[Math.floor(v) * result.width + Math.floor(u)]).toBe(picture.data[y * 3 + x]);
        }
      }
    },
  );

  it('is black where a displayed area reaches beyond the image', () => {
    const { data } = place(
      picture,
      { x: -1, y: 0, width: 3, height: 3 },
      { rotation: 0, flipHorizontally: false, flipVertically: false },
    );
    expect([...data]).toEqual([0, 1, 2, 0, 4, 5, 0, 0, 0]);
  });
});

describe('Presentation states (PS3.3 A.33.1)', () => {
  const aState = (fields: Fields): StoredObject =>
    anObject(
      { SOPClassUID: '1.2.840.10008.5.1.4.1.1.11.1', SOPInstanceUID: '1.2.3.4.9', Rows: undefined, ...fields },
      { '7FE00010': new Uint8Array(2) },
    );
  const area = (corners: readonly number[]): Fields => ({
    DisplayedAreaSelectionSequence: [
      {
        DisplayedAreaTopLeftHandCorner: { vr: 'SL', Value: corners.slice(0, 2) },
        DisplayedAreaBottomRightHandCorner: { vr: 'SL', Value: corners.slice(2) },
        PresentationSizeMode: 'SCALE TO FIT',
        PresentationPixelAspectRatio: [1, 1],
      },
    ],
  });

  it('say it all: the rescaling of the image is left aside, theirs is used, and so is their shape', async () => {
    const object = anImage({ RescaleSlope: 5, RescaleIntercept: 7, PhotometricInterpretation: 'MONOCHROME1' });
    const plain = await shown({ object, presentation: aState({ PresentationLUTShape: 'IDENTITY' }) });
    expect(plain.greys).toEqual([...RAMP]);
    const inverse = await shown({ object, presentation: aState({ PresentationLUTShape: 'INVERSE' }) });
    expect(inverse.greys).toEqual([...RAMP].map((grey) => 255 - grey));
    const voi = {
      SoftcopyVOILUTSequence: [{ WindowCenter: [100], WindowWidth: [2] }],
      PresentationLUTShape: 'IDENTITY',
    };
    expect((await shown({ object, presentation: aState(voi) })).greys).toEqual(
      [...RAMP].map((v) => (v < 100 ? 0 : 255)),
    );
  });

  it('cut out, turn and mirror: area in pixels before turning, rotation clockwise, then the mirror', async () => {
    const presentation = aState({ ...area([2, 1, 4, 2]), ImageRotation: 90, ImageHorizontalFlip: 'Y' });
    const { width, height, greys } = await shown({ object: anImage(), presentation });
    expect([width, height]).toEqual([2, 3]);
    // Rows 16 32 48 and 80 96 112; turned: 80 16, 96 32, 112 48; mirrored:
    expect(greys).toEqual([16, 80, 32, 96, 48, 112]);
  });

  it('cover what lies outside a shutter', async () => {
    const presentation = aState({
      ShutterShape: 'RECTANGULAR',
      ShutterLeftVerticalEdge: 2,
      ShutterRightVerticalEdge: 3,
      ShutterUpperHorizontalEdge: 1,
      ShutterLowerHorizontalEdge: 4,
      ShutterPresentationValue: 0xffff,
    });
    const { greys } = await shown({ object: anImage(), presentation });
    expect(greys.slice(0, 4)).toEqual([255, 16, 32, 255]);
  });

  it('draw lines where the image goes', async () => {
    const presentation = aState({
      ...area([1, 1, 4, 4]),
      GraphicAnnotationSequence: [
        {
          GraphicLayer: 'A',
          GraphicObjectSequence: [
            {
              GraphicAnnotationUnits: 'PIXEL',
              GraphicDimensions: 2,
              NumberOfGraphicPoints: 2,
              GraphicData: { vr: 'FL', Value: [3, 0, 3, 4] },
              GraphicType: 'POLYLINE',
              GraphicFilled: 'N',
            },
          ],
        },
      ],
      ImageHorizontalFlip: 'Y',
    });
    const { pixels } = await shown({
      object: anImage({}, new Uint8Array(16).fill(60)),
      presentation,
      look: { viewport: { width: 80, height: 80 } },
    });
    const row = pixels.slice(40 * 80, 41 * 80).map(([grey]) => grey ?? 0);
    // Column 3 of 4 from the left is 1 of 4 after mirroring.
    expect(row.indexOf(Math.max(...row))).toBeGreaterThanOrEqual(19);
    expect(row.indexOf(Math.max(...row))).toBeLessThanOrEqual(20);
    expect(row[60]).toBe(60);
  });

  it.each([
    ['mask subtraction', { MaskSubtractionSequence: [{ MaskOperation: 'AVG_SUB' }] }],
    ['shutters', { ShutterShape: 'BITMAP' }],
    ['Grayscale', { SOPClassUID: '1.2.840.10008.5.1.4.1.1.11.4' }],
  ])('are refused for what would be shown wrongly: %s', async (named, fields) => {
    await expect(shown({ object: anImage(), presentation: aState(fields) })).rejects.toThrow(named);
  });
});

describe('Segmentations laid over their source (PS3.3 A.51)', () => {
  const plane = {
    ImagePositionPatient: [10, 20, 30],
    ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
    PixelSpacing: [2, 2],
    FrameOfReferenceUID: '1.2.3',
  };
  const source = anImage({ ...plane, SOPInstanceUID: '1.2.3.5' }, new Uint8Array(16).fill(100));
  const segmentation = (geometry: Partial<typeof plane>, bits: readonly number[], group: Fields = {}): StoredObject => {
    const { ImagePositionPatient, ImageOrientationPatient, PixelSpacing, FrameOfReferenceUID } = {
      ...plane,
      ...geometry,
    };
    return anObject(
      {
        SOPClassUID: '1.2.840.10008.5.1.4.1.1.66.4',
        SOPInstanceUID: '1.2.3.6',
        FrameOfReferenceUID,
        SegmentationType: 'BINARY',
        BitsAllocated: 1,
        BitsStored: 1,
        HighBit: 0,
        SegmentSequence: [{ SegmentNumber: 1, RecommendedDisplayCIELabValue: displayCieLab([255, 0, 0]) }],
        SharedFunctionalGroupsSequence: [
          { PixelMeasuresSequence: [{ PixelSpacing }], PlaneOrientationSequence: [{ ImageOrientationPatient }] },
        ],
        PerFrameFunctionalGroupsSequence: [
          {
            PlanePositionSequence: [{ ImagePositionPatient }],
            SegmentIdentificationSequence: [{ ReferencedSegmentNumber: 1 }],
            ...group,
          },
        ],
      },
      { '7FE00010': Uint8Array.from(bits) },
    );
  };
  const red = async (object: StoredObject): Promise<number[]> => {
    const { pixels } = await shown({ object: source, segmentation: { object, frames: [1] } });
    return pixels.flatMap(([r = 0, g = 0], i) => (r > g + 50 ? [i] : []));
  };

  it('marks the pixels that lie where the mask does', async () => {
    expect(await red(segmentation({}, [0b0000_0110, 0]))).toEqual([1, 2]);
  });

  it('finds them through the patient where the mask is mirrored, moved or finer', async () => {
    const mirrored = { ImagePositionPatient: [16, 20, 30], ImageOrientationPatient: [-1, 0, 0, 0, 1, 0] };
    expect(await red(segmentation(mirrored, [0b0000_0001, 0]))).toEqual([3]);
    expect(await red(segmentation({ ImagePositionPatient: [12, 22, 30] }, [0b0000_0001, 0]))).toEqual([5]);
    const turned = { ImageOrientationPatient: [0, 1, 0, 1, 0, 0] };
    expect(await red(segmentation(turned, [0b0000_0010, 0]))).toEqual([4]);
    expect(await red(segmentation({ PixelSpacing: [1, 1] }, [0b0000_0100, 0]))).toEqual([1]);
  });

  it('takes an image at its name where archives gave each slice a frame of reference of its own (LIDC-IDRI)', async () => {
    const named = {
      DerivationImageSequence: [
        {
          SourceImageSequence: [
            { ReferencedSOPClassUID: '1.2.840.10008.5.1.4.1.1.7', ReferencedSOPInstanceUID: '1.2.3.5' },
          ],
        },
      ],
    };
    expect(await red(segmentation({ FrameOfReferenceUID: '1.2.4' }, [1, 0], named))).toEqual([0]);
    const elsewhere = { FrameOfReferenceUID: '1.2.4', ImagePositionPatient: [10, 20, 31] };
    await expect(red(segmentation(elsewhere, [1, 0], named))).rejects.toThrow('another plane');
  });

  it.each([
    ['another plane', { ImagePositionPatient: [10, 20, 31] }],
    ['another frame of reference', { FrameOfReferenceUID: '1.2.4' }],
    ['another direction', { ImageOrientationPatient: [1, 0, 0, 0, 0, 1] }],
  ])('refuses a mask in %s', async (_what, geometry) => {
    await expect(red(segmentation(geometry, [1, 0]))).rejects.toMatchObject({ code: 'not-acceptable' });
  });

  it.each([
    [255, 0, 0],
    [12, 200, 99],
    [0, 0, 0],
    [255, 255, 255],
  ] as const)('shows the colour %i %i %i as it was recommended', (...rgb) => {
    const back = fromDisplayCieLab(displayCieLab([...rgb]));
    for (const [i, value] of back.entries()) expect(Math.abs(value - rgb[i]!)).toBeLessThanOrEqual(1);
  });
});
