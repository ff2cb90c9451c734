import { gzipSync } from 'node:zlib';
import { describe, expect, it, onTestFinished } from 'vitest';
import { checkModel, type ModelCheck } from '../../src/inference/check-model.ts';
import { Lanes } from '../../src/inference/lanes/lanes.ts';
import { loadModels } from '../../src/inference/model-library.ts';
import { peakOfLanes } from '../../src/inference/peak-memory.ts';
import { aFolder } from '../support/test-node.ts';
import { anEcho, type Package, put } from './packages.ts';

const lanes = new Lanes({ cores: 1 });

async function check(wanted: Package): Promise<ModelCheck> {
  const library = aFolder();
  put(library, wanted);
  const { models, broken } = await loadModels([library]);
  expect(broken).toEqual([]);
  const options = { workFolder: aFolder(), warmRuns: 2, peakBytes: peakOfLanes };
  return checkModel(models[0]!, { engineFor: () => lanes, ...options });
}

const floats = (values: readonly number[]): Buffer => Buffer.from(Float32Array.from(values).buffer);
const someValues = Array.from({ length: 24 }, (_, i) => i / 24);
const other = (at: number, value: number): Buffer => floats(someValues.map((one, i) => (i === at ? value : one)));

describe('the check of a model package', () => {
  it('reproduces its golden pair, and says how fast and with how much memory', async () => {
    const report = await check(anEcho());
    expect(report).toMatchObject({ ok: true, reason: 'the golden pair is reproduced on cpu' });
    const [cpu] = report.engines;
    expect(cpu).toMatchObject({ provider: 'cpu', state: 'passed', largestDifference: 0 });
    expect(cpu!.medianMs).toBeGreaterThanOrEqual(0);
    expect(cpu!.peakBytes).toBeGreaterThan(20 * 2 ** 20);
  });

  it.each<[string, Buffer, string]>([
    ['a value', other(17, 5), 'value 17 of the output differs by 4.29'],
    ['no number', other(3, Number.NaN), 'value 3 of the output differs by Infinity'],
    ['fewer values', floats(someValues.slice(1)), 'fewer bytes than the 96 of 1 × 1 × 2 × 3 × 4'],
    ['more than memory', Buffer.alloc(2 ** 26), 'more bytes than the 96'],
  ])('does not pass where the golden output is %s off', async (_, output, reason) => {
    const report = await check(anEcho({ files: { 'golden/output.f32.gz': gzipSync(output) } }));
    expect(report.ok).toBe(false);
    expect(report.reason).toContain(`cpu: `);
    expect(report.reason).toContain(reason);
  });

  it('tells an engine that is not here from one that fails, and needs one that is', async () => {
    const engine = (...providers: string[]) => ({ engine: { providers, timeoutSeconds: 60 } });
    const both = await check(anEcho({ manifest: engine('cuda', 'cpu') }));
    expect(both.engines.map(({ state }) => state)).toEqual(['absent', 'passed']);
    expect(both.ok).toBe(true);
    const none = await check(anEcho({ manifest: engine('tensorrt') }));
    expect(none).toMatchObject({ ok: false, reason: 'none of its engines is present on this machine' });
  });

  it('does not pass a package that nothing vouches for', async () => {
    expect(await check(anEcho({ manifest: { golden: undefined } }))).toMatchObject({
      ok: false,
      reason: 'the package has no golden pair to hold it against',
    });
  });

  it('ends with its lanes', () => {
    onTestFinished(() => lanes.close());
    expect(peakOfLanes()).toBeGreaterThan(0);
  });
});
