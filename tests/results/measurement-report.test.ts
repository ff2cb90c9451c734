import { describe, expect, it } from 'vitest';
import { isPresent, items, text } from '../../src/dicom/read-values.ts';
import { lintReport } from '../../src/results/lint.ts';
import { buildMeasurementReport } from '../../src/results/measurement-report.ts';
import { buildSegmentation } from '../../src/results/segmentation.ts';
import { outline, read } from './read.ts';
import { aResult, aSource, SEGMENTS } from './samples.ts';

/** The outline from one line to the next of the same depth. */
function part(lines: readonly string[], start: string): string[] {
  const from = lines.findIndex((line) => line.trim() === start);
  const depth = lines[from]!.search(/\S/);
  const rest = lines.slice(from + 1);
  const end = rest.findIndex((line) => line.search(/\S/) <= depth);
  return [lines[from]!, ...rest.slice(0, end < 0 ? rest.length : end)].map((line) => line.slice(depth));
}

describe('buildMeasurementReport (PS3.16 TID 1500)', () => {
  it('says language, observer and procedure before anything else', () => {
    const { report } = aResult();
    expect(outline(read(buildMeasurementReport(report)).dataset).slice(0, 9)).toEqual([
      'CONTAINER Imaging Measurement Report',
      '  HAS CONCEPT MOD CODE Language of Content Item and Descendants = English',
      '  HAS OBS CONTEXT CODE Observer Type = Device',
      `  HAS OBS CONTEXT UIDREF Device Observer UID = ${report.device.uid}`,
      '  HAS OBS CONTEXT TEXT Device Observer Name = Voxgate node',
      '  HAS OBS CONTEXT TEXT Device Observer Manufacturer = Voxgate',
      '  HAS OBS CONTEXT TEXT Device Observer Model Name = Voxgate',
      '  HAS OBS CONTEXT TEXT Device Observer Serial Number = node-1',
      '  HAS CONCEPT MOD CODE Procedure reported = CT unspecified body region',
    ]);
  });

  it('has a group for each segment with the identifiers of the SEG (TID 1411)', () => {
    const { report } = aResult();
    const lines = outline(read(buildMeasurementReport(report)).dataset);
    const [algorithm, ...groups] = part(lines, 'CONTAINS CONTAINER Imaging Measurements')
      .slice(1)
      .join('\n')
      .split('  CONTAINS CONTAINER Measurement Group\n');
    expect(
      algorithm!
        .trimEnd()
        .split('\n')
        .map((line) => line.trim()),
    ).toEqual([
      'HAS CONCEPT MOD TEXT Algorithm Name = Lung segmentation by threshold',
      'HAS CONCEPT MOD TEXT Algorithm Version = 1.2.0',
      'HAS CONCEPT MOD TEXT Algorithm Manufacturer = Voxgate',
      `HAS CONCEPT MOD TEXT Algorithm Parameters = SHA-256 of the model: ${report.algorithm.digest}`,
      'HAS CONCEPT MOD CODE Algorithm Family = Artificial Intelligence',
    ]);
    expect(groups).toHaveLength(4);
    const volumetric = groups.filter((group) => group.includes('Referenced Segment'));
    for (const [i, side] of ['Right', 'Left'].entries()) {
      const volume = Number(report.measurements[i]!.volumeMl.toPrecision(6));
      expect(
        volumetric[i]!.trimEnd()
          .split('\n')
          .map((line) => line.slice(4)),
      ).toEqual([
        `HAS OBS CONTEXT TEXT Tracking Identifier = ${side} lung`,
        `HAS OBS CONTEXT UIDREF Tracking Unique Identifier = ${SEGMENTS[i]!.trackingUid}`,
        'CONTAINS CODE Finding = Organ',
        'HAS CONCEPT MOD CODE Finding Site = Lung',
        `  HAS CONCEPT MOD CODE Laterality = ${side}`,
        `CONTAINS IMAGE Referenced Segment = ${report.segmentation!.sopInstanceUid} ${i + 1}`,
        `CONTAINS UIDREF Source series for segmentation = ${text(report.source.attributes, 'SeriesInstanceUID')}`,
        `CONTAINS NUM Volume = ${volume} mL`,
        "CONTAINS NUM Attenuation Coefficient = -812.346 [hnsf'U]",
        '  HAS CONCEPT MOD CODE Derivation = Mean',
      ]);
    }
    expect(part(lines, 'CONTAINS CONTAINER Qualitative Evaluations')).toEqual([
      'CONTAINS CONTAINER Qualitative Evaluations',
      '  CONTAINS CODE CAD Processing and Findings Summary = All algorithms succeeded; with findings',
      '  CONTAINS TEXT Comment = Lungs were segmented.',
    ]);
  });

  it('says that nothing was found as codes and as a sentence, and refers to no segmentation', () => {
    const { report } = aResult({ found: [] });
    const bytes = buildMeasurementReport(report);
    const lines = outline(read(bytes).dataset);
    expect(part(lines, 'CONTAINS CONTAINER Qualitative Evaluations')).toEqual([
      'CONTAINS CONTAINER Qualitative Evaluations',
      '  CONTAINS CODE CAD Processing and Findings Summary = All algorithms succeeded; without findings',
      '  CONTAINS CODE Lung = Absent',
      '    HAS CONCEPT MOD CODE Laterality = Right',
      '  CONTAINS CODE Lung = Absent',
      '    HAS CONCEPT MOD CODE Laterality = Left',
      '  CONTAINS TEXT Comment = No lung was found in the images.',
    ]);
    expect(lines.some((line) => line.includes('Measurement Group') || line.includes('Referenced Segment'))).toBe(false);
    expect(lines).toContain('  CONTAINS CONTAINER Imaging Measurements');
    lintReport(bytes, report);
  });

  it('numbers the one segment that was found as the SEG does, and calls the other absent', () => {
    const { report, segmentation } = aResult({ found: ['Left'] });
    const bytes = buildMeasurementReport(report);
    const lines = outline(read(bytes).dataset);
    expect(lines).toContain(`      CONTAINS IMAGE Referenced Segment = ${segmentation.instanceUid} 1`);
    expect(lines.join('\n')).toContain('Lung = Absent\n      HAS CONCEPT MOD CODE Laterality = Right');
    lintReport(bytes, report, buildSegmentation(segmentation));
  });

  it('lists as evidence every instance it refers to, by study and series, the SEG in its own (PS3.3 C.17.2.3)', () => {
    const { report } = aResult();
    const { dataset } = read(buildMeasurementReport(report));
    const [study, ...more] = items(dataset, 'CurrentRequestedProcedureEvidenceSequence');
    expect(more).toEqual([]);
    expect(text(study!, 'StudyInstanceUID')).toBe(text(report.source.attributes, 'StudyInstanceUID'));
    const series = items(study!, 'ReferencedSeriesSequence').map((one) => ({
      uid: text(one, 'SeriesInstanceUID'),
      instances: items(one, 'ReferencedSOPSequence').map((item) => text(item, 'ReferencedSOPInstanceUID')),
    }));
    expect(series).toEqual([
      {
        uid: text(report.source.attributes, 'SeriesInstanceUID'),
        instances: report.source.instances.map((instance) => instance.sopInstanceUid),
      },
      { uid: report.segmentation!.seriesUid, instances: [report.segmentation!.sopInstanceUid] },
    ]);
  });

  it('is complete, unverified and preliminary, and has its type 2 sequences (PS3.3 C.17.1, C.17.2)', () => {
    const { dataset } = read(buildMeasurementReport(aResult().report));
    expect(text(dataset, 'CompletionFlag')).toBe('COMPLETE');
    expect(text(dataset, 'VerificationFlag')).toBe('UNVERIFIED');
    expect(text(dataset, 'PreliminaryFlag')).toBe('PRELIMINARY');
    expect(isPresent(dataset, 'ReferencedPerformedProcedureStepSequence')).toBe(true);
    expect(isPresent(dataset, 'PerformedProcedureCodeSequence')).toBe(true);
    const [template] = items(dataset, 'ContentTemplateSequence');
    expect(text(template!, 'TemplateIdentifier')).toBe('1500');
  });

  it('describes a series without Frame of Reference or known modality without making anything up', () => {
    const source = aSource({ attributes: { FrameOfReferenceUID: undefined, Modality: 'OT', StudyDate: null } });
    const { report } = aResult({ source });
    const lines = outline(read(buildMeasurementReport(report)).dataset);
    expect(lines).toContain('  HAS CONCEPT MOD CODE Procedure reported = Imaging procedure');
    expect(lines.some((line) => /Frame of Reference|Study Date| Modality/.test(line))).toBe(false);
  });

  it('writes the same bytes again from the same input', () => {
    expect(buildMeasurementReport(aResult().report).equals(buildMeasurementReport(aResult().report))).toBe(true);
  });

  it.each([
    ['measurements without segmentation', { segmentation: undefined }, /without the segmentation/],
    ['a segmentation without measurements', { measurements: [] }, /nothing measured/],
    [
      'a mean that is no number',
      { measurements: [{ segment: 1, volumeMl: 1, statistics: { unit: 'HU' as const, mean: Number.NaN } }] },
      /Attenuation Coefficient is not a number/,
    ],
    [
      'a segment measured twice',
      { measurements: [1, 1].map((segment) => ({ segment, volumeMl: 1 })) },
      /measured twice/,
    ],
  ])('refuses %s', (_, change, sentence) => {
    const input = { ...aResult().report, ...change };
    expect(() => buildMeasurementReport(input as typeof input & { segmentation: never })).toThrow(
      expect.objectContaining({ code: 'bad-result', message: expect.stringMatching(sentence) }),
    );
  });
});
