import { describe, expect, it } from 'vitest';
import { lintReport, lintSegmentation } from '../../src/results/lint.ts';
import { buildMeasurementReport } from '../../src/results/measurement-report.ts';
import { buildSegmentation } from '../../src/results/segmentation.ts';
import type { SegmentDescription } from '../../src/results/types.ts';
import { at, type Mutable, tampered } from './read.ts';
import { aGrid, aResult, aSource, SEGMENTS } from './samples.ts';

const refusal = (sentence: RegExp) =>
  expect.objectContaining({ code: 'bad-result', message: expect.stringMatching(sentence) });

const PER_FRAME = '52009230';
const SHARED = '52009229';

describe('lintSegmentation', () => {
  const { segmentation } = aResult({ source: aSource({ grid: aGrid({ columns: 17, rows: 13 }) }) });
  const bytes = buildSegmentation(segmentation);

  it('passes what the builder writes', () => {
    lintSegmentation(bytes, segmentation);
  });

  it('refuses frames that were each padded to a byte (PS3.5 8.1.1)', () => {
    const { rows, columns } = segmentation.source.grid;
    const padded = new Uint8Array(segmentation.frames.length * Math.ceil((rows * columns) / 8));
    expect(() =>
      lintSegmentation(
        tampered(bytes, () => padded),
        segmentation,
      ),
    ).toThrow(refusal(/Pixel Data has/));
  });

  it('refuses bits other than the masks', () => {
    const broken = tampered(bytes, (_, pixels) => Uint8Array.from(pixels).reverse());
    expect(() => lintSegmentation(broken, segmentation)).toThrow(refusal(/not the masks/));
  });

  const faults: [string, (ds: Mutable) => unknown, RegExp][] = [
    ['another study', (ds) => (ds['0020000D']!.Value = ['1.2.3']), /StudyInstanceUID/],
    ['another patient', (ds) => (ds['00100020']!.Value = ['other']), /PatientID/],
    ['an empty serial number', (ds) => (ds['00181000']!.Value = []), /DeviceSerialNumber/],
    ['a missing type 2 attribute', (ds) => delete ds['00100030'], /PatientBirthDate/],
    ['no Contributing Equipment', (ds) => delete ds['0018A001'], /Contributing Equipment/],
    [
      'a code without scheme',
      (ds) => delete at(ds, '00620002', 0, '0062000F', 0)['00080102'],
      /value, scheme or meaning/,
    ],
    [
      'a code of SNOMED RT',
      (ds) => (at(ds, '00620002', 0, '0062000F', 0)['00080102']!.Value = ['SRT']),
      /retired scheme SRT/,
    ],
    ['a rescale left in', (ds) => (ds['00281052'] = { vr: 'DS', Value: ['0'] }), /RescaleIntercept/],
    ['a window left in', (ds) => (at(ds, PER_FRAME, 0)['00289132'] = { vr: 'SQ', Value: [{}] }), /FrameVOILUTSequence/],
    ['a gap in Segment Numbers', (ds) => (at(ds, '00620002', 1)['00620004']!.Value = [3]), /Segment Number 3/],
    ['no Segment Algorithm Type', (ds) => delete at(ds, '00620002', 0)['00620008'], /Segment Algorithm Type/],
    ['Tracking ID without UID', (ds) => delete at(ds, '00620002', 0)['00620021'], /Tracking/],
    [
      'one Tracking UID for two',
      (ds) => (at(ds, '00620002', 0)['00620021']!.Value = at(ds, '00620002', 1)['00620021']!.Value),
      /same Tracking UID/,
    ],
    ['a frame of no segment', (ds) => (at(ds, PER_FRAME, 0, '0062000A', 0)['0062000B']!.Value = [7]), /not described/],
    [
      'a frame off its slice',
      (ds) => (at(ds, PER_FRAME, 2, '00209113', 0)['00200032']!.Value![2] = '0'),
      /frame 3 does not lie on slice/,
    ],
    [
      'a mirrored orientation',
      (ds) => (at(ds, SHARED, 0, '00209116', 0)['00200037']!.Value = [1, 0, 0, 0, -1, 0]),
      /Orientation/,
    ],
    [
      'skewed cosines',
      (ds) => (at(ds, SHARED, 0, '00209116', 0)['00200037']!.Value = [1, 0.1, 0, 0, 1, 0]),
      /right angles/,
    ],
    ['swapped spacing', (ds) => (at(ds, SHARED, 0, '00289110', 0)['00280030']!.Value = [2, 2.5]), /spacing/],
    [
      'slice numbers for ranks',
      (ds) => (at(ds, PER_FRAME, 0, '00209111', 0)['00209157']!.Value = [1, 5]),
      /Dimension Index Values of frame 1/,
    ],
    [
      'the image of another slice',
      (ds) =>
        (at(ds, PER_FRAME, 0, '00089124', 0, '00082112', 0)['00081155']!.Value = at(
          ds,
          PER_FRAME,
          1,
          '00089124',
          0,
          '00082112',
          0,
        )['00081155']!.Value),
      /source image of slice/,
    ],
    [
      'a reference too few',
      (ds) => (ds['00081115']!.Value![0] as Mutable)['0008114A']!.Value!.pop(),
      /exactly the instances/,
    ],
    ['a reference to another series', (ds) => (at(ds, '00081115', 0)['0020000E']!.Value = ['1.2.3']), /source series/],
    ['a frame too few', (ds) => ds[PER_FRAME]!.Value!.pop(), /Number of Frames/],
    ['another size', (ds) => (ds['00280010']!.Value = [12]), /Rows and Columns/],
  ];
  it.each(faults)('refuses %s', (_, change, sentence) => {
    const broken = tampered(bytes, change);
    expect(() => lintSegmentation(broken, segmentation)).toThrow(refusal(sentence));
  });

  it('refuses a described segment that has no frames', () => {
    const broken = tampered(bytes, (ds) => {
      const extra = structuredClone(ds['00620002']!.Value![1]) as Mutable;
      extra['00620004']!.Value = [3];
      extra['00620021']!.Value = ['1.2.3'];
      ds['00620002']!.Value!.push(extra);
    });
    expect(() => lintSegmentation(broken, segmentation)).toThrow(refusal(/segment 3 has no frame/));
  });

  it('refuses an empty frame', () => {
    const pixelData = new Uint8Array(segmentation.pixelData);
    pixelData.fill(0, 0, Math.ceil((13 * 17) / 8));
    const input = { ...segmentation, pixelData };
    expect(() => lintSegmentation(buildSegmentation(input), input)).toThrow(refusal(/frame 1 is empty/));
  });

  it('refuses segments that overlap while Segments Overlap says NO', () => {
    const pixelData = new Uint8Array(segmentation.pixelData).fill(0xff);
    pixelData[pixelData.length - 1] = (1 << ((segmentation.frames.length * 13 * 17) % 8 || 8)) - 1;
    const input = { ...segmentation, pixelData };
    const sidesAside = input.segments.map(({ modifier: _, ...segment }) => segment as SegmentDescription);
    const unsided = { ...input, segments: sidesAside };
    expect(() => lintSegmentation(buildSegmentation(unsided), unsided)).toThrow(refusal(/Segments Overlap is NO/));
  });

  it('refuses bits set behind the last voxel', () => {
    const pixelData = new Uint8Array(segmentation.pixelData);
    pixelData[pixelData.length - 1] = pixelData[pixelData.length - 1]! | 0x80;
    const input = { ...segmentation, pixelData };
    expect((segmentation.frames.length * 13 * 17) % 8).not.toBe(0);
    expect(() => lintSegmentation(buildSegmentation(input), input)).toThrow(refusal(/behind the last voxel/));
  });

  it('refuses a right lung that lies to the left of the left lung (LPS: right is small x)', () => {
    const [right, left] = SEGMENTS;
    const swapped = [
      { ...right!, modifier: left!.modifier! },
      { ...left!, modifier: right!.modifier! },
    ];
    const input = { ...segmentation, segments: swapped };
    expect(() => lintSegmentation(buildSegmentation(input), input)).toThrow(
      refusal(/called Right but lies to the left/),
    );
  });

  it('sees the sides of a patient scanned feet first or lying on the belly by LPS, not by columns', () => {
    const grid = aGrid({ rowDirection: [-1, 0, 0], columnDirection: [0, -1, 0], origin: [24, 20, 100] });
    const turned = aResult({ source: aSource({ grid }) }).segmentation;
    lintSegmentation(buildSegmentation(turned), turned);
  });

  it('refuses a file that breaks off', () => {
    expect(() => lintSegmentation(bytes.subarray(0, 2000), segmentation)).toThrow(refusal(/read back clean/));
  });

  it('names no patient in any of its sentences', () => {
    for (const [, change] of faults) {
      try {
        lintSegmentation(tampered(bytes, change), segmentation);
      } catch (error) {
        expect(String(error)).not.toMatch(/Doe|Jane|P-1|1950/);
      }
    }
  });
});

