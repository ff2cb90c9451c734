import type { OnnxAnswer, OnnxQuestion } from './onnx/onnx-facts.ts';

/** A tensor of a golden pair as it lies in its package: float32, little endian, compressed where its name ends in .gz. */
export interface PackedTensor {
  readonly path: string;
  readonly shape: readonly number[];
}

export interface Difference {
  /** Largest of any element; infinite where one of the two is no number. */
  readonly largest: number;
  /** Its place, row-major. */
  readonly at: number;
}

/** What is asked of the process that reads the files of packages, one question each. */
export type CheckTask =
  | { readonly task: 'inspect'; readonly argument: readonly OnnxQuestion[] }
  /** Writes the tensor as an engine takes it. */
  | {
      readonly task: 'unpack';
      readonly argument: { readonly tensor: PackedTensor; readonly type: 'float32' | 'float16'; readonly to: string };
    }
  /** Holds a file of raw float32 against it. */
  | { readonly task: 'compare'; readonly argument: { readonly tensor: PackedTensor; readonly found: string } };

export interface CheckResults {
  readonly inspect: readonly OnnxAnswer[];
  readonly unpack: undefined;
  readonly compare: Difference;
}

export type CheckReply<T extends CheckTask['task'] = CheckTask['task']> =
  | { readonly ok: true; readonly result: CheckResults[T] }
  | { readonly ok: false; readonly reason: string };
