import { closeSync, fstatSync, openSync } from 'node:fs';
import { ELEMENT_TYPES, type OnnxFacts, type OnnxQuestion, type OnnxValue } from './onnx-facts.ts';
import { type Field, ProtobufFile } from './protobuf-file.ts';

type Bytes = Extract<Field, { kind: 'bytes' }>;

/** A graph of 16 inner graphs in each other, or of a million nodes, is no network. */
const DEEPEST = 16;
const MOST_NODES = 1_000_000;

/** Field numbers of onnx.proto3. */
const MODEL = { irVersion: 1, producer: 2, graph: 7, opset: 8 };
const OPSET = { domain: 1, version: 2 };
const GRAPH = { node: 1, initializer: 5, input: 11, output: 12 };
const NODE = { output: 2, operator: 4, attribute: 5, domain: 7 };
const ATTRIBUTE = { tensor: 5, graph: 6, graphs: 11 };
const TENSOR = { name: 8, external: 13 };
const ENTRY = { key: 1, value: 2 };
const VALUE = { name: 1, type: 2 };
const TYPE = { tensor: 1 };
const TENSOR_TYPE = { element: 1, shape: 2 };
const DIMENSION = { value: 1, word: 2 };

interface Found {
  readonly operators: Record<string, number>;
  readonly external: Set<string>;
  readonly computed: Set<string>;
  readonly wanted: ReadonlySet<string>;
  nodes: number;
}

/**
 * Reads what an ONNX file says of its graph; its weights are stepped over. Blocks: for a process of its own.
 * @throws Error where it is none
 */
export function readOnnx({ path, wanted }: OnnxQuestion): OnnxFacts {
  const descriptor = openSync(path, 'r');
  try {
    const file = new ProtobufFile(descriptor, fstatSync(descriptor).size);
    const found: Found = {
      operators: {},
      external: new Set(),
      computed: new Set(),
      wanted: new Set(wanted),
      nodes: 0,
    };
    const facts = { irVersion: 0, producer: '', opsets: {} as Record<string, number> };
    let graph: Pick<OnnxFacts, 'inputs' | 'outputs'> | undefined;
    for (const field of file.all()) {
      if (field.kind === 'number') {
        if (field.number === MODEL.irVersion) facts.irVersion = field.value;
      } else if (field.number === MODEL.producer) facts.producer = file.text(field);
      else if (field.number === MODEL.opset) readOpset(file, field, facts.opsets);
      else if (field.number === MODEL.graph) graph = readGraph(file, field, found, DEEPEST);
    }
    if (!graph) throw new Error('there is no graph in it');
    const { operators, external, computed } = found;
    return { ...facts, ...graph, operators, external: [...external], computed: [...computed] };
  } finally {
    closeSync(descriptor);
  }
}

function readOpset(file: ProtobufFile, at: Bytes, opsets: Record<string, number>): void {
  let domain = '';
  let version = 0;
  for (const field of file.fields(at.start, at.end)) {
    if (field.kind === 'number' && field.number === OPSET.version) version = field.value;
    if (field.kind === 'bytes' && field.number === OPSET.domain) domain = file.text(field);
  }
  opsets[domain === 'ai.onnx' ? '' : domain] = version;
}

function readGraph(file: ProtobufFile, at: Bytes, found: Found, left: number): Pick<OnnxFacts, 'inputs' | 'outputs'> {
  if (left === 0) throw new Error(`its graphs are nested more than ${DEEPEST} deep`);
  const inputs: OnnxValue[] = [];
  const outputs: OnnxValue[] = [];
  const known = new Set<string>();
  for (const field of file.fields(at.start, at.end)) {
    if (field.kind !== 'bytes') continue;
    if (field.number === GRAPH.node) readNode(file, field, found, left);
    else if (field.number === GRAPH.initializer) known.add(readTensor(file, field, found));
    else if (field.number === GRAPH.input) inputs.push(readValue(file, field));
    else if (field.number === GRAPH.output) outputs.push(readValue(file, field));
  }
  return { inputs: inputs.filter(({ name }) => !known.has(name)), outputs };
}

