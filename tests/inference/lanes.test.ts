import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { Lanes, laneShape } from '../../src/inference/lanes/lanes.ts';
import type { ModelManifest } from '../../src/inference/model-manifest.ts';
import { farthest } from '../support/parity.ts';
import { aRequest, childrenOf, floatsIn, isGone, parityModel, product, slabReader, someLanes } from './a-request.ts';
import { echoModel, endlessModel, halfModel } from './onnx-models.ts';

const lanes = new Lanes({ cores: 2 });
afterAll(() => lanes.close());

describe('the lanes', () => {
  it('answer many requests at once, and say on what and for how long', async () => {
    const requests = [aRequest(), aRequest({ shape: [1, 1, 2, 2, 2] }), aRequest()];
    const results = await Promise.all(requests.map((request) => lanes.run(request)));
    expect(results.map(({ outputs }) => outputs['y']!.shape)).toEqual([
      [1, 1, 1, 2, 3],
      [1, 1, 2, 2, 2],
      [1, 1, 1, 2, 3],
    ]);
    expect(results[0]).toMatchObject({ provider: 'cpu', milliseconds: expect.any(Number), windows: 1, skipped: 0 });
    expect(floatsIn(results[0]!.outputs['y']!.path!)).toEqual(Float32Array.from([-1.5, -0.5, 0.5, 1.5, 2.5, 3.5]));
  });

  it('give whole numbers as floats, and every output that is asked for', async () => {
    const { outputs } = await lanes.run(aRequest({ outputs: ['z', 'y'] }));
    expect(floatsIn(outputs['z']!.path!)).toEqual(Float32Array.from([-1, 0, 0, 1, 2, 3]));
    expect(floatsIn(outputs['y']!.path!)[5]).toBe(3.5);
  });

  it('give the planes of a whole run one slab after the other too', async () => {
    const request = aRequest({ shape: [1, 2, 3, 4, 5], slabAxis: 1 });
    const { onSlab, scores, slabs } = slabReader(1);
    const { outputs } = await lanes.run(request, { onSlab });
    expect(scores()).toEqual(floatsIn(request.input.tensor.path));
    expect(outputs['y']).toEqual({ shape: [1, 2, 3, 4, 5] });
    expect(slabs.map(({ planes }) => planes)).toEqual([4]);
  });

  it('take 16-bit floats, and give what comes of them in 32', async () => {
    const values = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0x3555, 0x0000);
    const asked = { model: halfModel(), shape: [1, 1, 6, 1, 1], values };
    for (const window of [undefined, { roi: [4, 1, 1] as const, padding: 1 }]) {
      const { outputs } = await lanes.run(aRequest({ ...asked, ...(window && { window }) }));
      expect(floatsIn(outputs['y']!.path!)).toEqual(Float32Array.of(1, -2, 2 ** -24, 65_504, 0.333251953125, 0));
    }
  });

  it('find in the golden pair of this project’s model what its package says', async () => {
    const folder = resolve('models/ct-lung-segmentation/1.0.0');
    const manifest: ModelManifest = JSON.parse(readFileSync(join(folder, 'model.json'), 'utf8'));
    const { input, output, tolerance } = manifest.golden!;
    const golden = (path: string) =>
      new Float32Array(new Uint8Array(gunzipSync(readFileSync(join(folder, path)))).buffer);
    const { outputs } = await lanes.run(
      aRequest({
        model: [join(folder, 'model.onnx')],
        input: manifest.tensors.input.name,
        outputs: [manifest.tensors.output],
        shape: input.shape,
        values: golden(input.path),
      }),
    );
    const { path, shape } = outputs[manifest.tensors.output]!;
    expect(shape).toEqual(output.shape);
    expect(farthest(floatsIn(path!), golden(output.path))).toBeLessThanOrEqual(tolerance);
  });

  it('average what the networks of an ensemble say', async () => {
    const files = [parityModel('tiny-3d.onnx'), parityModel('tiny-3d.onnx')];
    const asked = { input: 'image', outputs: ['scores'], shape: [1, 1, 9, 8, 7], window: { roi: [6, 6, 6] as const } };
    const one = await lanes.run(aRequest({ ...asked, model: files.slice(1) }));
    const two = await lanes.run(aRequest({ ...asked, model: files }));
    expect(floatsIn(two.outputs['scores']!.path!)).toEqual(floatsIn(one.outputs['scores']!.path!));
  });

  it.each([
    ['an output that it has not', { outputs: ['w'] }, 'bad-model', 'the model has no output named w (it has y, z)'],
    ['an input that it has not', { input: 'w' }, 'bad-model', 'the model has no input named w (it has x)'],
    [
      'a file that is no model',
      { model: Buffer.from('garbage') },
      'bad-model',
      'the model cannot be opened with the provider cpu',
    ],
    ['a file that is not there', { model: ['/absent.onnx'] }, 'bad-model', '/absent.onnx'],
    ['a tensor that is not as long as its shape', { values: new Float32Array(5) }, 'inference-failed', 'needs 24'],
    ['a tensor of no image', { shape: [1, 6] }, 'inference-failed', '1×channels×'],
    ['16 bits where it has 32', { values: new Uint16Array(6) }, 'bad-model', 'is float32, the package says float16'],
    ['windows over more than it can be', { window: { overlap: 1 } }, 'bad-model', 'window.overlap is 1'],
    ['windows of two outputs', { window: {}, outputs: ['y', 'z'] }, 'bad-model', 'windows give one output'],
    ['to mirror an axis twice', { window: { mirrorAxes: [1, 1] } }, 'bad-model', 'window.mirrorAxes'],
    [
      'a provider that is not here',
      { engine: { providers: ['cuda' as const] } },
      'inference-failed',
      'the provider cuda alone',
    ],
    [
      'one of several that are not here',
      { engine: { providers: ['tensorrt' as const, 'cuda' as const] } },
      'inference-failed',
      "no provider of the model's list",
    ],
    [
      'a flat model for a volume',
      { model: [parityModel('tiny-2d.onnx')], input: 'image', shape: [1, 1, 4, 4, 4] },
      'bad-model',
      'the model is flat',
    ],
    [
      'a volume of too many channels',
      { model: [parityModel('tiny-3d.onnx')], input: 'image', shape: [1, 2, 4, 4, 4] },
      'bad-model',
      'does not fit 1×2×4×4×4',
    ],
  ])('say what failed when they are asked for %s, and go on', async (_, asked, code, reason) => {
    await expect(lanes.run(aRequest(asked))).rejects.toMatchObject({ code, message: expect.stringContaining(reason) });
    expect((await lanes.run(aRequest())).outputs['y']!.shape).toEqual([1, 1, 1, 2, 3]);
  });

  it('pass over a provider that is not here to one that the list has', async () => {
    const { provider } = await lanes.run(aRequest({ engine: { providers: ['cuda', 'cpu'] } }));
    expect(provider).toBe('cpu');
  });

  it('have at most two slabs lie unread, whoever reads slowly', async () => {
    const request = aRequest({ shape: [1, 1, 40, 4, 4], window: { roi: [2, 4, 4], overlap: 0 }, slabAxis: 0 });
    let most = 0;
    const { onSlab, scores } = slabReader(0);
    await lanes.run(request, {
      onSlab: async (slab) => {
        await new Promise((done) => setTimeout(done, 10));
        const written = readdirSync(request.folder).filter((name) => name.startsWith('slab-')).length;
        most = Math.max(most, written * 2 - slab.firstPlane);
        await onSlab(slab);
      },
    });
    expect(scores()).toHaveLength(product([40, 4, 4]));
    // Planes written beyond the one that is read: those of the second slab, and of a third not yet told of.
    expect(most).toBeLessThanOrEqual(6);
  });

  it('end a job whose reader fails, with its reason', async () => {
    const request = aRequest({ shape: [1, 1, 40, 4, 4], window: { roi: [2, 4, 4], overlap: 0 }, slabAxis: 0 });
    const onSlab = () => Promise.reject(new Error('the disk is full'));
    await expect(lanes.run(request, { onSlab })).rejects.toThrow('the disk is full');
  });

  it('stop between windows when the job is cancelled', async () => {
    const request = aRequest({ shape: [1, 1, 40, 4, 4], window: { roi: [2, 4, 4], overlap: 0 }, slabAxis: 0 });
    const cancel = new AbortController();
    const onSlab = () => {
      cancel.abort(new Error('cancelled'));
      return new Promise<void>(() => undefined);
    };
    await expect(lanes.run(request, { signal: cancel.signal, onSlab })).rejects.toThrow('cancelled');
    await expect(lanes.run(request, { signal: cancel.signal })).rejects.toThrow('cancelled');
    await lanes.run(aRequest());
  });
});

