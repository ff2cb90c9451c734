import type { Analysis, Result } from '../catalog/analyses.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import type { Grid, Vec3 } from '../imaging/grid.ts';
import type { Model } from '../inference/model-library.ts';
import { lintReport, lintSegmentation, type ReadSegmentation } from '../results/lint.ts';
import { buildMeasurementReport, COMPREHENSIVE_3D_SR_STORAGE } from '../results/measurement-report.ts';
import { outlineSegments } from '../results/outline.ts';
import { patientAndStudy } from '../results/patient-study.ts';
import { buildSegmentation, SEGMENTATION_STORAGE } from '../results/segmentation.ts';
import type { Algorithm, Device, SegmentDescription, SourceInstance, SourceSeries } from '../results/types.ts';
import type { Outcome } from './outcome.ts';
import { reportInput } from './report-input.ts';
import { type ResultUids, resultUids } from './result-uids.ts';

/** A series that went in. */
export interface ResultSource {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  /** The header of its first slice; of other sources than the first it is not needed. */
  readonly attributes?: JsonDataset;
  /** Of each slice of the grid, ascending. */
  readonly instances: readonly SourceInstance[];
  readonly grid: Grid;
  /** Whether the grid lies in the patient. */
  readonly placed: boolean;
  /** Whether lengths within the plane are in mm of the patient. */
  readonly calibrated: boolean;
  /** Of the values after rescale: HU, SUVbw, … */
  readonly units: string;
  readonly positions?: readonly Vec3[] | undefined;
}

export interface ResultMaterial {
  readonly analysis: Analysis;
  readonly model: Model;
  readonly device: Device;
  /** The first is what the results lie on. */
  readonly sources: readonly ResultSource[];
  readonly outcome: Outcome;
  /** All of it in a few sentences. */
  readonly conclusion: string;
  /** Results that these take the place of. */
  readonly predecessors: readonly Result[];
}

export interface BuiltResults {
  /** PS3.10 files: the segmentation if anything was found, and the report. */
  readonly objects: readonly Buffer[];
  readonly results: readonly Result[];
  /** Tags of source attributes that could not be copied as they are. */
  readonly repaired: readonly string[];
}

/** Series Numbers of results: far above those of a scanner. */
const SERIES_NUMBERS = { segmentation: 9101, report: 9102 } as const;

/** What all objects of one analysis share. */
export interface CommonInput {
  readonly source: SourceSeries;
  readonly segments: readonly SegmentDescription[];
  readonly algorithm: Algorithm;
  readonly device: Device;
  readonly created: Date;
}

/**
 * The DICOM objects of an analysis, read back and checked before anybody sees them. Dated by the analysis, not by the
 * clock: made again after a crash they are the same bytes.
 */
export function buildResults(material: ResultMaterial): BuiltResults {
  const { analysis, model, device, sources } = material;
  const uids = resultUids(analysis);
  const { attributes = {}, instances, grid, positions, calibrated } = sources[0]!;
  const common: CommonInput = {
    source: { attributes, instances, grid, calibrated, ...(positions ? { positions } : {}) },
    segments: describeSegments(model, uids.tracking),
    algorithm: describeAlgorithm(model),
    device,
    created: analysis.settledAt,
  };
  const segmentation = segmentationOf(material, common, uids);
  const report = reportOf(material, common, { uids, segmentation: segmentation?.read });
  const built = [segmentation, report].flatMap((object) => object ?? []);
  return {
    objects: built.map(({ bytes }) => bytes),
    results: built.map(({ result }) => result),
    repaired: patientAndStudy(attributes).repaired,
  };
}

interface Built {
  readonly bytes: Buffer;
  readonly result: Result;
  /** Of a segmentation: as it was read back. */
  readonly read?: ReadSegmentation;
}

/** A SEG where anything was found in images that lie in the patient. */
function segmentationOf({ outcome, model }: ResultMaterial, common: CommonInput, uids: ResultUids): Built | undefined {
  const found = outcome.segments;
  if (found === undefined || found.measurements.length === 0 || !model.manifest.results.includes('SEG'))
    return undefined;
  const input = {
    ...common,
    frames: found.frames,
    pixelData: found.pixelData,
    overlap: model.manifest.output.kind === 'region-scores',
    seriesUid: uids.segmentationSeries,
    instanceUid: uids.segmentation,
    dimensionOrganizationUid: uids.dimensionOrganization,
    seriesNumber: SERIES_NUMBERS.segmentation,
  };
  const bytes = buildSegmentation(input);
  const read = lintSegmentation(bytes, input);
  return { bytes, read, result: resultOf(SEGMENTATION_STORAGE, uids.segmentation, uids.segmentationSeries) };
}

function reportOf(
  material: ResultMaterial,
  common: CommonInput,
  made: { readonly uids: ResultUids; readonly segmentation: ReadSegmentation | undefined },
): Built {
  const { uids, segmentation } = made;
  const { grid } = common.source;
  const found = material.outcome.segments;
  const input = {
    ...reportInput(material, common, uids),
    outlines: segmentation && found ? outlineSegments({ ...found, rows: grid.rows, columns: grid.columns }) : [],
    ...(segmentation
      ? { segmentation: { sopInstanceUid: uids.segmentation, seriesUid: uids.segmentationSeries } }
      : {}),
    seriesUid: uids.reportSeries,
    instanceUid: uids.report,
    seriesNumber: SERIES_NUMBERS.report,
  };
  const bytes = buildMeasurementReport(input);
  lintReport(bytes, input, segmentation);
  return { bytes, result: resultOf(COMPREHENSIVE_3D_SR_STORAGE, uids.report, uids.reportSeries) };
}

function resultOf(sopClassUid: string, sopInstanceUid: string, seriesInstanceUid: string): Result {
  return { sopClassUid, sopInstanceUid, seriesInstanceUid };
}

function describeSegments({ manifest }: Model, tracking: (segment: number) => string): SegmentDescription[] {
  return manifest.segments.map(({ class: _, ...segment }) => ({
    ...segment,
    trackingId: segment.label,
    trackingUid: tracking(segment.number),
  }));
}

/** The model as the algorithm of a result. */
export function describeAlgorithm({ manifest, key }: Model): Algorithm {
  return {
    name: manifest.algorithm.name,
    version: manifest.version,
    family: manifest.algorithm.family,
    source: manifest.authors.join(', '),
    digest: key,
  };
}