function readNode(file: ProtobufFile, at: Bytes, found: Found, left: number): void {
  found.nodes += 1;
  if (found.nodes > MOST_NODES) throw new Error(`it has more than ${MOST_NODES} nodes`);
  let operator = '';
  let domain = '';
  for (const field of file.fields(at.start, at.end)) {
    if (field.kind !== 'bytes') continue;
    if (field.number === NODE.operator) operator = file.text(field);
    else if (field.number === NODE.domain) domain = file.text(field);
    else if (field.number === NODE.output && found.wanted.size > 0) {
      const name = file.text(field);
      if (found.wanted.has(name)) found.computed.add(name);
    } else if (field.number === NODE.attribute) readAttribute(file, field, found, left);
  }
  const name = domain === '' || domain === 'ai.onnx' ? operator : `${domain}:${operator}`;
  found.operators[name] = (found.operators[name] ?? 0) + 1;
}

function readAttribute(file: ProtobufFile, at: Bytes, found: Found, left: number): void {
  for (const field of file.fields(at.start, at.end)) {
    if (field.kind !== 'bytes') continue;
    if (field.number === ATTRIBUTE.tensor) readTensor(file, field, found);
    if (field.number === ATTRIBUTE.graph || field.number === ATTRIBUTE.graphs) readGraph(file, field, found, left - 1);
  }
}

/** Its name, and where its values lie if not in it. */
function readTensor(file: ProtobufFile, at: Bytes, { external }: Found): string {
  let name = '';
  for (const field of file.fields(at.start, at.end)) {
    if (field.kind !== 'bytes') continue;
    if (field.number === TENSOR.name) name = file.text(field);
    if (field.number === TENSOR.external) {
      const entry = readEntry(file, field);
      if (entry.key === 'location') external.add(entry.value);
    }
  }
  return name;
}

function readEntry(file: ProtobufFile, at: Bytes): { key: string; value: string } {
  const entry = { key: '', value: '' };
  for (const field of file.fields(at.start, at.end)) {
    if (field.kind !== 'bytes') continue;
    if (field.number === ENTRY.key) entry.key = file.text(field);
    if (field.number === ENTRY.value) entry.value = file.text(field);
  }
  return entry;
}

function readValue(file: ProtobufFile, at: Bytes): OnnxValue {
  let name = '';
  let type: Omit<OnnxValue, 'name'> = { type: 'no tensor' };
  for (const field of file.fields(at.start, at.end)) {
    if (field.kind !== 'bytes') continue;
    if (field.number === VALUE.name) name = file.text(field);
    if (field.number !== VALUE.type) continue;
    for (const inner of file.fields(field.start, field.end))
      if (inner.kind === 'bytes' && inner.number === TYPE.tensor) type = readTensorType(file, inner);
  }
  return { name, ...type };
}

function readTensorType(file: ProtobufFile, at: Bytes): Omit<OnnxValue, 'name'> {
  let type = 'unknown';
  let shape: (number | string)[] | undefined;
  for (const field of file.fields(at.start, at.end)) {
    if (field.kind === 'number') {
      if (field.number === TENSOR_TYPE.element) type = ELEMENT_TYPES[field.value] ?? `type ${field.value}`;
    } else if (field.number === TENSOR_TYPE.shape) {
      shape = [...file.fields(field.start, field.end)].map((one) =>
        one.kind === 'bytes' ? readDimension(file, one) : '?',
      );
    }
  }
  return { type, ...(shape ? { shape } : {}) };
}

function readDimension(file: ProtobufFile, at: Bytes): number | string {
  for (const field of file.fields(at.start, at.end)) {
    if (field.kind === 'number' && field.number === DIMENSION.value) return field.value;
    if (field.kind === 'bytes' && field.number === DIMENSION.word) return file.text(field);
  }
  return '?';
}
