import { describe, expect, it } from 'vitest';
import { items, number, numbers, text, texts } from '../../src/dicom/read-values.ts';
import { lintSegmentation } from '../../src/results/lint.ts';
import { visitVoxels } from '../../src/results/mask-bits.ts';
import { buildSegmentation } from '../../src/results/segmentation.ts';
import type { SegmentationInput } from '../../src/results/types.ts';
import { read } from './read.ts';
import { aGrid, anObliqueGrid, aResult, aSource, SEGMENTS } from './samples.ts';

/** Masks as a viewer puts them together: by segment and by the source instance each frame names. */
function masksBySource(bytes: Buffer): Map<string, Set<number>> {
  const { dataset, pixels } = read(bytes);
  const [rows, columns] = [number(dataset, 'Rows')!, number(dataset, 'Columns')!];
  const masks = new Map<string, Set<number>>();
  for (const [frame, groups] of items(dataset, 'PerFrameFunctionalGroupsSequence').entries()) {
    const [identification] = items(groups, 'SegmentIdentificationSequence');
    const [derivation] = items(groups, 'DerivationImageSequence');
    const [source] = items(derivation!, 'SourceImageSequence');
    const voxels = new Set<number>();
    visitVoxels({ bits: pixels, frame, rows, columns }, (index) => voxels.add(index));
    const segment = number(identification!, 'ReferencedSegmentNumber');
    masks.set(`${segment} ${text(source!, 'ReferencedSOPInstanceUID')}`, voxels);
  }
  return masks;
}

