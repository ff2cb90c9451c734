import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadPackage } from '../../../src/inference/model-package.ts';
import { sharedData, sharedFiles } from '../../support/shared-data.ts';
import { aFolder } from '../../support/test-node.ts';
import { brainPackage } from './brain-networks.ts';
import { runPackage } from './run-package.ts';

const present = existsSync(sharedData('models', 'model5_gw_ae', 'model.onnx'));
if (!present) process.stderr.write('the pretrained brain networks are absent: they are not run\n');

describe.skipIf(!present)('a pretrained brain network, packaged and run on a real T1 series', () => {
  it('finds white and grey matter in the slab: the white one brighter, both near the middle', {
    timeout: 240_000,
  }, async () => {
    const model = await loadPackage(brainPackage(aFolder(), 'model5_gw_ae'));
    const { restored, inference } = await runPackage(model, sharedFiles('series/mr-t1-brain-defaced'), aFolder());
    expect(inference).toMatchObject({ provider: 'cpu', outputs: { logits: { shape: [1, 3, 64, 256, 192] } } });
    const [white, grey] = restored.measurements;
    for (const tissue of [white!, grey!]) {
      expect(tissue.volumeMl).toBeGreaterThan(10);
      expect(tissue.volumeMl).toBeLessThan(80);
      expect(Math.abs(tissue.centroid![0])).toBeLessThan(25);
    }
    expect(white!.statistics!.mean).toBeGreaterThan(grey!.statistics!.mean);
  });
});
