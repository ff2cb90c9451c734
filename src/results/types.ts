import type { JsonDataset } from '../dicom/dataset.ts';
import type { Grid, Vec3 } from '../imaging/grid.ts';

/** A coded concept (PS3.3 8.8): value, scheme and meaning. */
export interface Code {
  readonly value: string;
  readonly scheme: string;
  readonly meaning: string;
}

/** One source instance, in slice order of the grid. */
export interface SourceInstance {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  /** From 1; only where the source is a multi-frame image, whose instance then stands here once for each of its slices. */
  readonly frameNumber?: number;
}

export interface SourceSeries {
  /** The header of one source instance (the first slice): patient, study, series and frame-of-reference attributes are copied from it. */
  readonly attributes: JsonDataset;
  /** One instance per slice of the grid, ascending along its normal. */
  readonly instances: readonly SourceInstance[];
  readonly grid: Grid;
  /**
   * Image Position (Patient) of each slice, LPS, mm, where the slices do not stand on the normal at even steps: a tilted
   * gantry, a changed table feed.
   */
  readonly positions?: readonly Vec3[];
  /** False where the pixels of a projection or a frame have no size in mm: lengths are then left out, areas counted. */
  readonly calibrated?: boolean;
}

/** Another series that went into the result: a second channel, an earlier study. */
export interface OtherSource {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly instances: readonly SourceInstance[];
}

/** What was looked for, coded; the same tracking identifiers appear in SEG and SR. */
export interface SegmentDescription {
  /** The model's label, unique. Objects number the segments that were found 1..n (`present-segments.ts`). */
  readonly number: number;
  readonly label: string;
  readonly category: Code;
  readonly type: Code;
  /** Laterality, for one: (24028007, SCT, "Right"). */
  readonly modifier?: Code;
  /** sRGB, 0 to 255. */
  readonly color: readonly [number, number, number];
  readonly trackingId: string;
  readonly trackingUid: string;
}

/** Which algorithm made the result (Segmentation Algorithm Identification Sequence; TID 4019). */
export interface Algorithm {
  readonly name: string;
  readonly version: string;
  /** CID 7162. */
  readonly family: Code;
  readonly source: string;
  /** SHA-256 of the model file, hexadecimal. */
  readonly digest: string;
}

/** This node as a device (Enhanced General Equipment; device observer, TID 1004). */
export interface Device {
  readonly uid: string;
  readonly name: string;
  readonly manufacturer: string;
  readonly modelName: string;
  readonly serialNumber: string;
  readonly softwareVersion: string;
}

export interface SegmentationInput {
  readonly source: SourceSeries;
  /** All that were looked for; one without frames was not found and is not described in the object. */
  readonly segments: readonly SegmentDescription[];
  /** The frames present, ordered by segment then slice; every one non-empty. */
  readonly frames: readonly { readonly segment: number; readonly slice: number }[];
  /** 1 bit a voxel, least significant bit first, running on over frame borders (PS3.5 8.1.1), in the order of `frames`. */
  readonly pixelData: Uint8Array;
  /** Whether a voxel may be of several segments; each frame is of one all the same. */
  readonly overlap?: boolean;
  readonly algorithm: Algorithm;
  readonly device: Device;
  readonly seriesUid: string;
  readonly instanceUid: string;
  readonly dimensionOrganizationUid: string;
  readonly seriesNumber: number;
  /** At most 64 characters; "AI " and the algorithm's name unless given. */
  readonly seriesDescription?: string;
  /** The job that made it, for Contribution Description. */
  readonly job?: string;
  readonly created: Date;
}

/** What the values of a source are, once rescaled. `none`: numbers without a unit, of which no statistics are reported. */
export type ValueUnit = 'HU' | 'SUVbw' | 'SUVlbm' | 'SUVbsa' | 'Bq/ml' | 'none';

export interface SegmentMeasurements {
  readonly segment: number;
  readonly volumeMl: number;
  /** Of the source's own voxels, never of resampled ones. */
  readonly statistics?: {
    readonly unit: ValueUnit;
    readonly mean: number;
    readonly standardDeviation?: number;
    readonly minimum?: number;
    readonly maximum?: number;
    readonly median?: number;
  };
  /** In the plane of acquisition: the greatest diameter, and the greatest at right angles to it. mm. */
  readonly longAxisMm?: number;
  readonly shortAxisMm?: number;
  readonly maximumDiameterMm?: number;
  readonly surfaceMm2?: number;
}

/** What a model says of the image as a whole. */
export interface ClassResult {
  readonly label: string;
  readonly finding: Code;
  readonly outcome: 'present' | 'absent' | 'undetermined';
  /** 0 to 1. */
  readonly probability: number;
  readonly trackingId: string;
  readonly trackingUid: string;
}

/** A box around something found. */
export interface DetectionResult {
  readonly label: string;
  readonly finding: Code;
  /** 0 to 1. */
  readonly probability: number;
  readonly trackingId: string;
  readonly trackingUid: string;
  /** Slices of the grid it reaches through, first and last; on the one in the middle it is drawn. */
  readonly slices: readonly [first: number, last: number];
  /** [column, row] of its corners, the first one again at the end; (0, 0) is the outer corner of the first pixel. */
  readonly points: readonly (readonly [column: number, row: number])[];
}

/** Where a segment is largest, drawn on the source image of that slice. */
export interface SegmentOutline {
  readonly segment: number;
  /** Of the grid. */
  readonly slice: number;
  /** [column, row] of each corner, the first one again at the end; (0, 0) is the outer corner of the first pixel. */
  readonly points: readonly (readonly [column: number, row: number])[];
  /** Inside the outline, holes included. */
  readonly areaPixels: number;
}

export interface ReportInput {
  readonly source: SourceSeries;
  /** Absent when nothing was found: then there is no segmentation either. */
  readonly segmentation?: { readonly sopInstanceUid: string; readonly seriesUid: string };
  /** Series besides the source whose images went in. */
  readonly otherSources?: readonly OtherSource[];
  /** Reports that this one takes the place of (PS3.3 C.17.2.1): they are of the same study. */
  readonly predecessors?: readonly { readonly sopInstanceUid: string; readonly seriesUid: string }[];
  /** All that were looked for; one without measurements is reported as absent. */
  readonly segments: readonly SegmentDescription[];
  readonly measurements: readonly SegmentMeasurements[];
  /** Of segments that were measured: what a viewer can draw of them. */
  readonly outlines: readonly SegmentOutline[];
  readonly findings?: readonly ClassResult[];
  readonly detections?: readonly DetectionResult[];
  /** The outcome in one sentence for the reader of the report ("No lung was found …"). */
  readonly conclusion: string;
  readonly algorithm: Algorithm;
  readonly device: Device;
  readonly seriesUid: string;
  readonly instanceUid: string;
  readonly seriesNumber: number;
  /** At most 64 characters; "AI " and the algorithm's name unless given. */
  readonly seriesDescription?: string;
  /** The job that made it, for Contribution Description. */
  readonly job?: string;
  readonly created: Date;
}
