import { describe, expect, it } from 'vitest';
import { positionOf } from '../../src/imaging/grid.ts';
import { measurer } from '../../src/imaging/measure.ts';
import { packer } from '../../src/imaging/pack.ts';
import { obliqueOrientations, randomNumbers } from './slices.ts';
import { aGrid, aVolume } from './volumes.ts';

/** Bit `i` of packed pixel data: least significant first (PS3.5 8.1.1). */
const bit = (bytes: Uint8Array, i: number): number => (bytes[i >> 3]! >> (i & 7)) & 1;

describe('Binary segmentation frames (PS3.3 C.8.20, PS3.5 8.1.1)', () => {
  const segments = [
    { number: 2, class: 1 },
    { number: 1, class: 3 },
  ];

  it('are packed least significant bit first', () => {
    const frames = packer(aGrid({ columns: 4, rows: 2, slices: 1 }), [{ number: 1, class: 1 }]);
    frames.add(Uint8Array.of(1, 0, 0, 0, 1, 1, 0, 1), 0);
    expect(frames.finish()).toEqual({ frames: [{ segment: 1, slice: 0 }], pixelData: Uint8Array.of(0b10110001) });
  });

  it('come by segment number, then slice, without empty frames and without classes that are no segment', () => {
    const frames = packer(aGrid({ columns: 4, rows: 2, slices: 3 }), segments);
    frames.add(Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 3), 0);
    frames.add(Uint8Array.of(2, 2, 2, 2, 2, 2, 2, 2), 1);
    frames.add(Uint8Array.of(0, 1, 3, 0, 0, 0, 0, 0), 2);
    expect(frames.finish()).toEqual({
      frames: [
        { segment: 1, slice: 0 },
        { segment: 1, slice: 2 },
        { segment: 2, slice: 0 },
        { segment: 2, slice: 2 },
      ],
      pixelData: Uint8Array.of(0b10000000, 0b00000100, 0b00000001, 0b00000010),
    });
  });

  it.each([
    [3, 3],
    [5, 7],
    [8, 1],
    [1, 1],
    [17, 13],
  ])('run on over frame borders: %i x %i', (columns, rows) => {
    const random = randomNumbers(columns * rows);
    const grid = aGrid({ columns, rows, slices: 9 });
    const frames = packer(grid, segments);
    const slices = Array.from({ length: 9 }, (_, slice) =>
      Uint8Array.from({ length: columns * rows }, () => (slice === 4 ? 0 : Math.floor(random() * 4))),
    );
    for (const [slice, labels] of slices.entries()) frames.add(labels, slice);
    const packed = frames.finish();
    expect(packed.pixelData).toHaveLength(Math.ceil((packed.frames.length * columns * rows) / 8));
    const classOf = new Map(segments.map((segment) => [segment.number, segment.class]));
    for (const [i, frame] of packed.frames.entries()) {
      const got = Array.from({ length: columns * rows }, (_, v) => bit(packed.pixelData, i * columns * rows + v));
      expect(got).toEqual([...slices[frame.slice]!].map((label) => (label === classOf.get(frame.segment) ? 1 : 0)));
    }
    const used = packed.frames.length * columns * rows;
    for (let i = used; i < packed.pixelData.length * 8; i++) expect(bit(packed.pixelData, i)).toBe(0);
  });

  it('are none when nothing was found', () => {
    const frames = packer(aGrid({ columns: 4, rows: 2, slices: 1 }), segments);
    frames.add(new Uint8Array(8), 0);
    expect(frames.finish()).toEqual({ frames: [], pixelData: new Uint8Array() });
  });
});

describe('Measurements of a segment', () => {
  it('are taken from the source voxels: count, millilitres, HU and centroid in LPS', () => {
    const grid = aGrid({ columns: 3, rows: 2, slices: 2 }, obliqueOrientations(1, 9)[0]!);
    const volume = aVolume(
      grid,
      (c, r, s) => 100 * c + 10 * r + s,
      (s) => ({ slope: s + 1, intercept: -1000 }),
    );
    const measures = measurer(volume, [
      { number: 1, class: 2 },
      { number: 2, class: 1 },
      { number: 3, class: 3 },
    ]);
    measures.add(Uint8Array.of(2, 0, 0, 0, 0, 2), 0); // stored 0 and 210
    measures.add(Uint8Array.of(0, 2, 1, 0, 0, 0), 1); // stored 101 and 201, slope 2
    const [first, second, ...none] = measures.finish();
    const hu = [-1000, -790, -798];
    const mean = hu.reduce((a, b) => a + b) / 3;
    expect(none).toEqual([]);
    expect(first).toMatchObject({ segment: 1, voxels: 3, minHu: -1000, maxHu: -790 });
    expect(first!.volumeMl).toBeCloseTo((3 * 0.7 * 1.3 * 2) / 1000, 12);
    expect(first!.meanHu).toBeCloseTo(mean, 9);
    expect(first!.stdHu).toBeCloseTo(Math.sqrt(hu.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 3), 6);
    const centroid = positionOf(grid, (0 + 2 + 1) / 3, (0 + 1 + 0) / 3, (0 + 0 + 1) / 3);
    for (const axis of [0, 1, 2] as const) expect(first!.centroid[axis]).toBeCloseTo(centroid[axis], 9);
    expect(second).toMatchObject({ segment: 2, voxels: 1, meanHu: -598, minHu: -598, maxHu: -598, stdHu: 0 });
  });
});
