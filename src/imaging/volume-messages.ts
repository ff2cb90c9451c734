import type { ErrorCode } from '../errors.ts';
import type { Shape } from './components.ts';
import type { Grid, Vec3 } from './grid.ts';
import type { Measurement, Segment } from './measure.ts';
import type { PackedFrames } from './pack.ts';
import type { PostprocessOperation } from './postprocess.ts';
import type { SliceHeader } from './slice-header.ts';

/** Where the frame of one slice lies. */
export interface SliceSource {
  /** A PS3.10 file. */
  readonly path: string;
  /**
   * Its fragments in the file, as `frameRanges` of dicom/frames.ts gives them; absent where the bytes of the file are not
   * those of the frame (deflated, big endian) or their place is not known: the file is then parsed.
   */
  readonly ranges?: readonly (readonly [offset: number, length: number])[];
  readonly header: SliceHeader;
}

export interface OpenVolume {
  /** In stack order, ascending along the normal of the grid. */
  readonly slices: readonly SliceSource[];
  readonly grid: Grid;
}

export interface InputSpec {
  /** [x, y, z] in mm; the spacing of the source where absent. */
  readonly spacing?: Vec3;
}

export interface PreparedTensor {
  readonly shape: Shape;
  readonly grid: Grid;
}

export interface RestoreRequest {
  /** 32-bit floats, little endian, [class][z][y][x]. */
  readonly scoresPath: string;
  /** As `prepare` gave it. */
  readonly shape: Shape;
  /** 2 to 255; class 0 is the background. */
  readonly classes: number;
  /** Done to every class that is a segment. */
  readonly postprocess: readonly PostprocessOperation[];
  readonly segments: readonly Segment[];
}

export interface RestoredSegments extends PackedFrames {
  readonly measurements: readonly Measurement[];
}

/** What the client asks of the volume process, one step at a time. */
export type VolumeStep =
  | { readonly step: 'open'; readonly argument: OpenVolume }
  | { readonly step: 'prepare'; readonly argument: { readonly input: InputSpec; readonly tensorPath: string } }
  | { readonly step: 'restore'; readonly argument: RestoreRequest };

export interface VolumeResults {
  readonly open: undefined;
  readonly prepare: PreparedTensor;
  readonly restore: RestoredSegments;
}

export type VolumeReply<Step extends keyof VolumeResults = keyof VolumeResults> =
  | { readonly ok: true; readonly result: VolumeResults[Step] }
  /** Without a code it is our own bug. */
  | { readonly ok: false; readonly code?: ErrorCode; readonly message: string };
