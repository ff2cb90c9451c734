/** What goes into a graph or comes out of it. */
export interface OnnxValue {
  readonly name: string;
  /** "float32", "float16", "int64", …; "no tensor" for sequences and maps. */
  readonly type: string;
  /** A length, or the word for one that is free; absent: not even the rank is told. */
  readonly shape?: readonly (number | string)[];
}

/** What the file of a network says of itself (onnx.proto3), without its weights. */
export interface OnnxFacts {
  readonly irVersion: number;
  readonly producer: string;
  /** By domain; '' is that of ONNX. */
  readonly opsets: Readonly<Record<string, number>>;
  /** Those that are to be given: without what has its value in the file. */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** How often each operator stands in the graph and its inner graphs, "domain:Name" outside that of ONNX. */
  readonly operators: Readonly<Record<string, number>>;
  /** Files in which weights lie, as they are written. */
  readonly external: readonly string[];
  /** Of the names that were asked for, those that a node computes. */
  readonly computed: readonly string[];
}

export interface OnnxQuestion {
  readonly path: string;
  /** Names of inner tensors that should be there. */
  readonly wanted: readonly string[];
}

export type OnnxAnswer =
  | { readonly ok: true; readonly facts: OnnxFacts }
  | { readonly ok: false; readonly reason: string };

/** TensorProto.DataType */
export const ELEMENT_TYPES: Readonly<Record<number, string>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  8: 'string',
  9: 'bool',
  10: 'float16',
  11: 'float64',
  12: 'uint32',
  13: 'uint64',
  16: 'bfloat16',
};
