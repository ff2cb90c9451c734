import { readFileSync } from 'node:fs';

/** A tensor as tests/fixtures/parity holds it: row-major, little endian, base64. */
export interface FixtureTensor {
  readonly shape: readonly number[];
  readonly type: 'float32' | 'int16' | 'uint8';
  readonly data: string;
}

/** The cases of a file of tests/fixtures/parity; the caller says what is in one. */
export function parityCases<Case>(file: string): readonly Case[] {
  const url = new URL(`../fixtures/parity/${file}`, import.meta.url);
  return (JSON.parse(readFileSync(url, 'utf8')) as { cases: readonly Case[] }).cases;
}

/** The elements, in the order of the tensor. */
export function elements(tensor: FixtureTensor): Float32Array | Int16Array | Uint8Array {
  const bytes = new Uint8Array(Buffer.from(tensor.data, 'base64'));
  switch (tensor.type) {
    case 'float32':
      return new Float32Array(bytes.buffer);
    case 'int16':
      return new Int16Array(bytes.buffer);
    case 'uint8':
      return bytes;
  }
}

/** The greatest absolute difference, NaN where there is one. */
export function farthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let most = 0;
  for (let i = 0; i < a.length; i++) {
    const distance = Math.abs(a[i]! - b[i]!);
    if (!(distance <= most)) most = distance;
  }
  return most;
}
