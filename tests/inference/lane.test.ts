import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { Lane } from '../../src/inference/lane.ts';
import type { LaneRequest } from '../../src/inference/lane-protocol.ts';
import { findModel, loadModels } from '../../src/inference/model-library.ts';
import { aFolder } from '../support/test-node.ts';
import { echoModel, endlessModel } from './onnx-models.ts';

const ENOUGH_MS = 60_000;

function aLane(): Lane {
  const lane = new Lane();
  onTestFinished(() => lane.close());
  return lane;
}

interface Asked extends Partial<Pick<LaneRequest, 'inputName' | 'outputName' | 'modelPath'>> {
  readonly model?: Buffer;
  readonly shape?: readonly number[];
  readonly values?: Float32Array;
}

/** A request with its files in a folder of its own. */
function aRequest({ model = echoModel(), shape = [1, 1, 1, 2, 3], values, ...changes }: Asked = {}): LaneRequest {
  const folder = aFolder();
  const path = join(folder, 'input.f32');
  const count = shape.reduce((product, length) => product * length, 1);
  const tensor = values ?? Float32Array.from({ length: count }, (_, i) => i - 1.5);
  writeFileSync(path, new Uint8Array(tensor.buffer, tensor.byteOffset, tensor.byteLength));
  writeFileSync(join(folder, 'model.onnx'), model);
  const modelPath = join(folder, 'model.onnx');
  const outputPath = join(folder, 'output.f32');
  return { modelPath, threads: 1, inputName: 'x', input: { path, shape }, outputName: 'y', outputPath, ...changes };
}

function outputOf({ outputPath }: LaneRequest): Float32Array {
  const bytes = readFileSync(outputPath);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** Process ids of a process's children (proc(5)). */
const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

/** Its threads have ended; what is left is at most a name that the parent has not asked after. */
const isGone = (pid: number): boolean =>
  !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');

async function theLungModel() {
  const model = findModel(await loadModels([resolve('models')]), 'ct-lung-segmentation@1.0.0');
  if (!model) throw new Error('the model of this project is not in its library');
  return model;
}

describe('the inference lane', () => {
  it('runs one request after the other and says on what and for how long', async () => {
    const lane = aLane();
    const requests = [aRequest(), aRequest({ shape: [1, 1, 2, 2, 2] }), aRequest()];
    const results = await Promise.all(requests.map((request) => lane.run(request, ENOUGH_MS)));
    expect(results.map(({ shape }) => shape)).toEqual([
      [1, 1, 1, 2, 3],
      [1, 1, 2, 2, 2],
      [1, 1, 1, 2, 3],
    ]);
    expect(results[0]).toMatchObject({ provider: 'cpu', milliseconds: expect.any(Number) });
    expect(outputOf(requests[0]!)).toEqual(Float32Array.from([-1.5, -0.5, 0.5, 1.5, 2.5, 3.5]));
  });

  it('runs the model of this project on a small tensor: a score for each class and voxel', async () => {
    const { manifest, files } = await theLungModel();
    const values = new Float32Array(20 * 24 * 28).fill(-1000);
    const request = aRequest({
      modelPath: files[0]!,
      shape: [1, 1, 20, 24, 28],
      values,
      inputName: manifest.tensors.input.name,
      outputName: manifest.tensors.output,
    });
    const { shape } = await aLane().run(request, ENOUGH_MS);
    expect(shape).toEqual([1, manifest.output.classes.length, 20, 24, 28]);
    const scores = outputOf(request);
    expect(scores).toHaveLength(3 * values.length);
    // Air without a body around it is no lung.
    expect(greatest(scores, 3)).toEqual([values.length, 0, 0]);
  });

  it('finds in the golden phantom of this project’s model what its package says', async () => {
    const { manifest, files, folder } = await theLungModel();
    const golden: Golden = JSON.parse(readFileSync(join(folder, 'golden', 'phantom.json'), 'utf8'));
    const { columns, rows, slices } = golden.grid;
    const request = aRequest({
      modelPath: files[0]!,
      shape: [1, 1, slices, rows, columns],
      values: paint(golden),
      inputName: manifest.tensors.input.name,
      outputName: manifest.tensors.output,
    });
    await aLane().run(request, ENOUGH_MS);
    const voxels = greatest(outputOf(request), manifest.output.classes.length);
    const off = voxels.map((count, i) => Math.abs(count - golden.expected.voxels[i]!));
    expect(Math.max(...off)).toBeLessThanOrEqual(golden.expected.tolerance);
  });

  it.each([
    ['an output that it has not', { outputName: 'w' }, 'the model has no output named w (it has y, z)'],
    ['an output of another type', { outputName: 'z' }, 'the output z is int64, not float32'],
    ['an input that it has not', { inputName: 'w' }, "'x'"],
    ['a file that is no model', { model: Buffer.from('garbage') }, 'the model failed: '],
    ['a file that is not there', { modelPath: '/absent.onnx' }, '/absent.onnx'],
    ['a tensor that is not as long as its shape', { values: new Float32Array(5) }, 'its shape 1×1×1×2×3 needs 24'],
  ])('says what failed when it is asked for %s, and goes on', async (_, asked, reason) => {
    const lane = aLane();
    const sound = aRequest();
    await lane.run(sound, ENOUGH_MS);
    const refused = aRequest(asked);
    await expect(lane.run(refused, ENOUGH_MS)).rejects.toMatchObject({
      code: 'inference-failed',
      message: expect.stringContaining(reason),
    });
    expect(existsSync(refused.outputPath)).toBe(false);
    expect((await lane.run(sound, ENOUGH_MS)).shape).toEqual([1, 1, 1, 2, 3]);
  });

  it.skipIf(process.platform !== 'linux')('kills a run that passes its time, and the next one runs', async () => {
    const lane = aLane();
    const before = new Set(childrenOf(process.pid));
    const endless = lane.run(aRequest({ model: endlessModel() }), 1500);
    const next = lane.run(aRequest(), ENOUGH_MS);
    const ours = () => childrenOf(process.pid).filter((pid) => !before.has(pid));
    await vi.waitFor(() => expect(ours()).toHaveLength(1));
    const [busy] = ours();
    await expect(endless).rejects.toMatchObject({
      code: 'inference-failed',
      message: 'no result within 1.5 s; the lane was ended',
    });
    await vi.waitFor(() => expect(isGone(busy!)).toBe(true));
    expect((await next).shape).toEqual([1, 1, 1, 2, 3]);
  });

  it.skipIf(process.platform !== 'linux')('starts anew when its process was killed between two runs', async () => {
    const lane = aLane();
    const before = new Set(childrenOf(process.pid));
    await lane.run(aRequest(), ENOUGH_MS);
    const [child] = childrenOf(process.pid).filter((pid) => !before.has(pid));
    process.kill(child!, 'SIGKILL');
    await vi.waitFor(() => expect(isGone(child!)).toBe(true));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await lane.run(aRequest(), ENOUGH_MS)).shape).toEqual([1, 1, 1, 2, 3]);
  });

  it('is ready when ONNX Runtime is loaded, before the first run; closed it is not', async () => {
    const lane = aLane();
    expect(await lane.ready(0)).toBe(false);
    expect(await lane.ready(ENOUGH_MS)).toBe(true);
    expect(await lane.ready(0)).toBe(true);
    expect((await lane.run(aRequest(), ENOUGH_MS)).shape).toEqual([1, 1, 1, 2, 3]);
    lane.close();
    expect(await lane.ready(ENOUGH_MS)).toBe(false);
  });

  it('fails the run under way and those that wait when it is closed', async () => {
    const lane = aLane();
    const busy = lane.run(aRequest({ model: endlessModel() }), ENOUGH_MS);
    const waiting = lane.run(aRequest(), ENOUGH_MS);
    const failures = Promise.allSettled([busy, waiting]);
    await new Promise((resolve) => setTimeout(resolve, 500));
    lane.close();
    expect(await failures).toMatchObject([
      { status: 'rejected', reason: { code: 'inference-failed', message: "the lane's process ended (SIGKILL)" } },
      { status: 'rejected', reason: { code: 'inference-failed', message: 'the lane is closed' } },
    ]);
  });

  it.skipIf(process.platform !== 'linux').each([
    ['idle', echoModel()],
    ['in a run that never ends', endlessModel()],
  ])('ends with its node, killed by -9, while it is %s', async (_, model) => {
    const request = aRequest({ model });
    const script = `
      const { Lane } = await import('${pathToFileURL(resolve('dist/src/inference/lane.js')).href}');
      const run = new Lane().run(${JSON.stringify(request)}, 600_000);
      await Promise.race([run, new Promise((r) => setTimeout(r, 1500))]);
      console.log('ready'); setInterval(() => {}, 1000);`;
    const node = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    onTestFinished(() => void node.kill('SIGKILL'));
    await once(node.stdout, 'data');
    const [lane] = childrenOf(node.pid!);
    expect(isGone(lane!)).toBe(false);
    node.kill('SIGKILL');
    await vi.waitFor(() => expect(isGone(lane!)).toBe(true), { timeout: 5000, interval: 50 });
  });
});

