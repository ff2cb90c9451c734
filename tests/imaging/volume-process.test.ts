import { fork } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { float16Of } from '../../src/imaging/float16.ts';
import { positionOf } from '../../src/imaging/grid.ts';
import { phantomGrid, phantomSlices, phantomTruth } from '../../src/imaging/phantom.ts';
import type { SliceHeader } from '../../src/imaging/slice-header.ts';
import type { PreStep } from '../../src/imaging/transforms/steps.ts';
import { type OpenedSlots, openSlots } from '../../src/imaging/volume-client.ts';
import type { BeginRestore, OpenSlot, Prepared, SliceSource } from '../../src/imaging/volume-messages.ts';
import { spawnable } from '../../src/spawnable.ts';
import { hasSharedData } from '../support/shared-data.ts';
import { aRequest, onlyStack } from './assemble/headers.ts';
import { sharedSeries } from './assemble/real-series.ts';
import { aSlice } from './slices.ts';

const folder = mkdtempSync(join(tmpdir(), 'voxgate-volume-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const options = { slices: 40, rows: 128, columns: 128 };

/** The phantom as one file of raw 16-bit pixels. */
function phantomSlot(): OpenSlot {
  const grid = phantomGrid(options);
  const path = join(folder, 'phantom.raw');
  const slices = [...phantomSlices(options)];
  writeFileSync(path, Buffer.concat(slices.map((hu) => Buffer.from(hu.buffer))));
  const bytes = grid.rows * grid.columns * 2;
  const header = (slice: number): SliceHeader =>
    aSlice({
      rows: grid.rows,
      columns: grid.columns,
      pixelSpacing: [grid.rowSpacing, grid.columnSpacing],
      position: positionOf(grid, 0, 0, slice),
    });
  const common = { channels: 1, units: 'HU', placed: true } as const;
  return { ...common, grid, slices: slices.map((_, i) => ({ path, ranges: [[i * bytes, bytes]], header: header(i) })) };
}

const slot = phantomSlot();
const tensorPath = join(folder, 'tensor.f32');
const slabPath = join(folder, 'slab.f32');

function floats(path: string): Float32Array {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** Tensor order [z][y][x], z ascending to the head, at 2 mm. */
const STEPS: readonly PreStep[] = [
  { op: 'orientation', axcodes: 'SPL' },
  { op: 'spacing', pixdim: [2, 2, 2], rule: 'cover', mode: 'linear' },
];
const prepare = (opened: OpenedSlots): Promise<Prepared> =>
  opened.prepare({ steps: STEPS, type: 'float32', tensorPath });

const request = (shape: readonly number[], other: Partial<BeginRestore> = {}): BeginRestore => ({
  shape: [1, 3, ...shape.slice(2)],
  classes: 3,
  kind: 'class-scores',
  postprocess: [
    { op: 'invert', mode: 'linear' },
    { op: 'argmax' },
    { op: 'keep-largest-component', connectivity: 26, independent: true },
  ],
  segments: [
    { number: 1, class: 1 },
    { number: 2, class: 2 },
  ],
  measurements: ['volume', 'statistics'],
  ...other,
});

/**
 * What a model says that calls voxels between air and tissue lung, the rim of the skin included: 1 at the patient's right, 2
 * at the left. In slabs of ten planes.
 */
async function giveScores(opened: OpenedSlots, { shape, slabAxis }: Prepared): Promise<void> {
  expect(slabAxis).toBe(0);
  const [, , planes, rows, columns] = shape as [number, number, number, number, number];
  const hu = floats(tensorPath);
  const size = rows * columns;
  for (let first = 0; first < planes; first += 10) {
    const count = Math.min(10, planes - first);
    const scores = new Float32Array(count * 3 * size);
    for (let plane = 0; plane < count; plane++) {
      for (let i = 0; i < size; i++) {
        // From -955 to -405 HU: half way to air, and half way to soft tissue.
        const lung = 1 / (1 + Math.exp((Math.abs(hu[(first + plane) * size + i]! + 680) - 275) / 10));
        const side = i % columns < columns / 2 ? 1 : 2;
        scores[plane * 3 * size + i] = 1 - lung;
        scores[(plane * 3 + side) * size + i] = lung;
      }
    }
    writeFileSync(slabPath, scores);
    await opened.slab({ path: slabPath, firstPlane: first, planes: count });
    expect(existsSync(slabPath)).toBe(false);
  }
}

describe('The volume process', () => {
  it('prepares a tensor and restores segments slab by slab, which have the volumes of the lungs of the phantom', async () => {
    const opened = await openSlots([slot]);
    try {
      const prepared = await prepare(opened);
      expect(prepared.shape).toEqual([1, 1, 100, 200, 200]);
      expect(floats(tensorPath)).toHaveLength(100 * 200 * 200);
      await opened.beginRestore(request(prepared.shape));
      await giveScores(opened, prepared);
      const found = await opened.finish();
      const { volumesMl } = phantomTruth(options);
      const [right, left] = found.measurements;
      expect(found.measurements.map(({ segment }) => segment)).toEqual([1, 2]);
      expect(Math.abs(right!.volumeMl / volumesMl.rightLung - 1)).toBeLessThan(0.03);
      expect(Math.abs(left!.volumeMl / volumesMl.leftLung - 1)).toBeLessThan(0.03);
      expect(right!.centroid[0]).toBeLessThan(-60);
      expect(left!.centroid[0]).toBeGreaterThan(60);
      // The frames hold as many voxels as were measured.
      const bits = found.pixelData.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
      expect(bits).toBe(right!.voxels + left!.voxels);
      expect(found.pixelData).toHaveLength((found.frames.length * 128 * 128) / 8);
    } finally {
      await opened.close();
    }
  });

  it('writes half floats: the nearest of each, subnormal and infinite ones too', async () => {
    const opened = await openSlots([slot]);
    try {
      await prepare(opened);
      const whole = floats(tensorPath);
      await opened.prepare({ steps: STEPS, type: 'float16', tensorPath });
      const halves = readFileSync(tensorPath);
      expect(halves).toHaveLength(whole.length * 2);
      for (let i = 0; i < whole.length; i += 997) {
        const value = fromHalf(halves.readUInt16LE(i * 2));
        expect(Math.abs(value - whole[i]!)).toBeLessThanOrEqual(Math.abs(whole[i]!) * 2 ** -11);
      }
    } finally {
      await opened.close();
    }
  });

  it('places boxes of the tensor in the patient and in the slices they were found in', async () => {
    const opened = await openSlots([slot]);
    try {
      await prepare(opened);
      // Planes, rows, columns of 2 mm; slices are 5 mm apart, pixels 3.125 mm wide.
      const [box] = await opened.placeBoxes([[10, 20, 30, 20, 40, 60]]);
      const { grid } = slot;
      // Outer edges of the first voxels coincide: tensor index 10 lies (10 + 0.5) x 2 mm from them.
      const edge = positionOf(grid, -0.5, -0.5, -0.5);
      expect(box!.corners).toHaveLength(8);
      const first = [edge[0] + 61, edge[1] + 41, edge[2] + 21];
      for (const axis of [0, 1, 2] as const) expect(box!.corners[0]![axis]).toBeCloseTo(first[axis]!, 6);
      const middle = [edge[0] + 91, edge[1] + 61, edge[2] + 31];
      for (const axis of [0, 1, 2] as const) expect(box!.centre[axis]).toBeCloseTo(middle[axis]!, 6);
      expect(box!.from[0]).toBeCloseTo(61 / grid.columnSpacing - 0.5, 6);
      expect(box!.to[1]).toBeCloseTo(81 / grid.rowSpacing - 0.5, 6);
      expect(box!.slice).toBe(Math.round(31 / grid.sliceSpacing - 0.5));
      await expect(opened.placeBoxes([[5, 5, 5, 4, 9, 9]])).rejects.toMatchObject({ code: 'inference-failed' });
      await expect(opened.placeBoxes([[1, 2, 3]])).rejects.toMatchObject({ code: 'inference-failed' });
    } finally {
      await opened.close();
    }
  });

  it('answers a wrong request with its reason and goes on', async () => {
    const opened = await openSlots([slot]);
    try {
      const prepared = await prepare(opened);
      await expect(opened.beginRestore(request([1, 1, 1, 2, 3]))).rejects.toMatchObject({
        code: 'inference-failed',
        message: 'The scores have the shape 3 x 1 x 2 x 3, and 3 x 100 x 200 x 200 is expected.',
      });
      const unknown = request(prepared.shape, { segments: [{ number: 1, class: 3 }] });
      await expect(opened.beginRestore(unknown)).rejects.toMatchObject({ code: 'bad-model' });
      await opened.beginRestore(request(prepared.shape));
      writeFileSync(slabPath, Buffer.alloc(12));
      await expect(opened.slab({ path: slabPath, firstPlane: 0, planes: 1 })).rejects.toMatchObject({
        code: 'inference-failed',
        message: 'A slab of 1 planes of scores has 12 bytes where 480000 are expected.',
      });
      await expect(opened.slab({ path: join(folder, 'none'), firstPlane: 0, planes: 1 })).rejects.toThrow('ENOENT');
      await expect(
        opened.prepare({
          steps: [{ op: 'orientation', axcodes: 'XYZ' }],
          type: 'float32',
          tensorPath: join(folder, 'other'),
        }),
      ).rejects.toMatchObject({ code: 'bad-model' });
      await opened.beginRestore(request(prepared.shape));
      await giveScores(opened, prepared);
      expect((await opened.finish()).measurements).toHaveLength(2);
    } finally {
      await opened.close();
    }
  });

  it.each<[string, (slices: readonly SliceSource[]) => readonly SliceSource[], string]>([
    [
      'a frame beyond the end of its file',
      ([first, ...rest]) => [{ ...first!, ranges: [[1e9, 32768]] }, ...rest],
      'undecodable',
    ],
    ['a frame of the wrong size', ([first, ...rest]) => [{ ...first!, ranges: [[0, 32766]] }, ...rest], 'undecodable'],
    [
      'a slice of another size',
      ([first, ...rest]) => [{ ...first!, ranges: [[0, 16384]], header: { ...first!.header, rows: 64 } }, ...rest],
      'not-a-volume',
    ],
    ['a slice too few', ([, ...rest]) => rest, 'not-a-volume'],
    [
      'a file that is no DICOM',
      ([first, ...rest]) => [
        { ...first!, path: fileURLToPath(new URL('../../package.json', import.meta.url)), ranges: undefined },
        ...rest,
      ],
      'not-dicom',
    ],
  ])('refuses %s', async (_, change, code) => {
    await expect(openSlots([{ ...slot, slices: change(slot.slices) }])).rejects.toMatchObject({ code });
  });

  it('is killed at its deadline, and the volume is gone', async () => {
    await expect(openSlots([slot], { open: 1 })).rejects.toMatchObject({
      code: 'inference-failed',
      message: expect.stringContaining('(open): no result within 0.001 s'),
    });
    const opened = await openSlots([slot], { prepare: 1 });
    await expect(prepare(opened)).rejects.toMatchObject({ code: 'inference-failed' });
    await expect(prepare(opened)).rejects.toMatchObject({ code: 'inference-failed' });
    await opened.close();
  });

  it('gives up a step under way when it is closed', async () => {
    const opened = await openSlots([slot]);
    const given = expect(prepare(opened)).rejects.toMatchObject({
      code: 'inference-failed',
      // Where it is gone before the step has reached it, it cannot be reached.
      message: expect.stringMatching(/SIGKILL|cannot be reached/),
    });
    await opened.close();
    await given;
  });

  it('goes when its parent does', async () => {
    const child = fork(spawnable(import.meta.url.replace('/tests/', '/src/'), './volume-process.ts'), { execArgv: [] });
    await once(child, 'spawn');
    child.disconnect();
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  it.skipIf(!hasSharedData)(
    'parses the file where no ranges are given: big endian and deflated give the same pixels',
    async () => {
      const series = sharedSeries('transfer-syntaxes/ct-one-image-many-ts');
      const plain = series.headers.filter(({ frames }) =>
        /\.1\.2(\.1|\.2|\.1\.99)?$/.test(frames[0]!.transferSyntaxUid),
      );
      expect(plain).toHaveLength(4);
      const slots = plain.map((header) => {
        const instance = series.headers.indexOf(header);
        const stack = onlyStack([header], aRequest({}, { kind: 'image' }));
        return series.slotOf({ ...stack, frames: stack.frames.map((frame) => ({ ...frame, instance })) });
      });
      expect(slots.filter(({ slices }) => slices[0]!.ranges === undefined)).toHaveLength(2);
      const tensors: Float32Array[] = [];
      for (const one of slots) {
        const opened = await openSlots([one]);
        await opened.prepare({ steps: [], type: 'float32', tensorPath });
        tensors.push(floats(tensorPath));
        await opened.close();
      }
      for (const tensor of tensors.slice(1))
        expect(Buffer.compare(Buffer.from(tensor.buffer), Buffer.from(tensors[0]!.buffer))).toBe(0);
      expect(new Set(tensors[0]!).size).toBeGreaterThan(500);
    },
  );

  it.skipIf(!hasSharedData)(
    'takes 275 slices of JPEG-LS to 2 mm, with two threads, as the uncompressed part has them',
    async () => {
      const series = sharedSeries('series-full/ct-chest-lidc-275-jpegls');
      const opened = await openSlots([series.slotOf(onlyStack(series.headers))]);
      try {
        const { shape } = await prepare(opened);
        expect(shape).toEqual([1, 1, 138, 200, 200]);
        const tensor = floats(tensorPath);
        // The middle of the patient is no air; a corner is.
        expect(tensor[(69 * 200 + 100) * 200 + 100]).toBeGreaterThan(-200);
        expect(tensor[0]).toBeLessThan(-900);
      } finally {
        await opened.close();
      }
    },
  );
});

/** IEEE 754 binary16. */
function fromHalf(bits: number): number {
  const [sign, exponent, fraction] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 0x3ff];
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

describe('Half floats', () => {
  it('are the nearest, ties to even: every half, every point half way between two, and what lies beyond', () => {
    for (let bits = 0; bits < 0x7c00; bits++) {
      const [value, next] = [fromHalf(bits), fromHalf(bits + 1)];
      const middle = bits === 0x7bff ? 65520 : (value + next) / 2;
      const even = bits % 2 === 0 ? bits : bits + 1;
      const got = float16Of(Float32Array.of(value, -value, middle, middle * (1 - 2 ** -20), middle * (1 + 2 ** -20)));
      expect([...got]).toEqual([bits, bits | 0x8000, even, bits, bits + 1]);
    }
    expect([...float16Of(Float32Array.of(1e6, Number.NEGATIVE_INFINITY, 1e-9))]).toEqual([0x7c00, 0xfc00, 0]);
    expect(float16Of(Float32Array.of(Number.NaN))[0]! & 0x7fff).toBeGreaterThan(0x7c00);
  });
});
