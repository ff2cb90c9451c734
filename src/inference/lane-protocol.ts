/** A tensor in a file: float32, little endian, row-major. */
export interface TensorFile {
  readonly path: string;
  readonly shape: readonly number[];
}

/** Main process → lane. Pixels never pass through the channel. */
export interface LaneRequest {
  readonly modelPath: string;
  readonly threads: number;
  readonly inputName: string;
  readonly input: TensorFile;
  readonly outputName: string;
  readonly outputPath: string;
}

/** Lane → main process. */
export type LaneReply =
  /** Once, when ONNX Runtime is loaded. */
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'done';
      readonly shape: readonly number[];
      readonly provider: string;
      readonly milliseconds: number;
    }
  | { readonly kind: 'failed'; readonly reason: string };
