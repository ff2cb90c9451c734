import type { EnginePolicy, WindowSpec } from './model-manifest.ts';

/** A tensor in a file: little endian, row-major. */
export interface TensorFile {
  readonly path: string;
  readonly shape: readonly number[];
}

/** One run of one model on one tensor, whatever computes it. */
export interface InferenceRequest {
  /** Of the job, for what is told about it. */
  readonly name: string;
  /** Greater is sooner, at the edge of the next window. 0 routine; STAT from 100 on. */
  readonly priority: number;
  readonly model: {
    /** Digest of the model: a session is kept by it. */
    readonly key: string;
    /** Absolute paths; more than one: the mean of their outputs. */
    readonly files: readonly string[];
    readonly engine: EnginePolicy;
  };
  /** float32 [1][channel][a][b][c] (or [1][channel][b][c] where the model is flat). */
  readonly input: { readonly name: string; readonly type: 'float32' | 'float16'; readonly tensor: TensorFile };
  readonly outputs: readonly string[];
  /** Absent: one run of the whole tensor. */
  readonly window?: WindowSpec;
  /**
   * Scores of a spatial output are handed over in slabs of planes across this spatial axis (0 to 2), as soon as no
   * further window touches them. Absent: whole files.
   */
  readonly slabAxis?: 0 | 1 | 2;
  /** Output files are written here; who asked removes them. */
  readonly folder: string;
}

/**
 * Finished planes of the scores: float32 [plane][channel][u][v], u and v the two other spatial axes in order.
 * Ascending, without gaps; handed over one at a time: the next waits for the promise.
 */
export interface Slab {
  readonly path: string;
  readonly firstPlane: number;
  readonly planes: number;
  /** The whole output: [channel][a][b][c]. */
  readonly shape: readonly number[];
}

export interface InferenceResult {
  /** By name of the output; those given by slab have no path. */
  readonly outputs: Readonly<Record<string, { readonly path?: string; readonly shape: readonly number[] }>>;
  /** The execution provider that did run: never another one than asked for. */
  readonly provider: string;
  readonly milliseconds: number;
  /** Windows run, and windows whose answer was known without running them. */
  readonly windows: number;
  readonly skipped: number;
}

/** Where inference is done: local lanes (child processes), or a server that speaks KServe v2. */
export interface Engine {
  /**
   * @throws VoxgateError inference-failed with the reason; a run past its time is killed
   */
  run(
    request: InferenceRequest,
    options: { readonly signal?: AbortSignal; readonly onSlab?: (slab: Slab) => Promise<void> },
  ): Promise<InferenceResult>;
  /** Whether it could take a run now, waiting this long. */
  ready(patienceMs?: number): Promise<boolean>;
  close(): void;
}
