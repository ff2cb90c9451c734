import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import type { InferenceRequest, Slab } from '../../src/inference/engine.ts';
import { Lanes, type LanesOptions } from '../../src/inference/lanes/lanes.ts';
import type { WindowSpec } from '../../src/inference/model-manifest.ts';
import { aFolder } from '../support/test-node.ts';
import { echoModel } from './onnx-models.ts';

export function someLanes(options: LanesOptions = { cores: 2 }): Lanes {
  const lanes = new Lanes(options);
  onTestFinished(() => lanes.close());
  return lanes;
}

interface Asked extends Partial<Pick<InferenceRequest, 'name' | 'priority' | 'outputs' | 'slabAxis'>> {
  /** Bytes of a network, or paths of its files. */
  readonly model?: Buffer | readonly string[];
  readonly key?: string;
  readonly shape?: readonly number[];
  readonly values?: Float32Array | Uint16Array;
  readonly input?: string;
  readonly window?: Partial<WindowSpec>;
  readonly engine?: Partial<InferenceRequest['model']['engine']>;
}

/** A request with its files in a folder of its own. */
export function aRequest(asked: Asked = {}): InferenceRequest {
  const { shape = [1, 1, 1, 2, 3], model = echoModel(), values, window, engine, key, input = 'x', ...rest } = asked;
  const folder = aFolder();
  const tensor = values ?? Float32Array.from({ length: product(shape) }, (_, i) => i - 1.5);
  const path = join(folder, 'input.raw');
  writeFileSync(path, new Uint8Array(tensor.buffer, tensor.byteOffset, tensor.byteLength));
  const file = join(folder, 'model.onnx');
  if (Buffer.isBuffer(model)) writeFileSync(file, model);
  const files = Buffer.isBuffer(model) ? [file] : model;
  return {
    name: 'a job',
    priority: 0,
    model: { key: key ?? files.join(), files, engine: { providers: ['cpu'], timeoutSeconds: 60, ...engine } },
    input: { name: input, type: tensor instanceof Uint16Array ? 'float16' : 'float32', tensor: { path, shape } },
    outputs: ['y'],
    folder,
    ...(window && { window: { ...PLAIN, ...window } }),
    ...rest,
  };
}

const PLAIN: WindowSpec = {
  roi: [0, 0, 0],
  overlap: 0.25,
  blend: 'constant',
  sigmaScale: 0.125,
  grid: 'monai',
  padding: 0,
  batch: 1,
};

export function floatsIn(path: string): Float32Array {
  const bytes = readFileSync(path);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

/** Puts slabs together again: [channel][a][b][c]. Refuses gaps and planes out of order. */
export function slabReader(axis: 0 | 1 | 2): {
  onSlab: (slab: Slab) => Promise<void>;
  scores: () => Float32Array;
  slabs: Slab[];
} {
  const slabs: Slab[] = [];
  let scores = new Float32Array(0);
  let expected = 0;
  const onSlab = async (slab: Slab): Promise<void> => {
    const [channels, ...image] = slab.shape as [number, number, number, number];
    if (slabs.length === 0) scores = new Float32Array(product(slab.shape)).fill(Number.NaN);
    if (slab.firstPlane !== expected) throw new Error(`plane ${slab.firstPlane} came, ${expected} was expected`);
    expected += slab.planes;
    slabs.push(slab);
    const values = floatsIn(slab.path);
    const [u, v] = ([0, 1, 2] as const).filter((other) => other !== axis) as [number, number];
    const strides = [image[1]! * image[2]!, image[2]!, 1];
    let at = 0;
    for (let plane = slab.firstPlane; plane < expected; plane++)
      for (let channel = 0; channel < channels; channel++)
        for (let i = 0; i < image[u]!; i++)
          for (let j = 0; j < image[v]!; j++) {
            const place = channel * product(image) + plane * strides[axis]! + i * strides[u]! + j * strides[v]!;
            scores[place] = values[at++]!;
          }
    if (at !== values.length) throw new Error(`the slab has ${values.length} values, not ${at}`);
  };
  return { onSlab, scores: () => scores, slabs };
}

export const product = (lengths: readonly number[]): number => lengths.reduce((so, length) => so * length, 1);

/** A network of tests/fixtures/parity. */
export const parityModel = (name: string): string => resolve('tests/fixtures/parity', name);

/** Process ids of a process's children (proc(5)). */
export const childrenOf = (pid: number): number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);

/** Its threads have ended; what is left is at most a name that the parent has not asked after. */
export const isGone = (pid: number): boolean =>
  !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
