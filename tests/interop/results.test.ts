import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Fields } from '../../src/dicom/build.ts';
import type { JsonDataset } from '../../src/dicom/dataset.ts';
import { fileSource, parsePart10 } from '../../src/dicom/parse.ts';
import { numbers, text } from '../../src/dicom/read-values.ts';
import { lintReport, lintSegmentation } from '../../src/results/lint.ts';
import { buildMeasurementReport } from '../../src/results/measurement-report.ts';
import { buildRejectionNote } from '../../src/results/rejection-note.ts';
import { buildSegmentation } from '../../src/results/segmentation.ts';
import type { SourceSeries } from '../../src/results/types.ts';
import {
  aClassification,
  aDetection,
  aGrid,
  anObliqueGrid,
  aRejection,
  aResult,
  aSource,
  type Sample,
} from '../results/samples.ts';
import { hasSharedData, sharedData, sharedFiles } from '../support/shared-data.ts';

function hasProgram(name: string, ...args: string[]): boolean {
  const there = spawnSync(name, args, { stdio: 'ignore' }).error === undefined;
  if (!there) process.stderr.write(`${name} is not on PATH: what it would judge is skipped\n`);
  return there;
}

const hasDciodvfy = hasProgram('dciodvfy', '-version');
const hasDcmtk = hasProgram('dsrdump', '--version') && hasProgram('dcmdump', '--version');
const python = ['python3', '/usr/bin/python3'].find(
  (name) => spawnSync(name, ['-c', 'import pydicom, numpy']).status === 0,
);
if (python === undefined) process.stderr.write('no python3 with pydicom and numpy: what they would judge is skipped\n');

const folder = mkdtempSync(join(tmpdir(), 'voxgate-results-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function header(path: string): JsonDataset {
  const fd = openSync(path, 'r');
  try {
    return parsePart10(fileSource(fd, fstatSync(fd).size)).dataset;
  } finally {
    closeSync(fd);
  }
}

/** The 30 real slices of a chest CT (TCIA LIDC-IDRI), whose patient name is blank and whose file order is not slice order. */
function realSeries(): SourceSeries {
  const z = (ds: JsonDataset) => numbers(ds, 'ImagePositionPatient')[2]!;
  const headers = sharedFiles('series/ct-chest-lidc')
    .map(header)
    .sort((a, b) => z(a) - z(b));
  const [first] = headers;
  const [rowSpacing, columnSpacing] = numbers(first!, 'PixelSpacing');
  const [x, y] = numbers(first!, 'ImagePositionPatient');
  return {
    attributes: first!,
    instances: headers.map((ds) => ({
      sopClassUid: text(ds, 'SOPClassUID')!,
      sopInstanceUid: text(ds, 'SOPInstanceUID')!,
    })),
    grid: aGrid({
      columns: 512,
      rows: 512,
      slices: headers.length,
      rowSpacing: rowSpacing!,
      columnSpacing: columnSpacing!,
      sliceSpacing: (z(headers.at(-1)!) - z(first!)) / (headers.length - 1),
      origin: [x!, y!, z(first!)],
    }),
  };
}

const made = (attributes: Fields) => () => aResult({ source: aSource({ attributes }) });
const cases: [string, () => Sample][] = [
  ['frames that do not end on a byte', () => aResult({ source: aSource({ grid: aGrid({ columns: 17, rows: 13 }) }) })],
  ['an oblique grid with pixels of 0.7 × 1.3 mm', () => aResult({ source: aSource({ grid: anObliqueGrid() }) })],
  [
    'names and descriptions beyond ASCII',
    made({
      PatientName: { Alphabetic: 'Yamada^Tarou', Ideographic: '山田^太郎', Phonetic: 'やまだ^たろう' },
      StudyDescription: 'Thorax à jeun',
      ReferringPhysicianName: { Alphabetic: 'Äneas^Rüdiger' },
    }),
  ],
  [
    'a source with blank and invalid values',
    made({
      PatientName: null,
      PatientID: null,
      PatientBirthDate: '1950.06.07',
      PatientAge: '42y',
      StudyID: '12345678901234567890',
      StudyTime: '25:00',
      PatientSex: 'female',
      PatientWeight: 'heavy',
    }),
  ],
  [
    'a lossy source without Frame of Reference',
    made({
      FrameOfReferenceUID: undefined,
      LossyImageCompression: '01',
      LossyImageCompressionRatio: '12.5',
      LossyImageCompressionMethod: 'ISO_10918_1',
    }),
  ],
  ['a left lung alone', () => aResult({ found: ['Left'] })],
  ['nothing found', () => aResult({ found: [] })],
  ...(hasSharedData ? [['a real chest CT', () => aResult({ source: realSeries() })] as [string, () => Sample]] : []),
];

interface Written {
  readonly sample: Sample;
  readonly seg?: string;
  readonly sr: string;
}

const written = new Map<string, Written>();
/** Builds, lints and writes the objects of a case once. */
function write(name: string, make: () => Sample): Written {
  const before = written.get(name);
  if (before !== undefined) return before;
  const sample = make();
  const path = (kind: string) => join(folder, `${written.size}.${kind}.dcm`);
  const report = buildMeasurementReport(sample.report);
  const files: Written[] = [];
  if (sample.segmentation.frames.length > 0) {
    const segmentation = buildSegmentation(sample.segmentation);
    lintSegmentation(segmentation, sample.segmentation);
    lintReport(report, sample.report, segmentation);
    writeFileSync(path('seg'), segmentation);
    files.push({ sample, seg: path('seg'), sr: path('sr') });
  } else {
    lintReport(report, sample.report);
    files.push({ sample, sr: path('sr') });
  }
  writeFileSync(path('sr'), report);
  written.set(name, files[0]!);
  return files[0]!;
}

function output(program: string, ...args: string[]): { text: string; status: number | null } {
  const { stdout, stderr, status } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
  return { text: `${stdout}${stderr}`, status };
}

describe.skipIf(!hasDciodvfy)('dciodvfy finds no error in SEG and SR (PS3.3 A.51, A.35.13)', () => {
  it.each(cases)('made for %s', (name, make) => {
    const { seg, sr } = write(name, make);
    for (const file of seg ? [seg, sr] : [sr]) {
      const { text: lines } = output('dciodvfy', '-new', file);
      expect(lines).toMatch(/^(Segmentation|Comprehensive3DSR)$/m);
      expect(lines.split('\n').filter((line) => line.startsWith('Error'))).toEqual([]);
    }
  });
});

describe.skipIf(!hasDcmtk)('DCMTK reads SEG and SR', () => {
  it.each(cases)('made for %s', (name, make) => {
    const { sample, seg, sr } = write(name, make);
    const report = output('dsrdump', '+Pl', sr);
    expect(report.status).toBe(0);
    expect(report.text.split('\n').filter((line) => line.startsWith('E:'))).toEqual([]);
    expect(report.text).toContain('Comprehensive 3D SR Document');
    expect(report.text.match(/"Volume"\)/g) ?? []).toHaveLength(sample.masks.size);
    if (seg === undefined) return;
    const dump = output('dcmdump', seg);
    expect(dump.status).toBe(0);
    expect(dump.text).not.toMatch(/^[EW]:/m);
    expect(dump.text).toContain('=SegmentationStorage');
  });
});

