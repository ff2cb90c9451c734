import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openBundle } from '../../../src/inference/import/bundle-files.ts';
import { readCodes } from '../../../src/inference/import/codes-file.ts';
import type { ImportAnswers } from '../../../src/inference/import/draft.ts';
import { importModel } from '../../../src/inference/import/import-model.ts';
import { importNnunet } from '../../../src/inference/import/import-nnunet.ts';
import { manifestFaults } from '../../../src/inference/model-checks.ts';
import { parseManifest } from '../../../src/inference/model-schema.ts';
import type { OnnxFacts } from '../../../src/inference/onnx/onnx-facts.ts';
import { aFolder } from '../../support/test-node.ts';
import { NETWORK, network, write } from './bundles.ts';

const KWARGS = { is_seg: false, order: 3, order_z: 0, force_separate_z: null };
const FULLRES = {
  data_identifier: 'nnUNetPlans_3d_fullres',
  preprocessor_name: 'DefaultPreprocessor',
  batch_size: 2,
  patch_size: [28, 256, 224],
  spacing: [5, 0.75, 0.75],
  normalization_schemes: ['CTNormalization'],
  use_mask_for_norm: [false],
  resampling_fn_data: 'resample_data_or_seg_to_shape',
  resampling_fn_data_kwargs: KWARGS,
  resampling_fn_seg: 'resample_data_or_seg_to_shape',
  resampling_fn_probabilities: 'resample_data_or_seg_to_shape',
  resampling_fn_probabilities_kwargs: { ...KWARGS, order: 1 },
  architecture: { network_class_name: 'PlainConvUNet' },
};

/** As ExperimentPlanner of nnU-Net 2.8 writes plans; two real ones were read beside it. */
const PLANS = {
  dataset_name: 'Dataset701_Lungs',
  plans_name: 'nnUNetPlans',
  image_reader_writer: 'SimpleITKIO',
  transpose_forward: [0, 1, 2],
  transpose_backward: [0, 1, 2],
  configurations: {
    '2d': { ...FULLRES, patch_size: [512, 448], spacing: [0.75, 0.75] },
    '3d_fullres': FULLRES,
    '3d_fullres_small': { inherits_from: '3d_fullres', patch_size: [16, 64, 64] },
    '3d_cascade_fullres': { inherits_from: '3d_fullres', previous_stage: '3d_lowres' },
  },
  label_manager: 'LabelManager',
  foreground_intensity_properties_per_channel: {
    '0': {
      max: 3000,
      mean: -700.5,
      median: -800,
      min: -1024,
      percentile_00_5: -1020,
      percentile_99_5: 90,
      std: 260.25,
    },
  },
};

const DATASET = {
  name: 'Lungs',
  channel_names: { '0': 'CT' },
  labels: { background: 0, 'left lung': 1, 'right lung': 2, ignore: 3 },
  numTraining: 10,
  file_ending: '.nii.gz',
};

async function drafted(
  plans: object,
  dataset: object,
  facts: OnnxFacts,
  answers: ImportAnswers = { axcodes: 'LPS', configuration: '3d_fullres' },
  codes?: object,
) {
  const folder = write(aFolder(), { 'plans.json': plans, 'dataset.json': dataset, 'codes.json': codes ?? {} });
  return importNnunet(await openBundle(folder), facts, await readCodes(join(folder, 'codes.json')), answers);
}

function isSound(manifest: object): void {
  const text = JSON.stringify({ ...manifest, files: [{ path: 'model.onnx', digest: '0'.repeat(64) }] });
  expect(manifestFaults(parseManifest(text))).toEqual([]);
}

const altered = (change: object): object => ({
  ...PLANS,
  configurations: { '3d_fullres': { ...FULLRES, ...change } },
});

