import { describe, expect, it } from 'vitest';
import { items, text } from '../../src/dicom/read-values.ts';
import { lintReport, lintSegmentation } from '../../src/results/lint.ts';
import { buildMeasurementReport } from '../../src/results/measurement-report.ts';
import { buildRejectionNote } from '../../src/results/rejection-note.ts';
import { buildSegmentation } from '../../src/results/segmentation.ts';
import { at, outline, read, tampered } from './read.ts';
import { aClassification, aDetection, aRejection, aResult, aSource, lung, packed } from './samples.ts';

describe('a report on classes of the whole image (TID 1501)', () => {
  it('answers each class with its outcome and its probability', () => {
    const report = aClassification();
    const bytes = buildMeasurementReport(report);
    lintReport(bytes, report);
    const lines = outline(read(bytes).dataset).map((line) => line.trim());
    expect(lines).toContain('CONTAINS CODE Pleural effusion = Present');
    expect(lines).toContain('CONTAINS CODE Pneumothorax = Undetermined');
    expect(lines).toContain('CONTAINS CODE Cardiomegaly = Absent');
    expect(lines.filter((line) => line.startsWith('CONTAINS NUM Probability'))).toHaveLength(3);
    expect(lines).toContain(
      'CONTAINS CODE CAD Processing and Findings Summary = All algorithms succeeded; with findings',
    );
  });

  it('says without findings where no class is present', () => {
    const report = aClassification();
    const absent = { ...report, findings: report.findings!.map((one) => ({ ...one, outcome: 'absent' as const })) };
    const bytes = buildMeasurementReport(absent);
    lintReport(bytes, absent);
    expect(outline(read(bytes).dataset).join('\n')).toContain('All algorithms succeeded; without findings');
  });

  it('does not leave the node with another probability, nor another outcome', () => {
    const report = aClassification();
    const bytes = buildMeasurementReport(report);
    const swapped = { ...report, findings: report.findings!.map((one) => ({ ...one, outcome: 'present' as const })) };
    expect(() => lintReport(bytes, swapped)).toThrow(/Pneumothorax is not called present/);
    const other = { ...report, findings: report.findings!.map((one) => ({ ...one, probability: 0.31 })) };
    expect(() => lintReport(bytes, other)).toThrow(/probability of class Pleural effusion is another/);
    expect(() =>
      buildMeasurementReport({ ...report, findings: [{ ...report.findings![0]!, probability: Number.NaN }] }),
    ).toThrow(/probability of NaN/);
  });
});

describe('a report on boxes (TID 1410)', () => {
  it('draws each on the image in the middle of its slices, with probability and area', () => {
    const report = aDetection();
    const bytes = buildMeasurementReport(report);
    lintReport(bytes, report);
    const lines = outline(read(bytes).dataset).map((line) => line.trim());
    expect(lines.some((line) => line.startsWith('CONTAINS NUM Area = 96'))).toBe(true);
    const elsewhere = { ...report, detections: [{ ...report.detections![0]!, slices: [0, 1] as const }] };
    expect(() => lintReport(bytes, elsewhere)).toThrow(/not on its image/);
    const mirrored = {
      ...report,
      detections: report.detections!.map((one) => ({
        ...one,
        points: one.points.map(([x, y]) => [24 - x, y] as const),
      })),
    };
    expect(() => lintReport(bytes, mirrored)).toThrow(/is elsewhere/);
  });
});

describe('a revision', () => {
  it('names the report it takes the place of (PS3.3 C.17.2.1), and series of another study in the evidence', () => {
    const { report } = aResult({ found: [] });
    const other = {
      studyInstanceUid: '2.25.77',
      seriesInstanceUid: '2.25.78',
      instances: aSource().instances.slice(0, 2),
    };
    const prior = {
      ...other,
      instances: other.instances.map((one, i) => ({ ...one, sopInstanceUid: `2.25.79${i}` })),
    };
    const revised = {
      ...report,
      otherSources: [prior],
      predecessors: [{ sopInstanceUid: '2.25.80', seriesUid: '2.25.81' }],
    };
    const bytes = buildMeasurementReport(revised);
    lintReport(bytes, revised);
    const { dataset } = read(bytes);
    const [predecessor = {}] = items(dataset, 'PredecessorDocumentsSequence');
    const [series = {}] = items(predecessor, 'ReferencedSeriesSequence');
    expect(text(items(series, 'ReferencedSOPSequence')[0] ?? {}, 'ReferencedSOPInstanceUID')).toBe('2.25.80');
    const studies = items(dataset, 'CurrentRequestedProcedureEvidenceSequence');
    expect(studies.map((study) => text(study, 'StudyInstanceUID'))).toEqual([
      text(report.source.attributes, 'StudyInstanceUID'),
      '2.25.77',
    ]);
  });

  it('rejects the old results by a key object note titled Rejected for Quality Reasons (TID 2010)', () => {
    const note = aRejection();
    const { dataset } = read(buildRejectionNote(note));
    expect(text(dataset, 'Modality')).toBe('KO');
    expect(text(items(dataset, 'ConceptNameCodeSequence')[0] ?? {}, 'CodeValue')).toBe('113001');
    const content = items(dataset, 'ContentSequence');
    const types = content.map((item) => text(item, 'ValueType'));
    expect(types.slice(-2)).toEqual(['IMAGE', 'COMPOSITE']);
    const [study = {}] = items(dataset, 'CurrentRequestedProcedureEvidenceSequence');
    const listed = items(study, 'ReferencedSeriesSequence').flatMap((series) => items(series, 'ReferencedSOPSequence'));
    expect(listed.map((one) => text(one, 'ReferencedSOPInstanceUID'))).toEqual(
      note.rejected.map((one) => one.sopInstanceUid),
    );
    expect(() => buildRejectionNote({ ...note, rejected: [] })).toThrow(/rejects nothing/);
  });
});

describe('a segmentation', () => {
  it('of masks that share voxels says so, and one that does not say so is refused', () => {
    const { segmentation } = aResult();
    const { grid } = segmentation.source;
    const right = lung(grid, 'Right');
    const both = {
      ...segmentation,
      ...packed(
        grid,
        new Map([
          [1, right],
          [2, lung(grid, 'Left').map((v, i) => v | right[i]!)],
        ]),
      ),
    };
    expect(() => lintSegmentation(buildSegmentation(both), both)).toThrow(/voxels of another segment/);
    const told = { ...both, overlap: true };
    lintSegmentation(buildSegmentation(told), told);
  });

  it('of a tilted gantry has each frame where its slice is', () => {
    const { segmentation } = aResult();
    const { grid } = segmentation.source;
    const positions = Array.from(
      { length: grid.slices },
      (_, i) => [grid.origin[0], grid.origin[1] + i, grid.origin[2] + i * grid.sliceSpacing] as const,
    );
    const tilted = { ...segmentation, source: { ...segmentation.source, positions } };
    const bytes = buildSegmentation(tilted);
    lintSegmentation(bytes, tilted);
    expect(() => lintSegmentation(bytes, segmentation)).toThrow(/does not lie on slice/);
    const moved = tampered(bytes, (ds) => {
      at(ds, '52009230', 0, '00209113', 0)['00200032']!.Value = [0, 0, 0];
    });
    expect(() => lintSegmentation(moved, tilted)).toThrow(/does not lie on slice/);
  });
});
