import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ZOO } from '../../support/model-zoo.ts';
import { network } from './bundles.ts';
import { drafted, isSound } from './drafted.ts';

describe('the public bundles of the MONAI model zoo', () => {
  it('import unchanged: the spleen, and the whole body with its 104 structures', async () => {
    const spleen = await drafted(join(ZOO, 'models/spleen_ct_segmentation'), network(1, 2));
    expect(spleen.manifest.postprocess).toEqual([
      { op: 'softmax' },
      { op: 'invert', mode: 'linear' },
      { op: 'argmax' },
    ]);
    expect(spleen.manifest.transforms[1]).toMatchObject({ op: 'spacing', pixdim: [1.5, 1.5, 2] });
    expect(spleen.notes).toEqual([]);
    isSound(spleen.manifest);
    const body = await drafted(join(ZOO, 'models/wholeBody_ct_segmentation'), network(1, 105));
    expect(body.manifest.segments).toHaveLength(104);
    expect(body.manifest.postprocess).toEqual([{ op: 'softmax' }, { op: 'argmax' }, { op: 'invert', mode: 'nearest' }]);
    isSound(body.manifest);
  });

  it('are each imported, or refused with a place and a reason', async () => {
    for (const name of readdirSync(join(ZOO, 'models'))) {
      const folder = join(ZOO, 'models', name);
      if (!existsSync(join(folder, 'configs/metadata.json'))) continue;
      try {
        isSound((await drafted(folder, network(1, 2))).manifest);
      } catch (error) {
        expect(error).toHaveProperty('code', 'bad-model');
        expect(String(error)).toMatch(/(configs\/|ONNX|codes\.json).*: /);
      }
    }
  });
});
