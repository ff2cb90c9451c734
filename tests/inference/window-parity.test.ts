import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { blendWeights } from '../../src/inference/lanes/blend-weights.ts';
import { Lanes } from '../../src/inference/lanes/lanes.ts';
import { layWindows } from '../../src/inference/lanes/window-grid.ts';
import type { WindowSpec } from '../../src/inference/model-manifest.ts';
import { startKserveServer } from '../support/kserve-server.ts';
import { elements, type FixtureTensor, farthest, parityCases } from '../support/parity.ts';
import { aRequest, floatsIn, parityModel, slabReader } from './a-request.ts';

type Roi = readonly [number, number, number];

interface WindowCase {
  readonly name: string;
  readonly network: string;
  readonly window: Omit<WindowSpec, 'roi'> & { readonly roi: Roi | readonly [number, number] };
  readonly input: FixtureTensor;
  readonly expected: FixtureTensor;
}

interface GridCase {
  readonly size: Roi;
  readonly roi: Roi;
  readonly overlap: number;
  readonly starts: readonly (readonly number[])[];
}

interface WeightsCase {
  readonly roi: Roi;
  readonly sigmaScale: number;
  readonly weights: FixtureTensor;
}

const isGrid = (one: GridCase | WeightsCase): one is GridCase => 'starts' in one;
const isWeights = (one: GridCase | WeightsCase): one is WeightsCase => 'weights' in one;
const nnunet = parityCases<GridCase | WeightsCase>('nnunet-window-grid.json');

type Engine = NonNullable<Parameters<typeof aRequest>[0]>['engine'];

function requestOf({ network, window, input }: WindowCase, slabAxis?: 0 | 1 | 2, engine?: Engine) {
  const [b, c, last] = window.roi;
  const roi: Roi = last === undefined ? [1, b, c] : [b, c, last];
  return aRequest({
    model: [parityModel(network)],
    input: 'image',
    outputs: ['scores'],
    shape: input.shape,
    values: elements(input) as Float32Array,
    window: { ...window, roi },
    ...(slabAxis !== undefined && { slabAxis }),
    ...(engine && { engine }),
  });
}

describe('windows laid and weighed as nnU-Net does it', () => {
  it('begin where its own function says', () => {
    const cases = nnunet.filter(isGrid);
    expect(cases.length).toBeGreaterThan(20);
    for (const { size, roi, overlap, starts } of cases)
      expect(layWindows(size, { roi, overlap, grid: 'nnunet' }).starts, `${size} ${roi} ${overlap}`).toEqual(starts);
  });

  it('count as much as its own function says', () => {
    const cases = nnunet.filter(isWeights);
    expect(cases.length).toBeGreaterThan(2);
    for (const { roi, sigmaScale, weights } of cases)
      expect(
        farthest(blendWeights(roi, { blend: 'gaussian', sigmaScale, grid: 'nnunet' }), elements(weights)),
      ).toBeLessThan(1e-6);
  });
});

const CASES = [
  ...parityCases<WindowCase>('sliding-window-monai.json').map((one) => ['MONAI', one.name, one] as const),
  ...parityCases<WindowCase>('nnunet-window.json').map((one) => ['nnU-Net', one.name, one] as const),
];
const lanes = new Lanes({ cores: 2 });
afterAll(() => lanes.close());

describe('windows run by a lane', () => {
  it.each(CASES)('are answered as %s does: %s', async (_library, _name, one) => {
    const expected = elements(one.expected);
    const { outputs } = await lanes.run(requestOf(one));
    expect(farthest(floatsIn(outputs['scores']!.path!), expected)).toBeLessThanOrEqual(1e-5);
    for (const axis of [0, 1, 2] as const) {
      const { onSlab, scores } = slabReader(axis);
      await lanes.run(requestOf(one, axis), { onSlab });
      expect(farthest(scores(), expected), `slabs across ${axis}`).toBeLessThanOrEqual(1e-5);
    }
  });
});

describe('windows run by a server that speaks KServe v2', () => {
  let server: Awaited<ReturnType<typeof startKserveServer>>;
  beforeAll(async () => {
    const names = [...new Set(CASES.map(([, , { network }]) => network))];
    server = await startKserveServer(Object.fromEntries(names.map((name) => [name, parityModel(name)])));
  });
  afterAll(() => server.stop());

  it.each(CASES)('are answered as %s does: %s', async (_library, _name, one) => {
    const engine = { providers: ['kserve' as const], kserve: { url: server.url, model: one.network } };
    const { outputs, provider } = await lanes.run(requestOf(one, undefined, engine));
    expect(provider).toBe('kserve');
    expect(farthest(floatsIn(outputs['scores']!.path!), elements(one.expected))).toBeLessThanOrEqual(1e-5);
  });
});