describe.skipIf(!hasDciodvfy || !hasDcmtk)('dciodvfy and DCMTK are content with', () => {
  const documents: [string, RegExp, () => Buffer][] = [
    ['a report on classes', /^Comprehensive3DSR$/m, () => buildMeasurementReport(aClassification())],
    ['a report on boxes', /^Comprehensive3DSR$/m, () => buildMeasurementReport(aDetection())],
    ['a rejection note', /^KeyObjectSelectionDocument$/m, () => buildRejectionNote(aRejection())],
  ];
  it.each(documents)('%s', (name, iod, make) => {
    const path = join(folder, `${name}.dcm`);
    writeFileSync(path, make());
    const { text: lines } = output('dciodvfy', '-new', path);
    expect(lines).toMatch(iod);
    expect(lines.split('\n').filter((line) => line.startsWith('Error'))).toEqual([]);
    const report = output('dsrdump', '+Pl', path);
    expect(report.status).toBe(0);
    expect(report.text.split('\n').filter((line) => line.startsWith('E:'))).toEqual([]);
  });
});

/** Prints, for each frame, segment, source instance, number of set voxels and a hash of its voxels one a byte. */
const READ_MASKS = `
import hashlib, json, sys, pydicom
ds = pydicom.dcmread(sys.argv[1])
pixels = ds.pixel_array.reshape(ds.NumberOfFrames, ds.Rows, ds.Columns)
frames = []
for i, groups in enumerate(ds.PerFrameFunctionalGroupsSequence):
    source = groups.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
    plane = pixels[i].astype('uint8')
    frames.append({
        'segment': int(groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber),
        'source': str(source),
        'position': [float(v) for v in groups.PlanePositionSequence[0].ImagePositionPatient],
        'sha': hashlib.sha256(plane.tobytes()).hexdigest(),
    })
print(json.dumps(frames))
`;

describe.skipIf(python === undefined)('pydicom finds every voxel on the source image it came from', () => {
  it.each(cases.filter(([name]) => name !== 'nothing found'))('%s', async (name, make) => {
    const { createHash } = await import('node:crypto');
    const { sample, seg } = write(name, make);
    const { grid, instances } = sample.segmentation.source;
    const size = grid.rows * grid.columns;
    const frames: unknown = JSON.parse(execFileSync(python!, ['-c', READ_MASKS, seg!], { encoding: 'utf8' }));
    const expected = [...sample.masks.values()].flatMap((mask, index) =>
      instances.flatMap(({ sopInstanceUid }, slice) => {
        const plane = mask.subarray(slice * size, (slice + 1) * size);
        if (plane.every((voxel) => voxel === 0)) return [];
        const position = grid.origin.map((value, axis) =>
          expect.closeTo(value + slice * grid.sliceSpacing * grid.normal[axis]!, 6),
        );
        const sha = createHash('sha256').update(plane).digest('hex');
        return [{ segment: index + 1, source: sopInstanceUid, position, sha }];
      }),
    );
    expect(frames).toEqual(expected);
  });
});

describe.skipIf(!hasSharedData)('the real series', () => {
  it('keeps its study and gives its blank patient name blank again', () => {
    const { sr } = write(...cases.find(([name]) => name === 'a real chest CT')!);
    const ds = header(sr);
    const source = header(sharedData('series/ct-chest-lidc/000008.dcm'));
    for (const keyword of ['StudyInstanceUID', 'PatientID', 'AccessionNumber', 'PatientSex', 'StudyDate']) {
      expect(text(ds, keyword)).toBe(text(source, keyword));
    }
    expect(text(ds, 'PatientName') ?? '').toBe('');
  });
});