describe('buildSegmentation (PS3.3 A.51, C.8.20)', () => {
  it.each([
    ['an axial grid', aGrid()],
    ['frames that do not end on a byte', aGrid({ columns: 17, rows: 13, slices: 9 })],
    ['an oblique grid with pixels of 0.7 × 1.3 mm', anObliqueGrid({ columns: 15 })],
  ])('puts every voxel on the source image it was found in: %s', (_, grid) => {
    const { masks, segmentation } = aResult({ source: aSource({ grid }) });
    const bytes = buildSegmentation(segmentation);
    const found = masksBySource(bytes);
    const size = grid.rows * grid.columns;
    let compared = 0;
    for (const [segment, mask] of masks) {
      for (const [slice, instance] of segmentation.source.instances.entries()) {
        const voxels = found.get(`${segment} ${instance.sopInstanceUid}`) ?? new Set();
        for (let at = 0; at < size; at += 1) {
          if (voxels.has(at) !== (mask[slice * size + at] === 1))
            expect.fail(`segment ${segment} slice ${slice}: ${at}`);
          compared += 1;
        }
      }
    }
    expect(compared).toBe(2 * size * grid.slices);
    lintSegmentation(bytes, segmentation);
  });

  it('says where its frames are: spacing, thickness and orientation once, the position of each slice', () => {
    const grid = anObliqueGrid();
    const { segmentation } = aResult({ source: aSource({ grid, attributes: { SliceThickness: 5 } }) });
    const { dataset } = read(buildSegmentation(segmentation));
    const [shared] = items(dataset, 'SharedFunctionalGroupsSequence');
    const [measures] = items(shared!, 'PixelMeasuresSequence');
    expect(numbers(measures!, 'PixelSpacing')).toEqual([1.3, 0.7]);
    expect(number(measures!, 'SliceThickness')).toBe(5);
    expect(number(measures!, 'SpacingBetweenSlices')).toBe(3);
    const [orientation] = items(shared!, 'PlaneOrientationSequence');
    for (const [i, cosine] of numbers(orientation!, 'ImageOrientationPatient').entries()) {
      expect(cosine).toBeCloseTo([...grid.rowDirection, ...grid.columnDirection][i]!, 12);
    }
    const frames = items(dataset, 'PerFrameFunctionalGroupsSequence');
    expect(frames).toHaveLength(segmentation.frames.length);
    for (const [i, frame] of frames.entries()) {
      const position = numbers(items(frame, 'PlanePositionSequence')[0]!, 'ImagePositionPatient');
      const { slice } = segmentation.frames[i]!;
      for (const axis of [0, 1, 2] as const) {
        expect(position[axis]).toBeCloseTo(grid.origin[axis] + slice * 3 * grid.normal[axis], 9);
      }
    }
  });

  it('indexes its dimensions densely: the segment, and the rank of the position among its own frames (C.7.6.17)', () => {
    const { segmentation } = aResult();
    const slices = [...new Set(segmentation.frames.map((frame) => frame.slice))].sort((a, b) => a - b);
    expect(slices[0]).toBeGreaterThan(-1);
    const { dataset } = read(buildSegmentation(segmentation));
    const indexes = items(dataset, 'PerFrameFunctionalGroupsSequence').map((frame) =>
      numbers(items(frame, 'FrameContentSequence')[0]!, 'DimensionIndexValues'),
    );
    expect(indexes).toEqual(segmentation.frames.map(({ segment, slice }) => [segment, slices.indexOf(slice) + 1]));
    expect(items(dataset, 'DimensionIndexSequence').map((item) => text(item, 'DimensionIndexPointer'))).toEqual([
      '0062000B',
      '00200032',
    ]);
  });

  it('names in Referenced Series Sequence exactly the instances that have frames (C.12.2)', () => {
    const { segmentation } = aResult({ found: ['Right'] });
    const used = segmentation.frames.map(({ slice }) => segmentation.source.instances[slice]!.sopInstanceUid);
    expect(used.length).toBeLessThan(segmentation.source.instances.length);
    const { dataset } = read(buildSegmentation(segmentation));
    const [series, ...more] = items(dataset, 'ReferencedSeriesSequence');
    expect(more).toEqual([]);
    expect(text(series!, 'SeriesInstanceUID')).toBe(text(segmentation.source.attributes, 'SeriesInstanceUID'));
    const listed = items(series!, 'ReferencedInstanceSequence').map((item) => text(item, 'ReferencedSOPInstanceUID'));
    expect(listed).toEqual(used);
  });

  it('describes only what is in the data and numbers it from 1: a left lung alone is segment 1 (C.8.20.2.4)', () => {
    const { segmentation } = aResult({ found: ['Left'] });
    expect(new Set(segmentation.frames.map((frame) => frame.segment))).toEqual(new Set([2]));
    const bytes = buildSegmentation(segmentation);
    const { dataset } = read(bytes);
    const [segment, ...more] = items(dataset, 'SegmentSequence');
    expect(more).toEqual([]);
    expect(number(segment!, 'SegmentNumber')).toBe(1);
    expect(text(segment!, 'SegmentLabel')).toBe('Left lung');
    expect(text(segment!, 'TrackingUID')).toBe(SEGMENTS[1]!.trackingUid);
    lintSegmentation(bytes, segmentation);
  });

  it('codes what a segment is and which algorithm made it', () => {
    const { dataset } = read(buildSegmentation(aResult().segmentation));
    const [right] = items(dataset, 'SegmentSequence');
    const [type] = items(right!, 'SegmentedPropertyTypeCodeSequence');
    const [modifier] = items(type!, 'SegmentedPropertyTypeModifierCodeSequence');
    const [category] = items(right!, 'SegmentedPropertyCategoryCodeSequence');
    const [algorithm] = items(right!, 'SegmentationAlgorithmIdentificationSequence');
    const [family] = items(algorithm!, 'AlgorithmFamilyCodeSequence');
    expect([category, type, modifier, family].map((code) => text(code!, 'CodeValue'))).toEqual([
      '91723000',
      '39607008',
      '24028007',
      '123110',
    ]);
    expect(text(right!, 'SegmentAlgorithmType')).toBe('AUTOMATIC');
    expect(text(algorithm!, 'AlgorithmVersion')).toBe('1.2.0');
    expect(numbers(right!, 'RecommendedDisplayCIELabValue')).toHaveLength(3);
  });

  it('belongs to the patient and study of the source, and says who made it and that it is for research', () => {
    const { segmentation } = aResult();
    const { dataset } = read(buildSegmentation(segmentation));
    expect(text(dataset, 'PatientName')).toBe('Doe^Jane');
    expect(text(dataset, 'StudyInstanceUID')).toBe(text(segmentation.source.attributes, 'StudyInstanceUID'));
    expect(text(dataset, 'FrameOfReferenceUID')).toBe(text(segmentation.source.attributes, 'FrameOfReferenceUID'));
    expect(text(dataset, 'ContentQualification')).toBe('RESEARCH');
    expect([text(dataset, 'ContentDate'), text(dataset, 'ContentTime')]).toEqual(['20250304', '060607.089']);
    expect(text(dataset, 'TimezoneOffsetFromUTC')).toBe('+0100');
    const [equipment] = items(dataset, 'ContributingEquipmentSequence');
    expect(texts(equipment!, 'SoftwareVersions')).toEqual(['1.2.0', segmentation.algorithm.digest]);
    expect(text(equipment!, 'ContributionDescription')).toContain('job 42');
  });

  it('names the frame of a multi-frame source, whose one instance it references once', () => {
    const single = aSource();
    const instances = single.instances.map((_, i) => ({ ...single.instances[0]!, frameNumber: i + 1 }));
    const { segmentation } = aResult({ source: { ...single, instances } });
    const bytes = buildSegmentation(segmentation);
    const { dataset } = read(bytes);
    const [first] = items(dataset, 'PerFrameFunctionalGroupsSequence');
    const [source] = items(items(first!, 'DerivationImageSequence')[0]!, 'SourceImageSequence');
    expect(number(source!, 'ReferencedFrameNumber')).toBe(segmentation.frames[0]!.slice + 1);
    expect(items(items(dataset, 'ReferencedSeriesSequence')[0]!, 'ReferencedInstanceSequence')).toHaveLength(1);
    lintSegmentation(bytes, segmentation);
  });

  it('writes the same bytes again from the same input', () => {
    expect(buildSegmentation(aResult().segmentation).equals(buildSegmentation(aResult().segmentation))).toBe(true);
  });

  type Change = (input: SegmentationInput) => Partial<SegmentationInput>;
  const faults: [string, Change, RegExp][] = [
    ['no frames', () => ({ frames: [], pixelData: new Uint8Array(0) }), /at least one frame/],
    ['a byte too few', () => ({ pixelData: new Uint8Array(3) }), /3 bytes of pixel data/],
    ['frames out of order', ({ frames }) => ({ frames: [...frames].reverse() }), /out of order/],
    ['a frame twice', ({ frames }) => ({ frames: [frames[0]!, ...frames] }), /out of order/],
    ['a slice outside the grid', () => ({ frames: [{ segment: 1, slice: 8 }] }), /slice 8 of a grid of 8/],
    [
      'a segment without description',
      () => ({ frames: [{ segment: 3, slice: 1 }], pixelData: new Uint8Array(60) }),
      /segment 3 has results but no description/,
    ],
    ['one label for two', ({ segments }) => ({ segments: [segments[0]!, segments[0]!] }), /two segments .* one number/],
    [
      'slices without images',
      ({ source }) => ({ source: { ...source, instances: source.instances.slice(1) } }),
      /7 source instances for the 8 slices/,
    ],
  ];
  it.each(faults)('refuses %s', (_, change, sentence) => {
    const { segmentation } = aResult();
    const input = { ...segmentation, ...change(segmentation) };
    expect(() => buildSegmentation(input)).toThrow(
      expect.objectContaining({ code: 'bad-result', message: expect.stringMatching(sentence) }),
    );
  });

  it.each(['manufacturer', 'modelName', 'serialNumber', 'softwareVersion'] as const)(
    'refuses a device without %s, which Enhanced General Equipment needs (C.7.5.2)',
    (key) => {
      const { segmentation } = aResult();
      const input = { ...segmentation, device: { ...segmentation.device, [key]: ' ' } };
      expect(() => buildSegmentation(input)).toThrow(expect.objectContaining({ code: 'bad-result' }));
    },
  );
});