describe.skipIf(process.platform !== 'linux')('a lane process', () => {
  /** Children of this process that were not there when it was called. */
  function newChildren(): () => number[] {
    const before = new Set(childrenOf(process.pid));
    return () => childrenOf(process.pid).filter((pid) => !before.has(pid));
  }

  it('is killed when a job passes its time; another job under way runs again', async () => {
    const lanes = someLanes();
    const ours = newChildren();
    const endless = lanes.run(aRequest({ model: endlessModel(), engine: { timeoutSeconds: 1.5 } }));
    const beside = lanes.run(aRequest({ model: endlessModel(), key: 'other', engine: { timeoutSeconds: 2.5 } }));
    const failures = Promise.allSettled([endless, beside]);
    await vi.waitFor(() => expect(ours()).toHaveLength(1));
    const [busy] = ours();
    const after = lanes.run(aRequest());
    await expect(endless).rejects.toMatchObject({
      code: 'inference-failed',
      message: 'no result within 1.5 s; the lane was ended',
    });
    await vi.waitFor(() => expect(isGone(busy!)).toBe(true));
    expect((await failures)[1]).toMatchObject({
      reason: { message: 'no result within 2.5 s; the lane was ended' },
    });
    expect((await after).outputs['y']!.shape).toEqual([1, 1, 1, 2, 3]);
  });

  it('is started anew when it was killed between two jobs', async () => {
    const lanes = someLanes();
    const ours = newChildren();
    await lanes.run(aRequest());
    const [child] = ours();
    process.kill(child!, 'SIGKILL');
    await vi.waitFor(() => expect(isGone(child!)).toBe(true));
    await new Promise((done) => setTimeout(done, 50));
    expect((await lanes.run(aRequest())).outputs['y']!.shape).toEqual([1, 1, 1, 2, 3]);
  });

  it('is replaced once it has held many models, and no job fails of it', async () => {
    const lanes = someLanes();
    const ours = newChildren();
    await lanes.run(aRequest());
    const [first] = ours();
    for (let i = 0; i < 25; i++) await lanes.run(aRequest({ key: `model ${i}` }));
    await vi.waitFor(() => expect(isGone(first!)).toBe(true));
    await lanes.run(aRequest());
    expect(ours().filter((pid) => !isGone(pid))).toHaveLength(1);
  });

  it('is kept for what is urgent, so that it waits for no run of another model', async () => {
    const lanes = someLanes();
    const ours = newChildren();
    const routine = [1, 2, 3].map((i) => lanes.run(aRequest({ model: endlessModel(), key: `endless ${i}` })));
    const failures = Promise.allSettled(routine);
    const urgent = await lanes.run(aRequest({ priority: 100 }));
    expect(urgent.outputs['y']!.shape).toEqual([1, 1, 1, 2, 3]);
    expect(ours()).toHaveLength(2);
    lanes.close();
    await failures;
  });

  it('is ready when ONNX Runtime is loaded, before the first run; closed it is not', async () => {
    const lanes = someLanes();
    expect(await lanes.ready(0)).toBe(false);
    expect(await lanes.ready(60_000)).toBe(true);
    expect(await lanes.ready(0)).toBe(true);
    lanes.close();
    expect(await lanes.ready(60_000)).toBe(false);
  });

  it('fails what is under way when it is closed', async () => {
    const lanes = someLanes();
    const busy = lanes.run(aRequest({ model: endlessModel() }));
    const failed = expect(busy).rejects.toMatchObject({ code: 'inference-failed' });
    await lanes.ready();
    lanes.close();
    await failed;
    await expect(lanes.run(aRequest())).rejects.toMatchObject({ message: 'the lanes are closed' });
  });

  it.each([
    ['idle', echoModel()],
    ['in a run that never ends', endlessModel()],
  ])('ends with its node, killed by -9, while it is %s', async (_, model) => {
    const script = `
      const { Lanes } = await import('${pathToFileURL(resolve('dist/src/inference/lanes/lanes.js')).href}');
      const run = new Lanes({ cores: 2 }).run(${JSON.stringify(aRequest({ model }))});
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

  it('is given so many cores as there are: runs side by side first, then threads in each', () => {
    expect([1, 2, 4, 8, 16, 64].map(laneShape)).toEqual([
      { runners: 1, threads: 1 },
      { runners: 2, threads: 1 },
      { runners: 4, threads: 1 },
      { runners: 4, threads: 2 },
      { runners: 4, threads: 4 },
      { runners: 4, threads: 16 },
    ]);
  });
});
