import { describe, expect, it } from 'vitest';
import { filledMask } from '../../../src/imaging/transforms/filled-mask.ts';
import { randomNumbers } from '../slices.ts';

/** A flood from every border voxel, the plainest way. */
function flooded(values: Float32Array, [nx, ny, nz]: readonly [number, number, number]): Uint8Array {
  const outside = new Uint8Array(values.length);
  const queue: (readonly [number, number, number])[] = [];
  const visit = (x: number, y: number, z: number): void => {
    const i = (z * ny + y) * nx + x;
    if (x < 0 || y < 0 || z < 0 || x >= nx || y >= ny || z >= nz || values[i] !== 0 || outside[i] === 1) return;
    outside[i] = 1;
    queue.push([x, y, z]);
  };
  for (let z = 0; z < nz; z++) {
    for (let y = 0; y < ny; y++) {
      for (let x = 0; x < nx; x++) {
        if (x === 0 || y === 0 || z === 0 || x === nx - 1 || y === ny - 1 || z === nz - 1) visit(x, y, z);
      }
    }
  }
  for (let next = queue.pop(); next; next = queue.pop()) {
    const [x, y, z] = next;
    visit(x - 1, y, z);
    visit(x + 1, y, z);
    visit(x, y - 1, z);
    visit(x, y + 1, z);
    visit(x, y, z - 1);
    visit(x, y, z + 1);
  }
  return outside.map((one) => 1 - one);
}

describe('The filled mask', () => {
  it('leaves out the zeros that lead to a border, and fills the others', () => {
    const random = randomNumbers(11);
    for (const share of [0.02, 0.3, 0.5, 0.65, 0.72, 0.9, 1]) {
      for (const counts of [
        [9, 8, 7],
        [24, 20, 16],
        [1, 9, 9],
        [9, 9, 1],
        [13, 1, 6],
      ] as const) {
        const values = Float32Array.from({ length: counts[0] * counts[1] * counts[2] }, () =>
          random() < share ? 1 : 0,
        );
        expect(filledMask([values], counts)).toEqual(flooded(values, counts));
      }
    }
  });

  it('is of all channels together', () => {
    const none = new Float32Array(27);
    const shell = none.map((_, i) => (i === 13 || i === 12 ? 0 : 1));
    expect(filledMask([none, shell], [3, 3, 3])[13]).toBe(0);
    expect(filledMask([none.map((_, i) => (i === 12 ? 5 : 0)), shell], [3, 3, 3])[13]).toBe(1);
  });
});
