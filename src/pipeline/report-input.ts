import type { Measurement } from '../imaging/measure.ts';
import type { ModelManifest } from '../inference/model-manifest.ts';
import { COMPREHENSIVE_3D_SR_STORAGE } from '../results/measurement-report.ts';
import type { ClassResult, DetectionResult, ReportInput, SegmentMeasurements, ValueUnit } from '../results/types.ts';
import type { CommonInput, ResultMaterial } from './build-results.ts';
import type { ResultUids } from './result-uids.ts';

type Wanted = Omit<ReportInput, 'outlines' | 'segmentation' | 'seriesUid' | 'instanceUid' | 'seriesNumber'>;

/** What an analysis found, in the terms of a report. */
export function reportInput(material: ResultMaterial, common: CommonInput, uids: ResultUids): Wanted {
  const { model, outcome, sources, conclusion, predecessors } = material;
  const [first, ...others] = sources;
  const withSeg = model.manifest.results.includes('SEG');
  return {
    ...common,
    segments: withSeg ? common.segments : [],
    measurements: withSeg
      ? (outcome.segments?.measurements ?? []).map((one) => measured(one, model.manifest, first?.units ?? ''))
      : [],
    findings: classResults(model.manifest, outcome.classes, uids),
    detections: detectionResults(model.manifest, outcome.boxes, uids),
    otherSources: others,
    predecessors: predecessors
      .filter(({ sopClassUid }) => sopClassUid === COMPREHENSIVE_3D_SR_STORAGE)
      .map(({ sopInstanceUid, seriesInstanceUid }) => ({ sopInstanceUid, seriesUid: seriesInstanceUid })),
    conclusion,
  };
}

const UNITS: ReadonlySet<string> = new Set<ValueUnit>(['HU', 'SUVbw', 'SUVlbm', 'SUVbsa', 'Bq/ml']);

function unitOf(units: string): ValueUnit {
  return UNITS.has(units) ? (units as ValueUnit) : 'none';
}

function measured(one: Measurement, { measurements }: ModelManifest, units: string): SegmentMeasurements {
  const { segment, volumeMl, meanHu, minHu, maxHu, stdHu } = one;
  return {
    segment,
    volumeMl,
    ...(measurements.includes('statistics')
      ? {
          statistics: {
            unit: unitOf(units),
            mean: meanHu,
            standardDeviation: stdHu,
            minimum: minHu,
            maximum: maxHu,
          },
        }
      : {}),
    ...(measurements.includes('axes') ? { longAxisMm: one.longAxisMm, shortAxisMm: one.shortAxisMm } : {}),
    ...(measurements.includes('surface')
      ? { surfaceMm2: one.surfaceMm2, maximumDiameterMm: one.maximumDiameterMm }
      : {}),
  };
}

function classResults(
  { output }: ModelManifest,
  classes: ResultMaterial['outcome']['classes'],
  uids: ResultUids,
): ClassResult[] {
  if (output.kind !== 'classification') return [];
  return classes.map((one, index) => ({
    ...one,
    finding: output.classes[index]!.finding,
    trackingId: one.label,
    trackingUid: uids.tracking(index + 1),
  }));
}

function detectionResults(
  { output }: ModelManifest,
  boxes: ResultMaterial['outcome']['boxes'],
  uids: ResultUids,
): DetectionResult[] {
  if (output.kind !== 'boxes') return [];
  return boxes.map((box, index) => ({
    ...box,
    finding: output.classes[box.class]!.finding,
    trackingId: `${box.label} ${index + 1}`,
    trackingUid: uids.tracking(index + 1),
  }));
}