interface Golden {
  readonly grid: { readonly columns: number; readonly rows: number; readonly slices: number; readonly spacing: number };
  readonly outsideHu: number;
  readonly shapes: readonly {
    readonly centre: readonly (number | null)[];
    readonly radii: readonly (number | null)[];
    readonly hu: number;
  }[];
  readonly expected: { readonly voxels: readonly number[]; readonly tolerance: number };
}

/** A voxel takes the HU of the last ellipsoid that holds its centre (index × spacing); [slice][row][column]. */
function paint({ grid, outsideHu, shapes }: Golden): Float32Array {
  const hu = new Float32Array(grid.slices * grid.rows * grid.columns).fill(outsideHu);
  for (const shape of shapes) {
    const share = (axis: number, index: number): number => {
      const [centre, radius] = [shape.centre[axis] ?? 0, shape.radii[axis] ?? Number.POSITIVE_INFINITY];
      return ((index * grid.spacing - centre) / radius) ** 2;
    };
    for (let z = 0, at = 0; z < grid.slices; z++)
      for (let y = 0; y < grid.rows; y++) {
        const across = share(2, z) + share(1, y);
        for (let x = 0; x < grid.columns; x++, at++) if (across + share(0, x) <= 1) hu[at] = shape.hu;
      }
  }
  return hu;
}

/** Voxels of each class: where its score is the greatest, the first of equal ones. */
function greatest(scores: Float32Array, classes: number): number[] {
  const voxels = scores.length / classes;
  const counts = new Array<number>(classes).fill(0);
  for (let voxel = 0; voxel < voxels; voxel++) {
    let best = 0;
    for (let k = 1; k < classes; k++) if (scores[k * voxels + voxel]! > scores[best * voxels + voxel]!) best = k;
    counts[best]! += 1;
  }
  return counts;
}