describe('an nnU-Net v2 plan', () => {
  it('is normalised on the original grid, resampled by its own rule, and decided after the way back', async () => {
    const { manifest, notes } = await drafted(PLANS, DATASET, network(1, 3), {
      axcodes: 'lps',
      configuration: '3d_fullres_small',
      mirrorAxes: [0, 1, 2],
    });
    expect(manifest.transforms).toEqual([
      { op: 'orientation', axcodes: 'LPS' },
      { op: 'transpose', axes: [2, 1, 0] },
      { op: 'crop-nonzero' },
      { op: 'ct-normalization', channels: [{ mean: -700.5, std: 260.25, low: -1020, high: 90 }] },
      { op: 'spacing', pixdim: [5, 0.75, 0.75], rule: 'nnunet', mode: 'cubic' },
    ]);
    expect(manifest.window).toMatchObject({ roi: [16, 64, 64], overlap: 0.5, grid: 'nnunet', mirrorAxes: [0, 1, 2] });
    expect(manifest.postprocess).toEqual([{ op: 'invert', mode: 'linear' }, { op: 'argmax' }]);
    expect(manifest.segments.map(({ class: index, label }) => [index, label])).toEqual([
      [1, 'left lung'],
      [2, 'right lung'],
    ]);
    expect(notes).toEqual(['dataset.json: the label "ignore" is of training and never comes out']);
    isSound(manifest);
  });

  it('follows transposed axes, two-dimensional windows, and readers that say where the sides are', async () => {
    const turned = {
      ...PLANS,
      transpose_forward: [2, 0, 1],
      transpose_backward: [1, 2, 0],
      image_reader_writer: 'NibabelIOWithReorient',
    };
    const { manifest } = await drafted(turned, DATASET, network(1, 3), { configuration: '3d_fullres' });
    expect(manifest.transforms.slice(0, 2)).toEqual([
      { op: 'orientation', axcodes: 'RAS' },
      { op: 'transpose', axes: [0, 2, 1] },
    ]);
    const flat = await drafted(PLANS, DATASET, network(1, 3, 2), {
      axcodes: 'LPS',
      configuration: '2d',
      mirrorAxes: [0, 1],
    });
    expect(flat.manifest.window).toMatchObject({ roi: [1, 512, 448], mirrorAxes: [1, 2] });
    expect(flat.manifest.transforms.at(-1)).toMatchObject({ op: 'spacing', pixdim: [-1, 0.75, 0.75] });
    isSound(flat.manifest);
  });

  it('normalises each channel by its own scheme', async () => {
    const both = altered({
      normalization_schemes: ['ZScoreNormalization', 'CTNormalization'],
      use_mask_for_norm: [true, false],
    });
    const properties = PLANS.foreground_intensity_properties_per_channel;
    const dataset = { ...DATASET, channel_names: { '0': 'PET', '1': 'CT' } };
    const plans = { ...both, foreground_intensity_properties_per_channel: { '1': properties['0'] } };
    await expect(drafted(plans, dataset, network(2, 3))).rejects.toThrow('in which units "PET" goes in is not said');
    const { manifest } = await drafted(
      plans,
      dataset,
      network(2, 3),
      { axcodes: 'LPS' },
      { slots: { PET: { units: 'SUVbw' } } },
    );
    expect(manifest.transforms.slice(3, 5)).toEqual([
      {
        op: 'ct-normalization',
        channels: [expect.objectContaining({ mean: 0, std: 1 }), expect.objectContaining({ mean: -700.5 })],
      },
      { op: 'z-score', mask: true, channels: [0] },
    ]);
    expect(manifest.inputs.map(({ units, gates }) => [units, gates[0]?.when])).toEqual([
      ['SUVbw', { Modality: 'PT' }],
      ['HU', { Modality: 'CT' }],
    ]);
    isSound(manifest);
    const rescaled = await drafted(
      altered({ normalization_schemes: ['RescaleTo01Normalization'] }),
      DATASET,
      network(1, 3),
    );
    expect(rescaled.manifest.transforms[3]).toEqual({ op: 'scale-intensity', minv: 0, maxv: 1, channelWise: true });
  });

  it('paints regions over each other in their order', async () => {
    const dataset = {
      ...DATASET,
      labels: { background: 0, whole: [1, 2, 3], core: [2, 3], enhancing: 3 },
      regions_class_order: [1, 2, 3],
    };
    const code = { value: '108369006', scheme: 'SCT', meaning: 'Neoplasm' };
    const segments = Object.fromEntries(
      ['whole', 'core', 'enhancing'].map((name) => [name, { category: code, type: code }]),
    );
    const { manifest } = await drafted(PLANS, dataset, network(1, 3), undefined, { segments });
    expect(manifest.output).toEqual({ kind: 'region-scores', classes: ['whole', 'core', 'enhancing'] });
    expect(manifest.postprocess).toEqual([
      { op: 'invert', mode: 'linear' },
      { op: 'sigmoid' },
      { op: 'paint-regions', at: 0.5, order: [1, 2, 3] },
    ]);
    expect(manifest.segments.map(({ class: label }) => label)).toEqual([1, 2, 3]);
    isSound(manifest);
    const { regions_class_order: _, ...orderless } = dataset;
    await expect(drafted(PLANS, orderless, network(1, 3))).rejects.toThrow(
      'regions_class_order: must have a label for each of 3',
    );
  });

  it.each<[string, object, object, ImportAnswers, string]>([
    ['a cascade', PLANS, DATASET, { configuration: '3d_cascade_fullres' }, 'previous_stage: is 3d_lowres: a cascade'],
    ['a choice that was not made', PLANS, DATASET, {}, 'choose one with --config'],
    ['a configuration that is not there', PLANS, DATASET, { configuration: '4d' }, 'have no 4d, only 2d, 3d_fullres'],
    ['sides that are not known', PLANS, DATASET, { configuration: '3d_fullres' }, '--axcodes LPS'],
    [
      'foreign resampling',
      altered({ resampling_fn_data: 'mine' }),
      DATASET,
      {},
      'resampling_fn_data: mine is no resampling function',
    ],
    [
      'another threshold',
      altered({ resampling_fn_data_kwargs: { ...KWARGS, separate_z_anisotropy_threshold: 7 } }),
      DATASET,
      {},
      'anisotropy_threshold: 7 is not 3',
    ],
    [
      'a cubic way back',
      altered({ resampling_fn_probabilities_kwargs: KWARGS }),
      DATASET,
      {},
      'only linear is supported',
    ],
    ['a foreign preprocessor', altered({ preprocessor_name: 'Mine' }), DATASET, {}, 'no code is ever run'],
    [
      'a foreign scheme',
      altered({ normalization_schemes: ['Mine'] }),
      DATASET,
      { axcodes: 'LPS' },
      'Mine is no scheme',
    ],
    ['a window without end', altered({ patch_size: [1e9, 2, 2] }), DATASET, {}, 'patch_size'],
    [
      'no axes',
      { ...PLANS, transpose_forward: [0, 0, 1] },
      DATASET,
      { configuration: '3d_fullres' },
      'transpose_forward',
    ],
    [
      'a circle',
      { ...PLANS, configurations: { a: { inherits_from: 'b' }, b: { inherits_from: 'a' } } },
      DATASET,
      { configuration: 'a' },
      'goes in a circle: a → b → a',
    ],
    [
      'labels with a gap',
      PLANS,
      { ...DATASET, labels: { background: 0, spleen: 2 } },
      { configuration: '3d_fullres', axcodes: 'LPS' },
      'have a gap: no label is 1',
    ],
    [
      'other channels',
      PLANS,
      { ...DATASET, labels: { background: 0, spleen: 1 } },
      { configuration: '3d_fullres', axcodes: 'LPS' },
      'make 2 channels, the network gives 3',
    ],
    [
      'intensities that are missing',
      { ...PLANS, foreground_intensity_properties_per_channel: {} },
      DATASET,
      { configuration: '3d_fullres', axcodes: 'LPS' },
      'per_channel::0::mean',
    ],
  ])('with %s is refused with the key and the reason', async (_, plans, dataset, answers, reason) => {
    await expect(drafted(plans, dataset, network(1, 3), answers)).rejects.toThrow(reason);
  });

  it('becomes a package of several folds that the loader of the node takes', async () => {
    const folder = write(aFolder(), {
      'plans.json': PLANS,
      'dataset.json': DATASET,
      'fold_0/checkpoint_final.pth': 'a pickle',
    });
    const { model, notes } = await importModel({
      bundle: folder,
      onnx: [NETWORK, NETWORK],
      to: aFolder(),
      configuration: '3d_fullres_small',
      axcodes: 'LPS',
      id: 'lungs',
    });
    expect(model.files.map((path) => path.split('/').at(-1))).toEqual(['fold-0.onnx', 'fold-1.onnx']);
    expect(model.manifest.importedFrom).toEqual({
      format: 'nnunet-v2',
      name: 'Dataset701_Lungs nnUNetPlans',
      version: '3d_fullres_small',
    });
    expect(notes.join('\n')).toContain('none are. Give them with --mirror-axes');
    expect(notes.join('\n')).toContain('fold_0/checkpoint_final.pth');
  });
});
