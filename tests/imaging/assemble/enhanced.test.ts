import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { dataset, type Fields } from '../../../src/dicom/build.ts';
import { frameIndex, readFrame } from '../../../src/dicom/frames.ts';
import { bufferSource, parsePart10 } from '../../../src/dicom/parse.ts';
import { numbers } from '../../../src/dicom/read-values.ts';
import { encodePart10 } from '../../../src/dicom/write.ts';
import { assembleStacks } from '../../../src/imaging/assemble/assemble-stacks.ts';
import { imageHeaderOf } from '../../../src/imaging/assemble/read-frames.ts';
import { openSlots } from '../../../src/imaging/open-slots.ts';
import { phantomStudy } from '../../../src/imaging/phantom-study.ts';
import { writeValues } from '../../../src/imaging/volume-planes.ts';
import { shuffled } from '../slices.ts';
import { aRequest, onlyStack } from './headers.ts';
import { seriesOf } from './real-series.ts';

const folder = mkdtempSync(join(tmpdir(), 'voxgate-enhanced-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const LITTLE_ENDIAN = '1.2.840.10008.1.2.1';

/** An Enhanced CT of the slices of the phantom, in no order, with a slope and intercept of its own for each frame. */
function enhancedPhantom(): { readonly classic: string[]; readonly enhanced: string } {
  const files = [...phantomStudy({ slices: 9, rows: 32, columns: 48 })];
  const classic = files.map(({ bytes, sopInstanceUid }) => {
    const path = join(folder, `${sopInstanceUid}.dcm`);
    writeFileSync(path, bytes);
    return path;
  });
  const slices = shuffled(files, 4).map(({ bytes }, i) => {
    const source = bufferSource(bytes);
    const parsed = parsePart10(source);
    const pixels = readFrame(frameIndex(parsed, source)!, 1, source);
    const slope = i % 2 === 0 ? 1 : 0.5;
    const stored = new Uint16Array(new Uint8Array(pixels).buffer).map((value) => value / slope);
    return { ds: parsed.dataset, pixels: Buffer.from(stored.buffer), slope };
  });
  const first = slices[0]!.ds;
  const object = {
    ...dataset({
      SOPClassUID: '1.2.840.10008.5.1.4.1.1.2.1',
      SOPInstanceUID: '1.2.826.0.1.9',
      ImageType: ['ORIGINAL', 'PRIMARY', 'VOLUME', 'NONE'],
      NumberOfFrames: slices.length,
      SharedFunctionalGroupsSequence: [
        {
          PlaneOrientationSequence: [{ ImageOrientationPatient: [1, 0, 0, 0, 1, 0] }],
          PixelMeasuresSequence: [{ PixelSpacing: numbers(first, 'PixelSpacing'), SliceThickness: 5 }],
          CTImageFrameTypeSequence: [{ FrameType: ['ORIGINAL', 'PRIMARY', 'VOLUME', 'NONE'] }],
        },
      ],
      PerFrameFunctionalGroupsSequence: slices.map(({ ds, slope }, i) => ({
        FrameContentSequence: [{ StackID: '1', InStackPositionNumber: i + 1, FrameAcquisitionNumber: 1 }],
        PlanePositionSequence: [{ ImagePositionPatient: numbers(ds, 'ImagePositionPatient') }],
        PixelValueTransformationSequence: [{ RescaleIntercept: -1024, RescaleSlope: slope, RescaleType: 'HU' }],
      })),
    }),
  };
  const kept = Object.entries(first).filter(
    ([tag]) =>
      !(tag in object) &&
      !['00200032', '00200037', '00280030', '00281052', '00281053', '7FE00010', '00020010'].includes(tag),
  );
  const enhanced = join(folder, 'enhanced.dcm');
  const all = Object.fromEntries([...kept, ...Object.entries(object)].sort(([a], [b]) => (a < b ? -1 : 1)));
  writeFileSync(
    enhanced,
    encodePart10(all, {
      transferSyntaxUid: LITTLE_ENDIAN,
      binary: { '7FE00010': Buffer.concat(slices.map(({ pixels }) => pixels)) },
    }),
  );
  return { classic, enhanced };
}

describe('An enhanced multi-frame object', () => {
  it('is the same volume as the classic series it was made of: same grid, same values, a rescale for each frame', async () => {
    const { classic, enhanced } = enhancedPhantom();
    const [one, other] = [seriesOf(classic), seriesOf([enhanced])];
    const want = aRequest({}, { units: 'HU' });
    const [a, b] = [onlyStack(one.headers, want), onlyStack(other.headers, want)];
    expect(b.grid).toEqual(a.grid);
    expect(new Set(b.frames.map(({ frame }) => frame)).size).toBe(9);
    const [expected, got] = [await openSlots([one.slotOf(a)]), await openSlots([other.slotOf(b)])];
    const [u, v] = [new Float32Array(32 * 48), new Float32Array(32 * 48)];
    for (let slice = 0; slice < 9; slice++) {
      writeValues(expected[0]!.slices[slice]!, u);
      writeValues(got[0]!.slices[slice]!, v);
      expect([...v]).toEqual([...u]);
    }
  });

  const groups = (frames: readonly Fields[], shared: Fields = {}, other: Fields = {}) =>
    imageHeaderOf(
      dataset({
        ...{ SOPClassUID: '1.2.840.10008.5.1.4.1.1.4.1', SOPInstanceUID: '1.2.9', Modality: 'MR', Rows: 4, Columns: 5 },
        ...{ BitsAllocated: 16, BitsStored: 12, HighBit: 11, PixelRepresentation: 0, SamplesPerPixel: 1 },
        ...{ PhotometricInterpretation: 'MONOCHROME2', FrameOfReferenceUID: '1.2.3.4', NumberOfFrames: frames.length },
        SharedFunctionalGroupsSequence: [
          {
            PlaneOrientationSequence: [{ ImageOrientationPatient: [1, 0, 0, 0, 1, 0] }],
            PixelMeasuresSequence: [{ PixelSpacing: [1.3, 0.7] }],
            ...shared,
          },
        ],
        PerFrameFunctionalGroupsSequence: frames,
        ...other,
      }),
      LITTLE_ENDIAN,
    );
  const at = (mm: number): Fields => ({ PlanePositionSequence: [{ ImagePositionPatient: [0, 0, mm] }] });
  const labelsOf = (...headers: ReturnType<typeof groups>[]) =>
    assembleStacks(headers, aRequest()).stacks.map(({ label, frames }) => `${label}: ${frames.length}`);

  it.each<[string, (mm: number) => Fields[], string[]]>([
    [
      'echoes',
      (mm) => [5, 10].map((ms) => ({ ...at(mm), MREchoSequence: [{ EffectiveEchoTime: ms }] })),
      ['echo 5 ms: 3', 'echo 10 ms: 3'],
    ],
    [
      'b-values and directions',
      (mm) => [
        { ...at(mm), MRDiffusionSequence: [{ DiffusionBValue: 0, DiffusionDirectionality: 'NONE' }] },
        ...[
          [1, 0, 0],
          [0, 1, 0],
        ].map((direction) => ({
          ...at(mm),
          MRDiffusionSequence: [
            {
              DiffusionBValue: 800,
              DiffusionDirectionality: 'DIRECTIONAL',
              DiffusionGradientDirectionSequence: [{ DiffusionGradientOrientation: direction }],
            },
          ],
        })),
        { ...at(mm), MRDiffusionSequence: [{ DiffusionBValue: 800, DiffusionDirectionality: 'ISOTROPIC' }] },
      ],
      [
        'b 0 s/mm²: 3',
        'b 800 s/mm², no direction: 3',
        'b 800 s/mm², direction (0.000, 1.000, 0.000): 3',
        'b 800 s/mm², direction (1.000, 0.000, 0.000): 3',
      ],
    ],
    [
      'time points',
      (mm) => [1, 2].map((time) => ({ ...at(mm), FrameContentSequence: [{ TemporalPositionIndex: time }] })),
      ['time point 1: 3', 'time point 2: 3'],
    ],
    [
      'cardiac phases',
      (mm) =>
        [30, 75].map((percent) => ({
          ...at(mm),
          CardiacSynchronizationSequence: [{ NominalPercentageOfCardiacPhase: percent }],
        })),
      ['phase 30 %: 3', 'phase 75 %: 3'],
    ],
    [
      'magnitude and phase',
      (mm) =>
        ['MAGNITUDE', 'PHASE'].map((component) => ({
          ...at(mm),
          MRImageFrameTypeSequence: [{ ComplexImageComponent: component }],
        })),
      ['magnitude: 3', 'phase image: 3'],
    ],
    [
      'of a legacy converted object what found no group',
      (mm) => [5, 10].map((ms) => ({ ...at(mm), UnassignedPerFrameConvertedAttributesSequence: [{ EchoTime: ms }] })),
      ['echo 5 ms: 3', 'echo 10 ms: 3'],
    ],
  ])('is split by its functional groups: %s', (_, frames, labels) => {
    expect(labelsOf(groups([0, 2, 4].flatMap(frames)))).toEqual(labels);
  });

  it('or by a dimension that only its index knows', () => {
    const frames = [0, 2, 4].flatMap((mm, i) =>
      [1, 2].map((kind) => ({ ...at(mm), FrameContentSequence: [{ DimensionIndexValues: [1, i + 1, kind] }] })),
    );
    const dimensions = ['00209056', '00209057', '00189005'].map((tag) => ({ DimensionIndexPointer: tag }));
    expect(labelsOf(groups(frames, {}, { DimensionIndexSequence: dimensions }))).toEqual([
      'dimension 1: 3',
      'dimension 2: 3',
    ]);
  });

  it('frames of several objects of one series make one volume', () => {
    expect(labelsOf(groups([at(0), at(4)]), groups([at(2), at(6)]))).toEqual([': 4']);
  });

  it('a value of the frame stands before that of all, and a real world value mapping of a frame is its own', () => {
    const mapping = (slope: number): Fields => ({
      RealWorldValueMappingSequence: [
        {
          ...{ RealWorldValueFirstValueMapped: 0, RealWorldValueLastValueMapped: 4095 },
          ...{ RealWorldValueSlope: slope, RealWorldValueIntercept: 0, LUTLabel: 'ADC' },
          MeasurementUnitsCodeSequence: [{ CodeValue: 'um2/s', CodingSchemeDesignator: 'UCUM', CodeMeaning: 'um2/s' }],
        },
      ],
    });
    const header = groups([at(0), { ...at(2), ...mapping(3) }], mapping(2));
    const stack = onlyStack([header]);
    expect(stack.units).toBe('um2/s');
    expect(stack.frames.map((frame) => frame.header.rescaleSlope)).toEqual([2, 3]);
  });

  it('that describes fewer frames than it says it has, or says absurdly many, has none: none is lost in silence', () => {
    expect(groups([at(0), at(2)], {}, { NumberOfFrames: 9 }).frames).toEqual([]);
    expect(imageHeaderOf(dataset({ NumberOfFrames: 2_000_000_000, Modality: 'US' }), LITTLE_ENDIAN).frames).toEqual([]);
  });
});
