import type { ErrorCode } from '../errors.ts';
import type { PlacedBox } from './place-boxes.ts';
import type { Restored, RestorerRequest } from './post/restorer.ts';
import type { SliceHeader } from './slice-header.ts';
import type { PreStep } from './transforms/steps.ts';
import type { Volume } from './volume.ts';

/** Where the frame of one slice lies. */
export interface SliceSource {
  /** A PS3.10 file. */
  readonly path: string;
  /**
   * Its fragments in the file, as `frameRanges` of dicom/frames.ts gives them; absent where the bytes of the file are not
   * those of the frame (deflated, big endian) or their place is not known: the file is then parsed.
   */
  readonly ranges?: readonly (readonly [offset: number, length: number])[];
  /** Counted from 1 in its file; 1 where absent. */
  readonly frame?: number;
  readonly header: SliceHeader;
}

/** A stack, and where its frames lie: what fills one input slot of a model. */
export interface OpenSlot extends Pick<Volume, 'grid' | 'channels' | 'units' | 'shear' | 'sliceTaps'> {
  /** In stack order. */
  readonly slices: readonly SliceSource[];
  /** Said to be copies of slices: refused where the pixels differ. */
  readonly copies?: readonly { readonly of: number; readonly source: SliceSource }[];
  readonly frameOfReferenceUid?: string | undefined;
  /** Whether the grid lies in the patient; two slots do, or are of one size. */
  readonly placed: boolean;
  /** Values as they are seen: through window or VOI LUT and presentation, 0 to 1. */
  readonly asShown?: boolean;
}

export interface PrepareRequest {
  readonly steps: readonly PreStep[];
  readonly type: 'float32' | 'float16';
  /** The tensor is written there: [1][channel][a][b][c], little endian. */
  readonly tensorPath: string;
}

export interface Prepared {
  /** [1, channels, a, b, c] */
  readonly shape: readonly number[];
  /** The array axis that runs along the stored slices: scores are best given back in slabs across it. */
  readonly slabAxis: 0 | 1 | 2;
}

export interface BeginRestore extends RestorerRequest {
  /** Of the scores, as the network gave them: [classes, a, b, c], or with the 1 of the batch before it. */
  readonly shape: readonly number[];
}

/** Finished planes of scores: float32, little endian, [plane][class][u][v]. */
export interface ScoreSlab {
  /** Deleted when it was read. */
  readonly path: string;
  readonly firstPlane: number;
  readonly planes: number;
}

/** What the client asks of the volume process, one step at a time. */
export type VolumeStep =
  | { readonly step: 'open'; readonly argument: { readonly slots: readonly (OpenSlot | undefined)[] } }
  | { readonly step: 'prepare'; readonly argument: PrepareRequest }
  | { readonly step: 'begin-restore'; readonly argument: BeginRestore }
  | { readonly step: 'slab'; readonly argument: ScoreSlab }
  | { readonly step: 'finish'; readonly argument?: undefined }
  | { readonly step: 'place-boxes'; readonly argument: { readonly boxes: readonly (readonly number[])[] } };

export interface VolumeResults {
  readonly open: undefined;
  readonly prepare: Prepared;
  readonly 'begin-restore': undefined;
  readonly slab: undefined;
  readonly finish: Restored;
  readonly 'place-boxes': readonly PlacedBox[];
}

export type VolumeReply<Step extends keyof VolumeResults = keyof VolumeResults> =
  | { readonly ok: true; readonly result: VolumeResults[Step] }
  /** Without a code it is our own bug. */
  | { readonly ok: false; readonly code?: ErrorCode; readonly message: string };
