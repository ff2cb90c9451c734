import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { positionOf } from '../../src/imaging/grid.ts';
import { phantomGrid, phantomSlices, phantomTruth } from '../../src/imaging/phantom.ts';
import type { SliceHeader } from '../../src/imaging/slice-header.ts';
import { assembleStack } from '../../src/imaging/stack.ts';
import { openVolume } from '../../src/imaging/volume-client.ts';
import type { OpenVolume, RestoreRequest, SliceSource } from '../../src/imaging/volume-messages.ts';
import { spawnable } from '../../src/spawnable.ts';
import { hasSharedData } from '../support/shared-data.ts';
import { imagesIn } from './series.ts';
import { aSlice } from './slices.ts';

const folder = mkdtempSync(join(tmpdir(), 'voxgate-volume-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const options = { slices: 40, rows: 128, columns: 128 };

/** The phantom as one file of raw 16-bit pixels. */
function phantomVolume(): OpenVolume {
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
  return { grid, slices: slices.map((_, i) => ({ path, ranges: [[i * bytes, bytes]], header: header(i) })) };
}

const volume = phantomVolume();
const tensorPath = join(folder, 'tensor.f32');
const scoresPath = join(folder, 'scores.f32');

function floats(path: string): Float32Array {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** A model that calls voxels between air and tissue lung, the rim of the skin included: 1 at the patient's right, 2 at the left. */
function writeScores([, , width]: readonly number[]): void {
  const hu = floats(tensorPath);
  const scores = new Float32Array(3 * hu.length);
  for (let i = 0; i < hu.length; i++) {
    // From -955 to -405 HU: half way to air, and half way to soft tissue.
    const lung = 1 / (1 + Math.exp((Math.abs(hu[i]! + 680) - 275) / 10));
    const side = i % width! < width! / 2 ? 1 : 2;
    scores[i] = 1 - lung;
    scores[side * hu.length + i] = lung;
  }
  writeFileSync(scoresPath, scores);
}

const request = (shape: RestoreRequest['shape'], other: Partial<RestoreRequest> = {}): RestoreRequest => ({
  scoresPath,
  shape,
  classes: 3,
  postprocess: [{ op: 'keep-largest-component' }, { op: 'minimum-volume', millilitres: 100 }],
  segments: [
    { number: 1, class: 1 },
    { number: 2, class: 2 },
  ],
  ...other,
});

describe('The volume process', () => {
  it('prepares a tensor and restores segments, which have the volumes of the lungs of the phantom', async () => {
    const opened = await openVolume(volume);
    try {
      const { shape, grid } = await opened.prepare({ spacing: [2, 2, 2] }, tensorPath);
      expect(shape).toEqual([100, 200, 200]);
      expect(grid).toMatchObject({ columns: 200, rows: 200, slices: 100, sliceSpacing: 2 });
      expect(floats(tensorPath)).toHaveLength(100 * 200 * 200);
      writeScores(shape);
      const found = await opened.restore(request(shape));
      const { volumesMl } = phantomTruth(options);
      const [right, left] = found.measurements;
      expect(found.measurements.map(({ segment }) => segment)).toEqual([1, 2]);
      expect(Math.abs(right!.volumeMl / volumesMl.rightLung - 1)).toBeLessThan(0.03);
      expect(Math.abs(left!.volumeMl / volumesMl.leftLung - 1)).toBeLessThan(0.03);
      expect(right!.centroid[0]).toBeLessThan(-60);
      expect(left!.centroid[0]).toBeGreaterThan(60);
      expect(Math.abs(right!.meanHu + 850)).toBeLessThan(10);
      // The frames hold as many voxels as were measured.
      const bits = found.pixelData.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
      expect(bits).toBe(right!.voxels + left!.voxels);
      expect(found.pixelData).toHaveLength((found.frames.length * 128 * 128) / 8);
    } finally {
      await opened.close();
    }
  });

  it('answers a wrong request with its reason and goes on', async () => {
    const opened = await openVolume(volume);
    try {
      const { shape } = await opened.prepare({ spacing: [5, 5, 5] }, tensorPath);
      writeScores(shape);
      await expect(opened.restore(request([1, 2, 3]))).rejects.toMatchObject({
        code: 'inference-failed',
        message: 'The scores have the shape 1 x 2 x 3, the input had 40 x 80 x 80.',
      });
      await expect(opened.restore(request(shape, { classes: 4 }))).rejects.toMatchObject({
        message: 'The scores take 3072000 bytes where 4096000 are expected.',
      });
      await expect(opened.restore(request(shape, { segments: [{ number: 1, class: 3 }] }))).rejects.toMatchObject({
        code: 'inference-failed',
      });
      await expect(opened.restore(request(shape, { scoresPath: join(folder, 'none') }))).rejects.toThrow('ENOENT');
      await expect(opened.prepare({ spacing: [0, 1, 1] }, tensorPath)).rejects.toMatchObject({ code: 'bad-model' });
      expect((await opened.restore(request(shape))).measurements).toHaveLength(2);
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
    await expect(openVolume({ ...volume, slices: change(volume.slices) })).rejects.toMatchObject({ code });
  });

  it('is killed at its deadline, and the volume is gone', async () => {
    await expect(openVolume(volume, { open: 1 })).rejects.toMatchObject({
      code: 'inference-failed',
      message: expect.stringContaining('(open): no result within 0.001 s'),
    });
    const opened = await openVolume(volume, { prepare: 1 });
    await expect(opened.prepare({ spacing: [2, 2, 2] }, tensorPath)).rejects.toMatchObject({
      code: 'inference-failed',
    });
    await expect(opened.prepare({ spacing: [2, 2, 2] }, tensorPath)).rejects.toMatchObject({
      code: 'inference-failed',
    });
    await opened.close();
  });

  it('gives up a step under way when it is closed', async () => {
    const opened = await openVolume(volume);
    const step = opened.prepare({ spacing: [1, 1, 1] }, tensorPath);
    const given = expect(step).rejects.toMatchObject({
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
      const images = imagesIn('transfer-syntaxes/ct-one-image-many-ts').filter(({ header }) =>
        /\.1\.2(\.1|\.2|\.1\.99)?$/.test(header.transferSyntaxUid),
      );
      expect(images).toHaveLength(4);
      expect(images.filter(({ ranges }) => ranges === undefined)).toHaveLength(2);
      const { pixelSpacing, rowDirection, columnDirection, position } = images[0]!.header;
      const grid = {
        columns: 512,
        rows: 512,
        slices: 4,
        columnSpacing: pixelSpacing![1],
        rowSpacing: pixelSpacing![0],
        sliceSpacing: 5,
        rowDirection: rowDirection!,
        columnDirection: columnDirection!,
        normal: [0, 0, 1] as const,
        origin: position!,
      };
      const opened = await openVolume({ grid, slices: images });
      try {
        const { shape } = await opened.prepare({}, tensorPath);
        expect(shape).toEqual([4, 512, 512]);
        const tensor = floats(tensorPath);
        const planes = [0, 1, 2, 3].map((z) => tensor.subarray(z * 512 * 512, (z + 1) * 512 * 512));
        for (const plane of planes.slice(1))
          expect(Buffer.compare(Buffer.from(plane.slice().buffer), Buffer.from(planes[0]!.slice().buffer))).toBe(0);
        expect(new Set(planes[0]!).size).toBeGreaterThan(500);
      } finally {
        await opened.close();
      }
    },
  );

  it.skipIf(!hasSharedData)('takes 275 slices of JPEG-LS to 2 mm', async () => {
    const images = imagesIn('series-full/ct-chest-lidc-275-jpegls');
    const stack = assembleStack(images.map(({ header }) => header));
    if (!stack.ok) throw new Error(stack.reason);
    const opened = await openVolume({ grid: stack.grid, slices: stack.order.map((i) => images[i]!) });
    try {
      const { shape } = await opened.prepare({ spacing: [2, 2, 2] }, tensorPath);
      expect(shape).toEqual([138, 200, 200]);
      const tensor = floats(tensorPath);
      // The middle of the patient is no air; a corner is.
      expect(tensor[(69 * 200 + 100) * 200 + 100]).toBeGreaterThan(-200);
      expect(tensor[0]).toBeLessThan(-900);
    } finally {
      await opened.close();
    }
  });
});
