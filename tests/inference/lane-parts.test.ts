import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Triple } from '../../src/imaging/transforms/steps.ts';
import { Clock } from '../../src/inference/lanes/clock.ts';
import { fromFloat16, toFloat16 } from '../../src/inference/lanes/float16.ts';
import { mirrored, mirrorings } from '../../src/inference/lanes/mirror.ts';
import { PlaneSums } from '../../src/inference/lanes/plane-sums.ts';
import { TensorReader } from '../../src/inference/lanes/tensor-reader.ts';
import { layWindows } from '../../src/inference/lanes/window-grid.ts';
import { seeded } from '../support/seeded.ts';
import { aFolder } from '../support/test-node.ts';

describe('the sums of windows', () => {
  it.each([0, 1, 2] as const)('are the same in a file as in memory, across axis %i', (axis) => {
    const folder = aFolder();
    const random = seeded(5);
    const grid = layWindows([7, 6, 9], { roi: [4, 5, 3], overlap: 0.4, grid: 'monai' });
    const weights = Float32Array.from({ length: 60 }, () => 0.1 + random());
    const stores = [2 ** 20, 0].map((kept) => new PlaneSums(grid, weights, axis, 3, folder, kept));
    const starts = grid.starts[0].flatMap((a) =>
      grid.starts[1].flatMap((b) => grid.starts[2].map((c): Triple => [a, b, c])),
    );
    starts.sort((one, other) => one[axis] - other[axis]);
    const taken: Float32Array[][] = [[], []];
    for (const [i, start] of starts.entries()) {
      const scores = Float32Array.from({ length: 180 }, random);
      const next = starts[i + 1]?.[axis] ?? grid.image[axis];
      for (const [store, sums] of stores.entries()) {
        sums.add(start, scores);
        if (next > start[axis]) taken[store]!.push(sums.take(start[axis], next));
      }
    }
    expect(taken[1]).toEqual(taken[0]);
    expect(taken[0]!.reduce((sum, { length }) => sum + length, 0)).toBe(3 * 7 * 6 * 9);
    expect(readdirSync(folder)).toEqual([]);
    for (const sums of stores) sums.close();
  });
});

describe('windows cut from a tensor', () => {
  it('are the same from memory as from the file, inside, across an edge and beside it', () => {
    const path = join(aFolder(), 'x.f32');
    const image: Triple = [4, 5, 6];
    writeFileSync(path, new Uint8Array(Float32Array.from({ length: 240 }, (_, i) => i).buffer));
    const readers = [2 ** 20, 0].map((kept) => new TensorReader(path, 2, image, 'float32', kept));
    for (const start of [
      [0, 0, 0],
      [1, 2, 3],
      [-1, 3, 4],
      [3, -2, -2],
      [9, 0, 0],
      [0, 0, -7],
    ] as const) {
      const [one, other] = readers.map((reader) => {
        const values = new Float32Array(2 * 27);
        reader.cut(start, [3, 3, 3], -5, values, 0);
        return values;
      });
      expect(other, `${start}`).toEqual(one);
      const expected = Float32Array.from({ length: 54 }, (_, i) => {
        const place = [Math.floor(i / 9) % 3, Math.floor(i / 3) % 3, i % 3].map((at, axis) => at + start[axis]!);
        const isInside = place.every((at, axis) => at >= 0 && at < image[axis]!);
        return isInside ? ((Math.floor(i / 27) * 4 + place[0]!) * 5 + place[1]!) * 6 + place[2]! : -5;
      });
      expect(one, `${start}`).toEqual(expected);
    }
    for (const reader of readers) reader.close();
  });
});

describe('16-bit floats', () => {
  it('are what each of their bits says, and back', () => {
    const all = Uint16Array.from({ length: 65_536 }, (_, i) => i);
    const values = fromFloat16(all);
    const wrong = all.filter((bits) => !Number.isNaN(values[bits]!) && toFloat16(values[bits]!) !== bits);
    expect(wrong).toHaveLength(0);
    expect(
      [1, 65_504, 65_519.9, 65_520, 2 ** -25, 2 ** -25 * 1.01, 1 + 2 ** -11, 1 + 3 * 2 ** -11].map(toFloat16),
    ).toEqual([0x3c00, 0x7bff, 0x7bff, 0x7c00, 0, 1, 0x3c00, 0x3c02]);
  });
});

describe('mirroring', () => {
  it('is undone by itself, for every combination of axes', () => {
    const values = Float32Array.from({ length: 48 }, (_, i) => i);
    const all = mirrorings([0, 1, 2]);
    expect(all).toHaveLength(8);
    for (const axes of all) expect(mirrored(mirrored(values, [2, 3, 4], axes), [2, 3, 4], axes)).toEqual(values);
    expect([...mirrored(Float32Array.of(1, 2, 3, 4), [1, 2, 2], [1])]).toEqual([3, 4, 1, 2]);
  });
});

describe('the clock of a job', () => {
  it('runs only while something of the job is done', async () => {
    let rings = 0;
    const clock = new Clock(60, () => rings++);
    const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
    clock.start();
    await pause(20);
    clock.stop();
    await pause(100);
    expect(rings).toBe(0);
    clock.start();
    clock.start();
    clock.stop();
    await pause(100);
    expect(rings).toBe(1);
  });
});