describe('lintReport', () => {
  const { report, segmentation } = aResult();
  const seg = buildSegmentation(segmentation);
  const bytes = buildMeasurementReport(report);
  const TREE = '0040A730';

  /** The container of that meaning at the root. */
  function section(ds: Mutable, meaning: string): Mutable {
    const found = ds[TREE]!.Value!.find(
      (item) => at(item as Mutable, '0040A043', 0)['00080104']!.Value![0] === meaning,
    );
    return found as Mutable;
  }
  function inGroup(ds: Mutable, meaning: string): Mutable {
    const groups = section(ds, 'Imaging Measurements')[TREE]!.Value! as Mutable[];
    const group = groups.find((item) => at(item, '0040A043', 0)['00080104']!.Value![0] === 'Measurement Group')!;
    const items = group[TREE]!.Value! as Mutable[];
    return items.find((item) => at(item, '0040A043', 0)['00080104']!.Value![0] === meaning)!;
  }

  it('passes what the builder writes, with and without the SEG at hand', () => {
    lintReport(bytes, report);
    lintReport(bytes, report, seg);
  });

  const faults: [string, (ds: Mutable) => unknown, RegExp][] = [
    ['another template', (ds) => (at(ds, '0040A504', 0)['0040DB00']!.Value = ['2000']), /TID 1500/],
    ['a verified document', (ds) => (ds['0040A493']!.Value = ['VERIFIED']), /Verification Flag/],
    ['a partial document', (ds) => (ds['0040A491']!.Value = ['PARTIAL']), /Completion Flag/],
    ['no language', (ds) => ds[TREE]!.Value!.shift(), /"Language of Content Item and Descendants" exactly once/],
    [
      'another conclusion',
      (ds) => ((section(ds, 'Qualitative Evaluations')[TREE]!.Value!.at(-1) as Mutable)['0040A160']!.Value = ['Well.']),
      /conclusion/,
    ],
    ['a measurement without unit', (ds) => delete at(inGroup(ds, 'Volume'), '0040A300', 0)['004008EA'], /no unit/],
    ['a measurement without value', (ds) => (inGroup(ds, 'Volume')['0040A300']!.Value = []), /no value/],
    [
      'a volume 1 % off',
      (ds) => (at(inGroup(ds, 'Volume'), '0040A300', 0)['0040A30A']!.Value = [report.measurements[0]!.volumeMl * 1.01]),
      /volume of segment 1/,
    ],
    [
      'another Tracking Unique Identifier',
      (ds) => (inGroup(ds, 'Tracking Unique Identifier')['0040A124']!.Value = ['1.2.3']),
      /segment 1 has no group/,
    ],
    [
      'another Tracking Identifier',
      (ds) => (inGroup(ds, 'Tracking Identifier')['0040A160']!.Value = ['tool state']),
      /another Tracking Identifier/,
    ],
    ['evidence without the SEG', (ds) => at(ds, '0040A375', 0)['00081115']!.Value!.pop(), /evidence is not exactly/],
    [
      'evidence of another study',
      (ds) => (at(ds, '0040A375', 0)['0020000D']!.Value = ['1.2.3']),
      /of the studies that went in/,
    ],
  ];
  it.each(faults)('refuses %s', (_, change, sentence) => {
    const broken = tampered(bytes, change);
    expect(() => lintReport(broken, report)).toThrow(refusal(sentence));
  });

  it('refuses a reference to the other segment of the SEG', () => {
    const broken = tampered(bytes, (ds) => {
      at(inGroup(ds, 'Referenced Segment'), '00081199', 0)['0062000B']!.Value = [2];
    });
    expect(() => lintReport(broken, report, seg)).toThrow(refusal(/leads to another segment/));
  });

  it('refuses volumes that are not those of the voxels by more than 0.1 %', () => {
    const stretch = (factor: number) => {
      const measurements = report.measurements.map((one) => ({ ...one, volumeMl: one.volumeMl * factor }));
      const input = { ...report, measurements };
      lintReport(buildMeasurementReport(input), input, seg);
    };
    stretch(1.0009);
    expect(() => stretch(1.002)).toThrow(refusal(/segment 1 .* mL where its voxels have/));
  });

  it('refuses a report on one of the two segments in the SEG', () => {
    const input = { ...report, measurements: report.measurements.slice(0, 1), outlines: report.outlines.slice(0, 1) };
    expect(() => lintReport(buildMeasurementReport(input), input, seg)).toThrow(refusal(/1 of 2 segments/));
  });
});
