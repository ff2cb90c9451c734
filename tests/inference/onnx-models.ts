/** ONNX models small enough to write by hand: protocol buffers, the field numbers of onnx.proto3 (IR version 8). */

const FLOAT = 1;
const FLOAT16 = 10;
const INT64 = 7;
const BOOL = 9;
const GRAPH = 5;
const INT = 2;

function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value);
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}

const number = (field: number, value: number | bigint): Buffer => Buffer.concat([varint(field << 3), varint(value)]);
const message = (field: number, ...parts: Buffer[]): Buffer => {
  const content = Buffer.concat(parts);
  return Buffer.concat([varint((field << 3) | 2), varint(content.length), content]);
};
const text = (field: number, value: string): Buffer => message(field, Buffer.from(value));

const node = (
  operator: string,
  inputs: readonly string[],
  outputs: readonly string[],
  ...attributes: Buffer[]
): Buffer =>
  message(
    1,
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, operator),
    ...attributes,
  );
const attribute = (name: string, type: number, value: Buffer): Buffer =>
  message(5, text(1, name), value, number(20, type));
/** A scalar without `rank`; with it, dimensions of any length. */
const value = (field: number, name: string, type: number, rank = 0): Buffer =>
  message(
    field,
    text(1, name),
    message(
      2,
      message(
        1,
        number(1, type),
        message(2, ...Array.from({ length: rank }, (_, i) => message(1, text(2, `${name}${i}`)))),
      ),
    ),
  );
const input = (name: string, type: number, rank?: number): Buffer => value(11, name, type, rank);
const output = (name: string, type: number, rank?: number): Buffer => value(12, name, type, rank);
const scalar = (name: string, type: number, content: Buffer): Buffer =>
  message(5, number(2, type), text(8, name), message(9, content));
const vector = (name: string, values: readonly number[]): Buffer => {
  const content = Buffer.alloc(8 * values.length);
  for (const [i, value_] of values.entries()) content.writeBigInt64LE(BigInt(value_), 8 * i);
  return message(5, number(1, values.length), number(2, INT64), text(8, name), message(9, content));
};
const model = (...graph: Buffer[]): Buffer =>
  Buffer.concat([number(1, 8), message(7, text(2, 'graph'), ...graph), message(8, text(1, ''), number(2, 13))]);

/** x → y, the same; and z, the same as whole numbers. */
export function echoModel(): Buffer {
  return model(
    node('Identity', ['x'], ['y']),
    node('Cast', ['x'], ['z'], attribute('to', INT, number(3, INT64))),
    input('x', FLOAT, 5),
    output('y', FLOAT, 5),
    output('z', INT64, 5),
  );
}

/** x [1][1][rows][columns] → y [1][1]: the mean of its left half (of its columns). A mirrored image gives another. */
export function leftHalfModel(columns: number): Buffer {
  return model(
    node('Slice', ['x', 'from', 'to', 'axis'], ['left']),
    node('GlobalAveragePool', ['left'], ['mean']),
    node('Flatten', ['mean'], ['y']),
    vector('from', [0]),
    vector('to', [columns / 2]),
    vector('axis', [3]),
    input('x', FLOAT, 4),
    output('y', FLOAT, 2),
  );
}

/** x → y, the same, 16 bits wide. */
export function halfModel(): Buffer {
  return model(node('Identity', ['x'], ['y']), input('x', FLOAT16, 5), output('y', FLOAT16, 5));
}

/** x → y after 2^62 rounds: it never ends. */
export function endlessModel(): Buffer {
  const rounds = Buffer.alloc(8);
  rounds.writeBigInt64LE(2n ** 62n);
  const body = message(
    6,
    text(2, 'body'),
    node('Identity', ['more'], ['again']),
    node('Neg', ['from'], ['to']),
    input('round', INT64),
    input('more', BOOL),
    input('from', FLOAT, 5),
    output('again', BOOL),
    output('to', FLOAT, 5),
  );
  return model(
    node('Loop', ['rounds', 'go', 'x'], ['y'], attribute('body', GRAPH, body)),
    scalar('rounds', INT64, rounds),
    scalar('go', BOOL, Buffer.from([1])),
    input('x', FLOAT, 5),
    output('y', FLOAT, 5),
  );
}

/** x → y, the same, by an operator of somebody's own library. */
export function strangeModel(): Buffer {
  return model(
    message(1, text(1, 'x'), text(2, 'y'), text(4, 'Anything'), text(7, 'somebody.example')),
    input('x', FLOAT, 5),
    output('y', FLOAT, 5),
  );
}

/** x + w → y, where w lies in another file. */
export function externalModel(location: string): Buffer {
  const entry = (key: string, content: string): Buffer => message(13, text(1, key), text(2, content));
  return model(
    node('Add', ['x', 'w'], ['y']),
    message(5, number(1, 1), number(2, FLOAT), text(8, 'w'), entry('location', location), number(14, 1)),
    input('x', FLOAT, 5),
    output('y', FLOAT, 5),
  );
}
