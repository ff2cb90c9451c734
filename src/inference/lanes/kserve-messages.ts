import { VoxgateError } from '../../errors.ts';
import { fromFloat16 } from './float16.ts';
import type { NetworkCall, NetworkShape, OutputTensor, Port } from './network.ts';

/**
 * Requests and responses of the Open Inference Protocol with the binary tensor data extension: a JSON header whose length
 * `Inference-Header-Content-Length` gives, then the tensors, little endian, one after the other.
 */

/** Data types of the protocol, as the engine of this project names them, and how their numbers are read. */
const TYPES: Readonly<Record<string, { readonly type: string; readonly bytes: number; readonly read: Reader }>> = {
  BOOL: { type: 'bool', bytes: 1, read: (buffer) => Float32Array.from(new Uint8Array(buffer)) },
  UINT8: { type: 'uint8', bytes: 1, read: (buffer) => Float32Array.from(new Uint8Array(buffer)) },
  UINT16: { type: 'uint16', bytes: 2, read: (buffer) => Float32Array.from(new Uint16Array(buffer)) },
  UINT32: { type: 'uint32', bytes: 4, read: (buffer) => Float32Array.from(new Uint32Array(buffer)) },
  UINT64: { type: 'uint64', bytes: 8, read: (buffer) => Float32Array.from(new BigUint64Array(buffer), Number) },
  INT8: { type: 'int8', bytes: 1, read: (buffer) => Float32Array.from(new Int8Array(buffer)) },
  INT16: { type: 'int16', bytes: 2, read: (buffer) => Float32Array.from(new Int16Array(buffer)) },
  INT32: { type: 'int32', bytes: 4, read: (buffer) => Float32Array.from(new Int32Array(buffer)) },
  INT64: { type: 'int64', bytes: 8, read: (buffer) => Float32Array.from(new BigInt64Array(buffer), Number) },
  FP16: { type: 'float16', bytes: 2, read: (buffer) => fromFloat16(new Uint16Array(buffer)) },
  FP32: { type: 'float32', bytes: 4, read: (buffer) => new Float32Array(buffer) },
  FP64: { type: 'float64', bytes: 8, read: (buffer) => Float32Array.from(new Float64Array(buffer)) },
};
type Reader = (buffer: ArrayBuffer) => Float32Array<ArrayBuffer>;

/** A header longer than this is no header. */
const HEADER_BYTES = 2 ** 20;

export function inferRequest(
  { name, type, dims, values }: NetworkCall['input'],
  outputs: readonly string[],
): { headerLength: number; body: Uint8Array<ArrayBuffer> } {
  const datatype = type === 'float16' ? 'FP16' : 'FP32';
  const header = new TextEncoder().encode(
    JSON.stringify({
      inputs: [{ name, shape: dims, datatype, parameters: { binary_data_size: values.byteLength } }],
      outputs: outputs.map((output) => ({ name: output, parameters: { binary_data: true } })),
    }),
  );
  const body = new Uint8Array(header.length + values.byteLength);
  body.set(header);
  body.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength), header.length);
  return { headerLength: header.length, body };
}

/** @throws VoxgateError inference-failed when the answer is not what was asked for */
export function readInferResponse(
  bytes: Uint8Array<ArrayBuffer>,
  headerLength: string | null,
  wanted: readonly string[],
): OutputTensor[] {
  const length = headerLength === null ? bytes.length : Number(headerLength);
  if (!Number.isInteger(length) || length < 2 || length > bytes.length || length > HEADER_BYTES)
    throw wrong(`its header is given as ${headerLength ?? bytes.length} of ${bytes.length} bytes`);
  const outputs = tensorsOf(parsed(new TextDecoder().decode(bytes.subarray(0, length))), 'outputs');
  const tensors = new Map<string, OutputTensor>();
  let at = length;
  for (const { name, datatype, shape, binarySize } of outputs) {
    if (binarySize === undefined) throw wrong(`its output ${name} is not binary, as it was asked to be`);
    const type = TYPES[datatype];
    if (!type) throw wrong(`its output ${name} is ${datatype}, which is no number`);
    if (shape.some((side) => side < 0)) throw wrong(`its output ${name} has shape ${shape.join('×')}`);
    const expected = shape.reduce((product, side) => product * side, type.bytes);
    if (binarySize !== expected || at + binarySize > bytes.length)
      throw wrong(
        `its output ${name} of shape ${shape.join('×')} has ${Math.min(binarySize, bytes.length - at)} bytes, not ${expected}`,
      );
    tensors.set(name, { dims: shape, values: type.read(bytes.buffer.slice(at, at + binarySize)) });
    at += binarySize;
  }
  return wanted.map((name) => {
    const tensor = tensors.get(name);
    if (!tensor) throw wrong(`it has no output ${name}`);
    return tensor;
  });
}

/** Inputs and outputs of a model's metadata. */
export function describedPorts(text: string): NetworkShape {
  const metadata = parsed(text);
  const ports = (key: 'inputs' | 'outputs') =>
    tensorsOf(metadata, key).map(({ name, datatype, shape }): Port => {
      return { name, type: TYPES[datatype]?.type ?? datatype, dims: shape };
    });
  return { inputs: ports('inputs'), outputs: ports('outputs') };
}

interface NamedTensor {
  readonly name: string;
  readonly datatype: string;
  readonly shape: readonly number[];
  readonly binarySize: number | undefined;
}

function tensorsOf(message: object, key: 'inputs' | 'outputs'): NamedTensor[] {
  const list: unknown = Reflect.get(message, key);
  if (!Array.isArray(list)) throw wrong(`it has no list of ${key}`);
  return list.map((entry: unknown) => {
    const get = (from: unknown, name: string): unknown =>
      typeof from === 'object' && from !== null ? Reflect.get(from, name) : undefined;
    const [name, datatype, shape] = [get(entry, 'name'), get(entry, 'datatype'), get(entry, 'shape')];
    const size = get(get(entry, 'parameters'), 'binary_data_size');
    const lengths = Array.isArray(shape) ? shape.filter((side): side is number => Number.isSafeInteger(side)) : [];
    if (
      typeof name !== 'string' ||
      typeof datatype !== 'string' ||
      !Array.isArray(shape) ||
      lengths.length !== shape.length
    )
      throw wrong(`one of its ${key} has no name, datatype or shape`);
    return { name, datatype, shape: lengths, binarySize: typeof size === 'number' ? size : undefined };
  });
}

function parsed(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // told below
  }
  throw wrong('it is no JSON');
}

function wrong(reason: string): VoxgateError {
  return new VoxgateError('inference-failed', `the answer of the server cannot be used: ${reason}`);
}
