import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { refused } from './config-value.ts';

/** A value that goes into or comes out of a graph; a dimension by name, or unknown, is undefined. */
export interface OnnxValue {
  readonly name: string;
  readonly type: 'float32' | 'float16' | 'other';
  readonly shape: readonly (number | undefined)[];
}

export interface OnnxHeader {
  /** Without those that are weights. */
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  /** Files beside it that hold weights. */
  readonly external: readonly string[];
  /** Domains of operators beyond those of ONNX itself. */
  readonly domains: readonly string[];
}

/** Bytes of a field that is read whole; weights are longer and are stepped over. */
const READ_WHOLE = 4096;
const MAX_FIELDS = 2_000_000;

/**
 * What an ONNX file says of its inputs and outputs (onnx.proto3: ModelProto.graph 7, GraphProto.initializer 5, input 11,
 * output 12), read in pieces: weights are stepped over, nothing is loaded.
 * @throws VoxgateError bad-model: it is no ONNX graph
 */
export async function readOnnxHeader(path: string): Promise<OnnxHeader> {
  const label = basename(path);
  const file = await open(path, 'r');
  try {
    const reader = new FieldReader(file, label, (await file.stat()).size);
    return await reader.model();
  } finally {
    await file.close();
  }
}

class FieldReader {
  private readonly file: FileHandle;
  private readonly label: string;
  private readonly size: number;
  private piece: Buffer = Buffer.alloc(0);
  private pieceAt = 0;
  private fields = 0;

  constructor(file: FileHandle, label: string, size: number) {
    this.file = file;
    this.label = label;
    this.size = size;
  }

  async model(): Promise<OnnxHeader> {
    const inputs: OnnxValue[] = [];
    const outputs: OnnxValue[] = [];
    const external = new Set<string>();
    const weights = new Set<string>();
    const domains = new Set<string>();
    let graphs = 0;
    for await (const [number, from, to] of this.messages(0, this.size)) {
      // opset_import: OperatorSetIdProto.domain = 1
      if (number === 8)
        for await (const [n, f, t] of this.messages(from, to)) if (n === 1) domains.add(await this.text(f, t));
      if (number !== 7) continue;
      graphs++;
      for await (const [field, f, t] of this.messages(from, to)) {
        if (field === 11) inputs.push(await this.value(f, t));
        else if (field === 12) outputs.push(await this.value(f, t));
        else if (field === 5) await this.initializer(f, t, weights, external);
      }
    }
    if (graphs !== 1 || outputs.length === 0) throw refused(this.label, '', 'is no ONNX model: it holds no graph');
    return {
      inputs: inputs.filter(({ name }) => !weights.has(name)),
      outputs,
      external: [...external],
      domains: [...domains].filter((domain) => domain !== '' && domain !== 'ai.onnx'),
    };
  }

  /** TensorProto: name 8, external_data 13 (StringStringEntryProto key 1, value 2). */
  private async initializer(from: number, to: number, names: Set<string>, external: Set<string>): Promise<void> {
    for await (const [field, f, t] of this.messages(from, to)) {
      if (field === 8) names.add(await this.text(f, t));
      if (field !== 13) continue;
      const entry = new Map<number, string>();
      for await (const [part, pf, pt] of this.messages(f, t)) entry.set(part, await this.text(pf, pt));
      if (entry.get(1) === 'location') external.add(entry.get(2) ?? '');
    }
  }

  /** ValueInfoProto: name 1, type 2 → TypeProto.tensor_type 1 → elem_type 1, shape 2 → dim 1 → dim_value 1. */
  private async value(from: number, to: number): Promise<OnnxValue> {
    let name = '';
    let type: OnnxValue['type'] = 'other';
    const shape: (number | undefined)[] = [];
    for await (const [field, f, t] of this.messages(from, to)) {
      if (field === 1) name = await this.text(f, t);
      if (field !== 2) continue;
      for await (const [kind, kf, kt] of this.messages(f, t)) {
        if (kind !== 1) continue;
        for await (const [part, pf, pt, number] of this.messages(kf, kt)) {
          if (part === 1) type = number === 1 ? 'float32' : number === 10 ? 'float16' : 'other';
          if (part !== 2) continue;
          for await (const [dim, df, dt] of this.messages(pf, pt)) {
            if (dim !== 1) continue;
            let length: number | undefined;
            for await (const [what, , , n] of this.messages(df, dt)) if (what === 1 && n > 0) length = n;
            shape.push(length);
          }
        }
      }
    }
    return { name, type, shape };
  }

  /** Fields from one offset up to another: number, and where its bytes lie; the value where it is a plain number. */
  private async *messages(from: number, to: number): AsyncGenerator<readonly [number, number, number, number]> {
    let at = from;
    while (at < to) {
      if (++this.fields > MAX_FIELDS) throw refused(this.label, '', 'has more fields than any model');
      const [tag, afterTag] = await this.varint(at);
      const wire = tag & 7;
      if (wire === 0) {
        const [value, next] = await this.varint(afterTag);
        yield [Math.floor(tag / 8), afterTag, next, value];
        at = next;
        continue;
      }
      if (wire !== 2 && wire !== 5 && wire !== 1) throw refused(this.label, '', 'is no ONNX model');
      const [length, start] = wire === 2 ? await this.varint(afterTag) : ([wire === 5 ? 4 : 8, afterTag] as const);
      if (start + length > to) throw refused(this.label, '', 'is no ONNX model, or breaks off');
      if (wire === 2) yield [Math.floor(tag / 8), start, start + length, 0];
      at = start + length;
    }
  }

  private async varint(at: number): Promise<readonly [number, number]> {
    let value = 0;
    for (let i = 0; i < 10; i++) {
      const byte = await this.byte(at + i);
      value += (byte & 0x7f) * 2 ** (7 * i);
      if (byte < 0x80) return [value, at + i + 1];
    }
    throw refused(this.label, '', 'is no ONNX model');
  }

  private async byte(at: number): Promise<number> {
    const byte = this.piece[at - this.pieceAt];
    if (at >= this.pieceAt && byte !== undefined) return byte;
    if (at >= this.size) throw refused(this.label, '', 'breaks off');
    const piece = Buffer.alloc(Math.min(65_536, this.size - at));
    const { bytesRead } = await this.file.read(piece, 0, piece.length, at);
    this.piece = piece.subarray(0, bytesRead);
    this.pieceAt = at;
    const first = this.piece[0];
    if (first === undefined) throw refused(this.label, '', 'breaks off');
    return first;
  }

  private async text(from: number, to: number): Promise<string> {
    if (to - from > READ_WHOLE) throw refused(this.label, '', 'has a name that is too long');
    const bytes = Buffer.alloc(to - from);
    for (let i = 0; i < bytes.length; i++) bytes[i] = await this.byte(from + i);
    return bytes.toString('utf8');
  }
}
