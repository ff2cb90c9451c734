import type { Analysis, Result } from '../catalog/analyses.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import type { Grid } from '../imaging/grid.ts';
import type { RestoredSegments } from '../imaging/volume-messages.ts';
import type { Model } from '../inference/model-library.ts';
import type { ModelManifest } from '../inference/model-manifest.ts';
import { lintReport, lintSegmentation } from '../results/lint.ts';
import { buildMeasurementReport, COMPREHENSIVE_3D_SR_STORAGE } from '../results/measurement-report.ts';
import { outlineSegments } from '../results/outline.ts';
import { patientAndStudy } from '../results/patient-study.ts';
import { buildSegmentation, SEGMENTATION_STORAGE } from '../results/segmentation.ts';
import type {
  Algorithm,
  Device,
  ReportInput,
  SegmentationInput,
  SegmentDescription,
  SourceInstance,
  SourceSeries,
} from '../results/types.ts';
import { resultUids } from './result-uids.ts';

export interface ResultMaterial {
  readonly analysis: Analysis;
  readonly model: Model;
  readonly device: Device;
  readonly grid: Grid;
  /** In stack order; only of the first the header is needed. */
  readonly instances: readonly (SourceInstance & { readonly dataset?: JsonDataset })[];
  readonly restored: RestoredSegments;
  /** What was taken for granted about the series. */
  readonly notes: readonly string[];
}

export interface BuiltResults {
  /** PS3.10 files: the segmentation if anything was found, and the report. */
  readonly objects: readonly Buffer[];
  readonly results: readonly Result[];
  /** Tags of source attributes that could not be copied as they are. */
  readonly repaired: readonly string[];
}

/** Series Numbers of results: far above those of a scanner. */
const SEGMENTATION_SERIES_NUMBER = 9101;
const REPORT_SERIES_NUMBER = 9102;

/**
 * The DICOM objects of an analysis, read back and checked before anybody sees them. Dated by the analysis, not by the
 * clock: made again after a crash they are the same bytes.
 */
export function buildResults({
  analysis,
  model,
  device,
  grid,
  instances,
  restored,
  notes,
}: ResultMaterial): BuiltResults {
  const uids = resultUids(analysis);
  const source: SourceSeries = { attributes: instances[0]!.dataset!, instances, grid };
  const present = new Set(restored.measurements.map(({ segment }) => segment));
  const common = {
    source,
    segments: describeSegments(model, uids.tracking),
    algorithm: describeAlgorithm(model),
    device,
    created: analysis.settledAt,
  };
  const segmentation: SegmentationInput = {
    ...common,
    frames: restored.frames,
    pixelData: restored.pixelData,
    seriesUid: uids.segmentationSeries,
    instanceUid: uids.segmentation,
    dimensionOrganizationUid: uids.dimensionOrganization,
    seriesNumber: SEGMENTATION_SERIES_NUMBER,
  };
  const report: ReportInput = {
    ...common,
    ...(present.size > 0
      ? { segmentation: { sopInstanceUid: uids.segmentation, seriesUid: uids.segmentationSeries } }
      : {}),
    measurements: restored.measurements.map(({ segment, volumeMl, meanHu }) => ({
      segment,
      volumeMl,
      statistics: { unit: 'HU', mean: meanHu },
    })),
    outlines: outlineSegments({ ...restored, rows: grid.rows, columns: grid.columns }),
    conclusion: conclude(model, restored, notes),
    seriesUid: uids.reportSeries,
    instanceUid: uids.report,
    seriesNumber: REPORT_SERIES_NUMBER,
  };
  const built: { bytes: Buffer; result: Result }[] = [];
  if (present.size > 0) {
    const bytes = buildSegmentation(segmentation);
    lintSegmentation(bytes, segmentation);
    built.push({
      bytes,
      result: {
        sopInstanceUid: uids.segmentation,
        seriesInstanceUid: uids.segmentationSeries,
        sopClassUid: SEGMENTATION_STORAGE,
      },
    });
  }
  const bytes = buildMeasurementReport(report);
  lintReport(bytes, report, built[0]?.bytes);
  built.push({
    bytes,
    result: {
      sopInstanceUid: uids.report,
      seriesInstanceUid: uids.reportSeries,
      sopClassUid: COMPREHENSIVE_3D_SR_STORAGE,
    },
  });
  return {
    objects: built.map((object) => object.bytes),
    results: built.map(({ result }) => result),
    repaired: patientAndStudy(source.attributes).repaired,
  };
}

/** "Found: Right lung 2412 mL, Left lung 2105 mL." or the model's own sentence for nothing. */
export function conclude({ manifest }: Model, { measurements }: RestoredSegments, notes: readonly string[]): string {
  return [found(manifest, measurements), ...notes].join(' ');
}

function found(manifest: ModelManifest, measurements: RestoredSegments['measurements']): string {
  if (measurements.length === 0) return manifest.nothingFound;
  const parts = measurements.map(
    ({ segment, volumeMl }) =>
      `${manifest.segments.find(({ number }) => number === segment)?.label} ${Math.round(volumeMl)} mL`,
  );
  const missing = manifest.segments.filter(({ number }) => !measurements.some(({ segment }) => segment === number));
  return `Found: ${parts.join(', ')}.${missing.length > 0 ? ` Not found: ${missing.map(({ label }) => label).join(', ')}.` : ''}`;
}

function describeSegments({ manifest }: Model, tracking: (segment: number) => string): SegmentDescription[] {
  return manifest.segments.map(({ class: _, ...segment }) => ({
    ...segment,
    trackingId: segment.label,
    trackingUid: tracking(segment.number),
  }));
}

export function describeAlgorithm({ manifest, key }: Model): Algorithm {
  return {
    name: manifest.algorithm.name,
    version: manifest.version,
    family: manifest.algorithm.family,
    source: manifest.authors.join(', '),
    digest: key,
  };
}
