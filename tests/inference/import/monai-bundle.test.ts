import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { importModel } from '../../../src/inference/import/import-model.ts';
import { aFolder } from '../../support/test-node.ts';
import { bundleIn, INFERENCE, METADATA, NETWORK, network, write, zip } from './bundles.ts';
import { drafted, isSound } from './drafted.ts';

function withPre(transforms: readonly object[], more: object = {}): object {
  return { ...INFERENCE, preprocessing: { _target_: 'Compose', transforms }, ...more };
}

function withPost(transforms: readonly object[]): object {
  return { ...INFERENCE, postprocessing: { _target_: 'Compose', transforms } };
}

const RAS = { _target_: 'Orientationd', keys: 'image', axcodes: 'RAS' };

describe('a MONAI bundle', () => {
  it('becomes the steps it describes, in its order, with references, choices and macros followed', async () => {
    const { manifest, notes } = await drafted(bundleIn(aFolder()), network(1, 3));
    expect(manifest.transforms).toEqual([
      { op: 'orientation', axcodes: 'RAS' },
      { op: 'spacing', pixdim: [3, 3, 3], rule: 'monai', mode: 'linear' },
      { op: 'scale-intensity-range', aMin: -1000, aMax: 500, bMin: 0, bMax: 1, clip: true },
      { op: 'pad', size: [32, 32, 32], where: 'symmetric', value: 'edge' },
    ]);
    expect(manifest.window).toEqual({
      roi: [32, 32, 32],
      overlap: 0.25,
      blend: 'gaussian',
      sigmaScale: 0.125,
      grid: 'monai',
      padding: 0,
      batch: 2,
    });
    expect(manifest.postprocess).toEqual([
      { op: 'softmax' },
      { op: 'invert', mode: 'linear' },
      { op: 'argmax' },
      { op: 'keep-largest-component', classes: [1, 2], connectivity: 26, independent: true },
    ]);
    expect(manifest.segments.map(({ label, type, modifier }) => [label, type.value, modifier?.meaning])).toEqual([
      ['lung right', '39607008', 'Right'],
      ['lung left', '39607008', 'Left'],
    ]);
    expect(manifest.inputs).toMatchObject([{ slot: 'image', units: 'HU', gates: [{ when: { Modality: 'CT' } }] }]);
    expect(notes).toEqual(['first_transforms::4: RandFlipd is random, of training, and is left out']);
    isSound(manifest);
  });

  it('is the same from YAML', async () => {
    const folder = aFolder();
    const yaml = [
      'imports: ["$import os"]',
      'key: image',
      'fine: [1.5, 1.5]',
      'preprocessing:',
      '  _target_: Compose',
      '  transforms:',
      "  - {_target_: Orientationd, keys: '@key', axcodes: LPS}",
      "  - {_target_: Spacingd, keys: '@key', pixdim: '$@fine + [2.0]'}",
      'inferer: {_target_: SimpleInferer}',
      'postprocessing:',
      '  _target_: Compose',
      '  transforms:',
      '  - {_target_: AsDiscreted, keys: pred, argmax: yes}',
      '  - {_target_: Invertd, keys: pred, transform: "@preprocessing", orig_keys: image}',
    ].join('\n');
    write(folder, { 'configs/inference.yaml': yaml.replace('yes', 'true'), 'configs/metadata.json': METADATA });
    const { manifest } = await drafted(folder, network(1, 3));
    expect(manifest.transforms.slice(0, 2)).toEqual([
      { op: 'orientation', axcodes: 'LPS' },
      { op: 'spacing', pixdim: [1.5, 1.5, 2], rule: 'monai', mode: 'linear' },
    ]);
    expect(manifest.postprocess).toEqual([{ op: 'argmax' }, { op: 'invert', mode: 'nearest' }]);
    const bomb = `a: &a [${'1,'.repeat(9)}1]\n${'bcdefgh'
      .split('')
      .map((name, i) => `${name}: &${name} [${`*${'abcdefg'[i]},`.repeat(9)}*${'abcdefg'[i]}]`)
      .join('\n')}`;
    for (const [hostile, reason] of [
      ['a: !!python/object/apply:os.system ["id"]', /unknown tag/],
      ['a: 1\na: 2', /duplicated mapping key/],
      ['__proto__: {x: 1}', /not allowed/],
      ['a: .nan', /no number that can be used/],
      [bomb, /more than 100000 values/],
    ] as const) {
      writeFileSync(join(folder, 'configs/inference.yaml'), hostile);
      await expect(drafted(folder, network(1, 3))).rejects.toThrow(reason);
    }
  });

  it.each([
    [
      'a class of nobody',
      withPre([RAS, { _target_: 'Zoomd', keys: 'image' }]),
      'preprocessing::transforms::1: Zoomd is no transform',
    ],
    [
      'Python of the bundle',
      withPre([{ _target_: 'scripts.mine.Loader', keys: 'image' }]),
      'scripts.mine.Loader is Python code of the bundle, and no code is ever run',
    ],
    [
      'an argument nobody reads',
      withPre([{ ...RAS, sharpen: 3 }]),
      'preprocessing::transforms::0::sharpen: Orientationd: this argument is not supported',
    ],
    [
      'another mode',
      withPre([RAS, { _target_: 'Spacingd', keys: 'image', pixdim: [1, 1, 1], mode: 3 }]),
      'transforms::1::mode',
    ],
    [
      'a size without end',
      withPre([RAS, { _target_: 'Resized', keys: 'image', spatial_size: [1e9, 1, 1] }]),
      '1000000000 is beyond 4096',
    ],
    ['two letters of one axis', withPre([{ ...RAS, axcodes: 'RLS' }]), 'names no three sides'],
    [
      'a crop by foreign code',
      withPre([
        RAS,
        { _target_: 'CropForegroundd', keys: 'image', source_key: 'image', select_fn: '$lambda x: x.mean() > 0' },
      ]),
      'select_fn',
    ],
    ['no side that is known', withPre([{ _target_: 'ScaleIntensityd', keys: 'image' }]), '--axcodes RAS'],
    [
      'an inferer of the bundle',
      { ...INFERENCE, inferer: { _target_: 'scripts.Mine' } },
      'inferer: scripts.Mine is Python code',
    ],
    [
      'a window of all',
      { ...INFERENCE, inferer: { _target_: 'SlidingWindowInferer', roi_size: [-1, 32, 32] } },
      'inferer::roi_size',
    ],
    [
      'an overlap by axis',
      { ...INFERENCE, inferer: { _target_: 'SlidingWindowInferer', roi_size: 32, overlap: [0.5, 0.25, 0.5] } },
      'differs by axis',
    ],
    [
      'windows no network takes',
      { ...INFERENCE, inferer: { _target_: 'SlidingWindowInferer', roi_size: 40 } },
      'no multiple of 16',
    ],
    [
      'no decision',
      withPost([{ _target_: 'Activationsd', keys: 'pred', softmax: true }]),
      'how scores become masks is not said',
    ],
    [
      'a lambda of its own',
      withPost([{ _target_: 'Lambdad', keys: 'pred', func: '$lambda x: x.softmax(1)' }]),
      'is no lambda of a known pattern',
    ],
    [
      'another inverse',
      withPost([{ _target_: 'Invertd', keys: 'pred', transform: '@window_transform' }]),
      'something else than preprocessing',
    ],
    ['a device that is called', { ...INFERENCE, network_def: "$os.system('id')" }, 'network_def: the expression'],
  ])('with %s is refused with the key and the reason', async (_, inference, reason) => {
    await expect(drafted(bundleIn(aFolder(), inference), network(1, 3))).rejects.toThrow(reason);
  });

  it('is refused where the network is another one, and where a class has no code, showing how to give it', async () => {
    const folder = bundleIn(aFolder());
    await expect(drafted(folder, network(2, 3))).rejects.toThrow('takes 2 channels, the bundle gives 1');
    await expect(drafted(folder, network(1, 5))).rejects.toThrow('is 3, the network gives 5');
    await expect(drafted(folder, network(1, 3, 3, 48))).rejects.toThrow(
      'fixed to 48 × 48 × 48 voxels, the window is 32 × 32 × 32',
    );
    await expect(drafted(folder, network(1, 3, 2))).rejects.toThrow("has 4 axes, the bundle's network 5");
    const unknown = structuredClone(METADATA);
    unknown.network_data_format.outputs.pred.channel_def['1'] = 'thing';
    bundleIn(folder, INFERENCE, unknown);
    await expect(drafted(folder, network(1, 3))).rejects.toThrow('{ "segments": { "thing": { "category":');
    const code = { value: '10200004', scheme: 'SCT', meaning: 'Liver' };
    const given = await drafted(folder, network(1, 3), { segments: { Thing: { category: code, type: code } } });
    expect(given.manifest.segments[0]).toMatchObject({ label: 'thing', type: code });
    const dcmqi = {
      labelID: 1,
      SegmentLabel: 'x',
      SegmentedPropertyCategoryCodeSequence: asDcmqi(code),
      SegmentedPropertyTypeCodeSequence: asDcmqi(code),
      recommendedDisplayRGBValue: [1, 2, 3],
    };
    const slicer = await drafted(folder, network(1, 3), { segmentAttributes: [[dcmqi]] });
    expect(slicer.manifest.segments[0]).toMatchObject({ type: code, color: [1, 2, 3] });
  });

  it('of four series needs to be told which is which; regions stay regions', async () => {
    const metadata = structuredClone(METADATA) as typeof METADATA & Record<string, unknown>;
    const { inputs, outputs } = metadata.network_data_format;
    Object.assign(inputs.image, {
      num_channels: 2,
      modality: 'MR',
      format: 'magnitude',
      channel_def: { '0': 'T1', '1': 'FLAIR' },
    });
    Object.assign(outputs.pred, { num_channels: 2, channel_def: { '0': 'tumor', '1': 'edema' } });
    const regions = [
      { _target_: 'Activationsd', keys: 'pred', sigmoid: true },
      { _target_: 'AsDiscreted', keys: 'pred', threshold: 0.5 },
      {
        _target_: 'Lambdad',
        keys: 'pred',
        func: '$lambda x: torch.where(x[[1]] > 0, 2, torch.where(x[[0]] > 0, 1, 0))',
      },
    ];
    const inference = { ...withPost(regions), network_def: undefined };
    const folder = bundleIn(aFolder(), inference, metadata);
    await expect(drafted(folder, network(2, 2))).rejects.toThrow('of 2 inputs, which series is "T1" is not said');
    const gate = (text: string) => ({ gates: [{ when: { SeriesDescription: text }, otherwise: `It is no ${text}.` }] });
    const { manifest, notes } = await drafted(folder, network(2, 2), {
      slots: { T1: gate('T1'), FLAIR: gate('FLAIR') },
    });
    expect(manifest.inputs.map(({ slot }) => slot)).toEqual(['t1', 'flair']);
    expect(manifest.output).toEqual({ kind: 'region-scores', classes: ['tumor', 'edema'] });
    expect(manifest.postprocess).toEqual([
      { op: 'sigmoid' },
      { op: 'threshold', at: 0.5, strict: false },
      { op: 'invert', mode: 'nearest' },
    ]);
    expect(notes.join('\n')).toContain('each is delivered as a segment of its own');
    isSound(manifest);
  });

  it('is written whole or not at all, and the loader of the node takes it, from a folder and from a zip', async () => {
    const folder = bundleIn(join(aFolder(), 'two_lungs'));
    write(folder, { 'models/model.pt': 'a pickle' });
    const library = aFolder();
    const { model, notes } = await importModel({ bundle: folder, onnx: [NETWORK], to: library });
    expect(model.folder).toBe(join(library, 'two-lungs', '0.3.1'));
    expect(model.manifest.tensors).toEqual({ input: { name: 'ct_hu', type: 'float32' }, output: 'scores' });
    expect(notes.join('\n')).toContain('never opened, because opening them can run code: models/model.pt');
    const bytes = (name: string) => readFileSync(join(folder, name));
    const names = ['configs/inference.json', 'configs/metadata.json'];
    const archive = join(aFolder(), 'any.zip');
    writeFileSync(
      archive,
      zip([
        ...names.map((name) => ({ name: `two_lungs/${name}`, bytes: bytes(name) })),
        { name: 'two_lungs/models/model.onnx', bytes: readFileSync(NETWORK) },
      ]),
    );
    const second = await importModel({ bundle: archive, onnx: [], to: aFolder() });
    expect({ ...second.model.manifest, importedFrom: undefined }).toEqual({
      ...model.manifest,
      importedFrom: undefined,
    });
    await expect(importModel({ bundle: folder, onnx: [NETWORK], to: library })).rejects.toThrow('is already there');
    await expect(importModel({ bundle: folder, onnx: [join(folder, 'models/model.pt')], to: library })).rejects.toThrow(
      'model.pt',
    );
    await expect(importModel({ bundle: folder, onnx: [NETWORK], to: library, id: '../x' })).rejects.toThrow(
      'the id "../x"',
    );
    const golden = { input: NETWORK, output: NETWORK, tolerance: 1 };
    await expect(
      importModel({ bundle: folder, onnx: [NETWORK], to: library, version: '9.0.0', golden }),
    ).rejects.toThrow('is no .npy file');
    expect(readdirSync(library)).toEqual(['two-lungs']);
    expect(readdirSync(join(library, 'two-lungs'))).toEqual(['0.3.1']);
    cpSync(folder, join(library, 'bundle'), { recursive: true });
    await expect(importModel({ bundle: join(library, 'bundle'), onnx: [], to: library })).rejects.toThrow(
      'weights of PyTorch are never opened',
    );
  });
});

const asDcmqi = ({ value, scheme, meaning }: { value: string; scheme: string; meaning: string }) => ({
  CodeValue: value,
  CodingSchemeDesignator: scheme,
  CodeMeaning: meaning,
});
