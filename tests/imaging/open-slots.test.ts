import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { dataset, type Fields } from '../../src/dicom/build.ts';
import { encodePart10 } from '../../src/dicom/write.ts';
import { assembleStacks } from '../../src/imaging/assemble/assemble-stacks.ts';
import { openSlots } from '../../src/imaging/open-slots.ts';
import type { OpenSlot } from '../../src/imaging/volume-messages.ts';
import { writeValues } from '../../src/imaging/volume-planes.ts';
import { aRequest } from './assemble/headers.ts';
import { seriesOf } from './assemble/real-series.ts';

const folder = mkdtempSync(join(tmpdir(), 'voxgate-slots-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let written = 0;

/** An image of 3 × 2 pixels as a file. */
function file(fields: Fields, pixels: readonly number[]): string {
  written += 1;
  const image = dataset({
    ...{ SOPClassUID: '1.2.840.10008.5.1.4.1.1.7', SOPInstanceUID: `1.2.3.${written}`, Modality: 'DX' },
    ...{ SeriesInstanceUID: '1.2.4', StudyInstanceUID: '1.2.5', Rows: 2, Columns: 3, SamplesPerPixel: 1 },
    ...{
      PhotometricInterpretation: 'MONOCHROME2',
      BitsAllocated: 16,
      BitsStored: 12,
      HighBit: 11,
      PixelRepresentation: 0,
    },
    ...fields,
  });
  const path = join(folder, `${written}.dcm`);
  writeFileSync(path, encodePart10(image, { binary: { '7FE00010': Buffer.from(Uint16Array.from(pixels).buffer) } }));
  return path;
}

async function valuesOf(path: string, asShown = false): Promise<number[]> {
  const series = seriesOf([path]);
  const { stacks, refused } = assembleStacks(series.headers, aRequest({}, { kind: 'image' }));
  if (!stacks[0]) throw new Error(refused[0]?.reason);
  const [volume] = await openSlots([series.slotOf(stacks[0], asShown)]);
  const values = new Float32Array(6);
  writeValues(volume!.slices[0]!, values);
  return [...values];
}

const PIXELS = [0, 1, 100, 2000, 4000, 4095];

describe('Values of one image', () => {
  it('the same picture has the same values as MONOCHROME1 and MONOCHROME2, also after rescale', async () => {
    const rescale = { RescaleSlope: 2, RescaleIntercept: -10 };
    const plain = await valuesOf(file(rescale, PIXELS));
    expect(plain).toEqual(PIXELS.map((value) => value * 2 - 10));
    const turned = PIXELS.map((value) => 4095 - value);
    expect(await valuesOf(file({ ...rescale, PhotometricInterpretation: 'MONOCHROME1' }, turned))).toEqual(plain);
  });

  it('signed values of 12 bits are taken with their sign, whatever stands in the bits above', async () => {
    const signed = { PixelRepresentation: 1, PhotometricInterpretation: 'MONOCHROME1' };
    expect(await valuesOf(file({ PixelRepresentation: 1 }, [0x0fff, 0xf800, 0x77ff, 0, 1, 2]))).toEqual([
      -1, -2048, 2047, 0, 1, 2,
    ]);
    expect(await valuesOf(file(signed, [0x0fff, 0x0800, 0x07ff, 0, 1, 2]))).toEqual([0, 2047, -2048, -1, -2, -3]);
  });

  it('as they are shown: through the window, 0 to 1, and turned round once only where MONOCHROME1 also says INVERSE', async () => {
    const window = { WindowCenter: 2000.5, WindowWidth: 2001, VOILUTFunction: 'LINEAR' };
    const shown = await valuesOf(file(window, PIXELS), true);
    const expected = [0, 0, 0, 0.5, 1, 1];
    for (const [i, value] of expected.entries()) expect(shown[i]).toBeCloseTo(value, 3);
    const turned = await valuesOf(
      file({ ...window, PhotometricInterpretation: 'MONOCHROME1', PresentationLUTShape: 'INVERSE' }, PIXELS),
      true,
    );
    for (const [i, value] of expected.entries()) expect(turned[i]).toBeCloseTo(1 - value, 3);
  });

  it('padding is nothing', async () => {
    expect(await valuesOf(file({ PixelPaddingValue: 4000, PixelPaddingRangeLimit: 4095 }, PIXELS))).toEqual([
      0, 1, 100, 2000, 0, 0,
    ]);
  });
});

describe('Slots', () => {
  const slices = (fields: Fields = {}, places: readonly number[] = [0, 1, 2], pixels = PIXELS): OpenSlot => {
    const series = seriesOf(
      places.map((z) =>
        file(
          {
            Modality: 'MR',
            ImagePositionPatient: [0, 0, z],
            ImageOrientationPatient: [1, 0, 0, 0, 1, 0],
            PixelSpacing: [1, 1],
            FrameOfReferenceUID: '1.2.6',
            ...fields,
          },
          pixels,
        ),
      ),
    );
    const { stacks, refused } = assembleStacks(series.headers, aRequest({ duplicates: 'first' }));
    if (!stacks[0]) throw new Error(refused[0]?.reason);
    return series.slotOf(stacks[0]);
  };

  it('the second is laid onto the grid of the first', async () => {
    const volumes = await openSlots([slices(), slices({}, [0.5, 1.5])]);
    expect(volumes[1]!.grid).toEqual(volumes[0]!.grid);
    expect(volumes[1]!.slices.map(({ samples }) => samples[3])).toEqual([2000, 2000, 2000]);
  });

  it.each<[string, () => OpenSlot[], string]>([
    ['no slot', () => [], 'No series fills an input of the model.'],
    [
      'another frame of reference',
      () => [slices(), slices({ FrameOfReferenceUID: '1.2.7' })],
      'The inputs do not lie on each other: their Frame of Reference UIDs (0020,0052) differ.',
    ],
    [
      'one without a place',
      () => [slices(), { ...slices(), placed: false }],
      'The inputs do not lie on each other: one has a place in the patient and the other has none.',
    ],
    [
      'copies whose pixels differ',
      () => {
        const slot = slices();
        const other = slices({}, [0, 1], [...PIXELS].reverse());
        return [{ ...slot, copies: [{ of: 1, source: other.slices[0]! }] }];
      },
      'Slice 2 of 3 is there twice, and the pixels differ: several scans at one place are no single volume.',
    ],
    [
      'a volume beyond all bounds',
      () => [{ ...slices(), grid: { ...slices().grid, columns: 65_535, rows: 65_535 } }],
      'A volume of 65535 x 65535 x 3 voxels is too large.',
    ],
    [
      'a slice too few',
      () => [{ ...slices(), slices: slices().slices.slice(1) }],
      'The slices do not fill a grid of 3 x 2 x 3.',
    ],
  ])('%s is refused', async (_, slots, message) => {
    await expect(openSlots(slots())).rejects.toMatchObject({ message });
  });

  it('copies whose pixels are the same are one slice', async () => {
    const [volume] = await openSlots([slices({}, [0, 1, 1, 2])]);
    expect(volume!.slices).toHaveLength(3);
  });
});
