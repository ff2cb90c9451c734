import type { ErrorCode } from '../../errors.ts';
import type { InferenceRequest, InferenceResult, Slab } from '../engine.ts';

/** How a lane divides its cores: so many threads that each run a network, of so many threads each. */
export interface LaneShape {
  readonly runners: number;
  readonly threads: number;
}

/** Main process → lane. Pixels never pass through the channel: they lie in files. */
export type ToLane =
  /** Once, first. */
  | { readonly kind: 'shape'; readonly shape: LaneShape }
  | { readonly kind: 'run'; readonly job: number; readonly request: InferenceRequest }
  /** A slab was consumed: another may follow. */
  | { readonly kind: 'taken'; readonly job: number }
  | { readonly kind: 'cancel'; readonly job: number };

/** Lane → main process. */
export type FromLane =
  /** ONNX Runtime is loaded. */
  | { readonly kind: 'ready' }
  /** Every few seconds: its loop goes round. */
  | { readonly kind: 'alive' }
  | { readonly kind: 'slab'; readonly job: number; readonly slab: Slab }
  | { readonly kind: 'done'; readonly job: number; readonly result: InferenceResult }
  | { readonly kind: 'failed'; readonly job: number; readonly code: ErrorCode; readonly reason: string }
  /** The job has had its time and a run of it cannot be interrupted: this process must be killed. */
  | { readonly kind: 'overdue'; readonly job: number; readonly reason: string }
  /** It has grown too large or held too many models: no further jobs, please. */
  | { readonly kind: 'tired' };
