import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findModel, loadModels, newestModels } from '../../src/inference/model-library.ts';
import { aFolder } from '../support/test-node.ts';
import { digestOf, ONNX, type Package, put, SOUND } from './packages.ts';

const SLOT = SOUND.inputs[0]!;
const SEGMENT = SOUND.segments[0]!;
const INVERT = { op: 'invert', mode: 'linear' };
const ARGMAX = { op: 'argmax' };
const FINDING = { value: '233604007', scheme: 'SCT', meaning: 'Pneumonia' };
const WINDOW = {
  roi: [96, 96, 96],
  overlap: 0.5,
  blend: 'gaussian',
  sigmaScale: 0.125,
  grid: 'monai',
  padding: 0,
  batch: 1,
};

describe('the model library', () => {
  it('holds the package of this project, its bytes those of its digests', async () => {
    const { models, broken } = await loadModels([resolve('models')]);
    expect(broken).toEqual([]);
    expect(models.map(({ manifest }) => `${manifest.id} ${manifest.version}`)).toContain('ct-lung-segmentation 1.0.0');
    expect(models[0]!.files).toEqual([resolve('models/ct-lung-segmentation/1.0.0/model.onnx')]);
  });

  it('sorts by id, then by version as numbers, and finds the newest or the one that is named', async () => {
    const [one, two] = [aFolder(), aFolder()];
    for (const version of ['1.10.0', '1.9.0', '2.0.0']) put(one, { id: 'b-model', version });
    put(two, { id: 'a-model', version: '0.1.0' });
    writeFileSync(join(one, 'README.md'), 'no package');
    const library = await loadModels([one, two, join(one, 'absent')]);
    expect(library.broken).toEqual([]);
    expect(library.models.map(({ manifest }) => `${manifest.id} ${manifest.version}`)).toEqual([
      'a-model 0.1.0',
      'b-model 1.9.0',
      'b-model 1.10.0',
      'b-model 2.0.0',
    ]);
    expect(findModel(library, 'b-model')?.manifest.version).toBe('2.0.0');
    expect(findModel(library, 'b-model@1.9.0')?.folder).toBe(join(one, 'b-model', '1.9.0'));
    expect(findModel(library, 'b-model@3.0.0')).toBeUndefined();
    expect(newestModels(library).map(({ manifest }) => `${manifest.id} ${manifest.version}`)).toEqual([
      'a-model 0.1.0',
      'b-model 2.0.0',
    ]);
  });

  it('names a package by all that decides a result, and not by how its manifest is written', async () => {
    const keyOf = async (wanted: Package): Promise<string> => {
      const library = aFolder();
      put(library, wanted);
      return (await loadModels([library])).models[0]!.key;
    };
    const key = await keyOf({});
    const { title, ...rest } = { ...SOUND, id: 'a-model', files: [{ digest: digestOf(ONNX), path: 'model.onnx' }] };
    expect(await keyOf({ text: JSON.stringify({ ...rest, title, golden: undefined }, null, 4) })).toBe(key);
    expect(await keyOf({ onnx: Buffer.from('other weights') })).not.toBe(key);
    expect(await keyOf({ manifest: { postprocess: [INVERT, ARGMAX] } })).not.toBe(key);
  });

  const wrong: readonly (readonly [string, Package, string])[] = [
    ['whose bytes are not those of its digest', { bytes: Buffer.from('other bytes') }, 'model.onnx: its SHA-256 is'],
    ['in a folder of another name', { at: 'a-model/1.0.1' }, 'its folders say a-model 1.0.1'],
    ['that is no JSON', { text: '{ "id": ' }, 'model.json: '],
    ['of the schema before', { manifest: { schema: 1 } }, 'schema must be 2'],
    ['without what the schema asks for', { manifest: { segments: undefined } }, 'segments is missing'],
    ['with what the schema does not know', { manifest: { script: 'run.py' } }, 'script is not known here'],
    [
      'with a value of a wrong kind',
      { manifest: { inputs: [{ ...SLOT, geometry: { ...SLOT.geometry, minimumSlices: 'two' } }] } },
      'inputs[0].geometry.minimumSlices must be integer',
    ],
    [
      'with a step that there is not',
      { manifest: { transforms: [{ op: 'eval', code: '1' }] } },
      'transforms[0].op "eval" is not known',
    ],
    [
      'with a step that lacks something',
      { manifest: { transforms: [{ op: 'spacing', pixdim: [1, 1], rule: 'monai', mode: 'linear' }] } },
      'transforms[0].pixdim must NOT have fewer than 3 items',
    ],
    [
      'on a device that there is not',
      { manifest: { engine: { ...SOUND.engine, providers: ['npu'] } } },
      'engine.providers[0] must be one of cpu, cuda',
    ],
    [
      'that names a class it has not',
      { manifest: { segments: [{ ...SEGMENT, class: 9 }] } },
      'class 9 is none of 1, 2',
    ],
    ['that names the background', { manifest: { segments: [{ ...SEGMENT, class: 0 }] } }, 'class 0 is none of 1, 2'],
    ['whose segments are not in order', { manifest: { segments: [{ ...SEGMENT, number: 2 }] } }, 'numbered 1, 2'],
    [
      'that names a class twice',
      { manifest: { segments: [SEGMENT, { ...SEGMENT, number: 2 }] } },
      'segments[1].class 1 is that of segments[0] already',
    ],
    ['that never comes back to the source', { manifest: { postprocess: [ARGMAX] } }, 'invert 0 times'],
    ['that comes back twice', { manifest: { postprocess: [INVERT, ARGMAX, INVERT] } }, 'invert 2 times'],
    ['that makes no labels', { manifest: { postprocess: [INVERT] } }, 'need exactly one of argmax'],
    [
      'that interpolates labels',
      { manifest: { postprocess: [ARGMAX, INVERT] } },
      'postprocess[1] (invert): labels are brought back by nearest',
    ],
    [
      'that cleans up before there are labels',
      { manifest: { postprocess: [SOUND.postprocess[2], INVERT, ARGMAX] } },
      'comes before the scores have become labels',
    ],
    [
      'that cleans up a class it has not',
      { manifest: { postprocess: [INVERT, ARGMAX, { ...SOUND.postprocess[2], classes: [7] }] } },
      'postprocess[2] (remove-small).classes: 7 is no class',
    ],
    [
      'with a window over a classification',
      {
        manifest: {
          output: {
            kind: 'classification',
            activation: 'sigmoid',
            classes: [{ label: 'Pneumonia', finding: FINDING, presentFrom: 0.5 }],
          },
          window: WINDOW,
          postprocess: [],
          segments: [],
          results: ['SR'],
        },
      },
      'window: the windows of classification cannot be joined',
    ],
    [
      'with a window larger than memory',
      { manifest: { window: { ...WINDOW, roi: [2048, 2048, 2048] } } },
      'window.roi: 8589934592 values in one run',
    ],
    [
      'that overlaps all of a window',
      { manifest: { window: { ...WINDOW, overlap: 1 } } },
      'window.overlap must be < 1',
    ],
    [
      'with the statistics of other channels',
      {
        manifest: {
          transforms: [
            {
              op: 'ct-normalization',
              channels: [
                { mean: 0, std: 1, low: -1, high: 1 },
                { mean: 0, std: 1, low: -1, high: 1 },
              ],
            },
          ],
        },
      },
      'transforms[0] (ct-normalization): 2 channels of 1',
    ],
    [
      'whose first slot may be missing',
      { manifest: { inputs: [{ ...SLOT, missing: 'zero' }] } },
      'inputs[0].missing must be refuse',
    ],
    ['with two slots of a name', { manifest: { inputs: [SLOT, SLOT] } }, 'inputs[1].slot "ct" is there twice'],
    [
      'with a server that no engine names',
      { manifest: { engine: { ...SOUND.engine, kserve: { url: 'http://localhost', model: 'm' } } } },
      'engine.kserve is given',
    ],
    [
      'with a path out of it',
      { manifest: { files: [{ path: '../model.onnx', digest: digestOf(ONNX) }] } },
      'files[0].path must match pattern',
    ],
    [
      'with an absolute path',
      { manifest: { files: [{ path: '/etc/passwd', digest: digestOf(ONNX) }] } },
      'files[0].path must match pattern',
    ],
    [
      'with a range from above to below',
      { manifest: { plausibility: [{ segment: 1, measure: 'volumeMl', from: 9, to: 1, withhold: true }] } },
      'plausibility[0]: from is above to',
    ],
    [
      'whose gate is no condition of the language',
      { manifest: { inputs: [{ ...SLOT, gates: [{ when: 'Modalty = CT', otherwise: 'No.' }] }] } },
      'inputs[0].gates[0].when',
    ],
    [
      'whose gate asks a study what only a series knows',
      { manifest: { gates: [{ when: 'slices > 3', otherwise: 'No.' }] } },
      'gates[0].when',
    ],
    ['that nests without end', { manifest: { gates: [{ when: nested(80), otherwise: 'No.' }] } }, '64 deep'],
  ];
  it.each(wrong)(
    'leaves a package out %s, says why, and keeps the sound one beside it',
    async (_, package_, reason) => {
      const library = aFolder();
      const folder = put(library, package_);
      put(library, { id: 'sound' });
      const { models, broken } = await loadModels([library]);
      expect(broken).toEqual([{ folder, reason: expect.stringContaining(reason) }]);
      expect(models.map(({ manifest }) => manifest.id)).toEqual(['sound']);
      expect(broken[0]!.reason).toContain(folder);
    },
  );

  it('takes the first of two packages of the same name and says that there is another', async () => {
    const [one, two] = [aFolder(), aFolder()];
    const first = put(one, {});
    const second = put(two, { manifest: { title: 'Another one' } });
    const { models, broken } = await loadModels([one, two]);
    expect(models.map(({ folder }) => folder)).toEqual([first]);
    expect(broken).toEqual([{ folder: second, reason: `a-model 1.0.0 is already in the library, from ${first}` }]);
  });

  it('follows links to packages that lie elsewhere, and none out of a package', async () => {
    const [library, elsewhere] = [aFolder(), aFolder()];
    const folder = put(elsewhere, {});
    symlinkSync(join(elsewhere, 'a-model'), join(library, 'a-model'));
    expect((await loadModels([library])).models.map(({ manifest }) => manifest.id)).toEqual(['a-model']);
    writeFileSync(join(elsewhere, 'weights'), ONNX);
    rmSync(join(folder, 'model.onnx'));
    symlinkSync(join(elsewhere, 'weights'), join(folder, 'model.onnx'));
    const [out] = (await loadModels([library])).broken;
    expect(out!.reason).toContain('it leads out of the package');
    rmSync(join(folder, 'model.onnx'));
    mkdirSync(join(folder, 'model.onnx'));
    expect((await loadModels([library])).broken[0]!.reason).toContain('it is no file');
  });
});

function nested(depth: number): unknown {
  return depth === 0 ? 'true' : { not: nested(depth - 1) };
}
