import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { loadPackage } from '../../../src/inference/model-package.ts';
import { FileInstances } from '../../../src/pipeline/file-instances.ts';
import { runOnFiles } from '../../../src/pipeline/run-on-files.ts';
import { sharedData, sharedFiles } from '../../support/shared-data.ts';
import { aFolder } from '../../support/test-node.ts';
import { someLanes } from '../a-request.ts';
import { brainPackage } from './brain-networks.ts';

const present = existsSync(sharedData('models', 'model5_gw_ae', 'model.onnx'));
if (!present) process.stderr.write('the pretrained brain networks are absent: they are not run\n');

describe.skipIf(!present)('a pretrained brain network, packaged and run on a real T1 series', () => {
  it('finds white and grey matter in the slab, the white one brighter, and reports them', {
    timeout: 240_000,
  }, async () => {
    const model = await loadPackage(brainPackage(aFolder(), 'model5_gw_ae'));
    const device = {
      uid: '1.2.3',
      name: 'test',
      manufacturer: 'test',
      modelName: 'test',
      serialNumber: '1',
      softwareVersion: '1',
    };
    const files = new FileInstances(sharedFiles('series/mr-t1-brain-defaced'));
    const [run, ...others] = await runOnFiles({ files, engine: someLanes(), device, workFolder: aFolder() }, model);
    expect(others).toEqual([]);
    expect(run).toMatchObject({ ran: true, sentence: expect.any(String) });
    const [white, grey] = run!.findings;
    // 19 mm of a head at the height of the pons; the masks were looked at: 32 ml and 30 ml.
    expect(white).toMatchObject({ label: 'White Matter' });
    expect(grey).toMatchObject({ label: 'Gray Matter' });
    for (const tissue of [white, grey]) {
      expect(tissue).toHaveProperty('volumeMl');
      expect(Reflect.get(tissue!, 'volumeMl')).toBeGreaterThan(20);
      expect(Reflect.get(tissue!, 'volumeMl')).toBeLessThan(50);
    }
    const mean = (tissue: object): number => Reflect.get(Reflect.get(tissue, 'statistics'), 'mean');
    expect(mean(white!)).toBeGreaterThan(mean(grey!));
    expect(run!.objects.map(({ sopClassUid }) => sopClassUid)).toContain('1.2.840.10008.5.1.4.1.1.66.4');
  });
});
