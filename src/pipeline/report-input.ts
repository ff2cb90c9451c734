import type { SegmentMeasurement } from '../imaging/post/measure-labels.ts';
import type { ModelManifest } from '../inference/model-manifest.ts';
import { COMPREHENSIVE_3D_SR_STORAGE } from '../results/measurement-report.ts';
import type { ClassResult, DetectionResult, ReportInput, SegmentMeasurements, ValueUnit } from '../results/types.ts';
import type { CommonInput, ResultMaterial } from './build-results.ts';
import type { ResultUids } from './result-uids.ts';

type Wanted = Omit<ReportInput, 'outlines' | 'segmentation' | 'seriesUid' | 'instanceUid' | 'seriesNumber'>;

/** What an analysis found, in the terms of a report. */
export function reportInput(material: ResultMaterial, common: CommonInput, uids: ResultUids): Wanted {
  const { model, outcome, sources, conclusion, predecessors } = material;
  const others = sources.slice(1);
  const withSeg = model.manifest.results.includes('SEG');
  return {
    ...common,
    segments: withSeg ? common.segments : [],
    measurements: withSeg ? (outcome.segments?.measurements ?? []).map(measured) : [],
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

/** What was asked for was measured; what was not, was not. */
function measured(one: SegmentMeasurement): SegmentMeasurements {
  const { segment, volumeMl, statistics, longAxisMm, shortAxisMm, maximumDiameterMm, surfaceMm2 } = one;
  return {
    segment,
    volumeMl,
    ...(statistics && { statistics: { ...statistics, unit: unitOf(statistics.unit) } }),
    ...(longAxisMm !== undefined && { longAxisMm }),
    ...(shortAxisMm !== undefined && { shortAxisMm }),
    ...(maximumDiameterMm !== undefined && { maximumDiameterMm }),
    ...(surfaceMm2 !== undefined && { surfaceMm2 }),
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
