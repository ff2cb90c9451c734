import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PreStep } from '../../../src/imaging/transforms/steps.ts';
import type { ManifestSegment, ModelManifest } from '../../../src/inference/model-manifest.ts';
import { sharedData } from '../../support/shared-data.ts';

const code = (value: string, meaning: string) => ({ value, scheme: 'SCT', meaning });
const ANATOMY = code('91723000', 'Anatomical Structure');
const segment = (number: number, value: string, meaning: string, color: ManifestSegment['color']): ManifestSegment => ({
  class: number,
  number,
  label: meaning,
  category: ANATOMY,
  type: code(value, meaning),
  color,
});

/** A slab is continued by its outer planes: the networks look 30 mm far, and know black around a head, not within it. */
const THICKNESS = 64;
const TISSUE = [
  segment(1, '389080008', 'White Matter', [240, 240, 220]),
  segment(2, '389081007', 'Gray Matter', [150, 120, 130]),
];
/** As conforming does: the brightest thousandth is cut off, and the least value stays the least. */
const MIN_MAX: PreStep = {
  op: 'scale-intensity-range-percentiles',
  lower: 0,
  upper: 99.9,
  bMin: 0,
  bMax: 1,
  clip: true,
  relative: false,
  channelWise: false,
};
const QUANTILES: PreStep = {
  op: 'scale-intensity-range-percentiles',
  lower: 5,
  upper: 95,
  bMin: 0,
  bMax: 1,
  clip: true,
  relative: false,
  channelWise: false,
};

/**
 * The pretrained networks beside the project (README there): what each is fed and what it tells apart. The order of axes was
 * found by looking at masks of the real series: the others leave out half of the brain, or find it in the air.
 */
export const NETWORKS = {
  model5_gw_ae: { axcodes: 'SAR', scale: MIN_MAX, segments: TISSUE },
  model20chan3cls: { axcodes: 'SAR', scale: QUANTILES, segments: TISSUE },
  mindgrab: { axcodes: 'LIA', scale: QUANTILES, segments: [segment(1, '12738006', 'Brain', [230, 150, 150])] },
} as const;

/**
 * Writes the package of a network into a library, its ONNX file copied there from where it lies; returns its folder.
 */
export function brainPackage(library: string, name: keyof typeof NETWORKS): string {
  const { axcodes, scale, segments } = NETWORKS[name];
  const id = name.replaceAll('_', '-');
  const folder = join(library, id, '1.0.0');
  mkdirSync(folder, { recursive: true });
  const onnx = sharedData('models', name, 'model.onnx');
  cpSync(onnx, join(folder, 'model.onnx'));
  const manifest: ModelManifest = {
    schema: 2,
    id,
    version: '1.0.0',
    title: `brainchop ${name}`,
    intendedUse: 'Tests. Not for clinical use.',
    limitations: 'Made for whole heads.',
    license: 'MIT',
    authors: ['neuroneural/brainchop'],
    usage: 'research',
    algorithm: { name, family: { value: '123110', scheme: 'DCM', meaning: 'Artificial Intelligence' } },
    files: [{ path: 'model.onnx', digest: createHash('sha256').update(readFileSync(onnx)).digest('hex') }],
    inputs: [
      {
        slot: 't1',
        gates: [{ when: { Modality: 'MR' }, otherwise: 'It is made for T1-weighted MR.' }],
        units: 'any',
        kind: 'volume',
        geometry: { minimumSlices: 8, tilt: 'refuse', spacing: 'refuse', duplicates: 'refuse' },
        missing: 'refuse',
        waitSeconds: 0,
      },
    ],
    gates: [],
    transforms: [
      { op: 'orientation', axcodes },
      { op: 'spacing', pixdim: [1, 1, 1], rule: 'monai', mode: 'linear' },
      scale,
      { op: 'pad', size: [THICKNESS, THICKNESS, THICKNESS], where: 'symmetric', value: 'edge' },
    ],
    tensors: { input: { name: 'input', type: 'float32' }, output: 'logits' },
    engine: { providers: ['cpu'], timeoutSeconds: 600 },
    output: { kind: 'class-scores', classes: ['background', ...segments.map(({ label }) => label)] },
    postprocess: [{ op: 'invert', mode: 'linear' }, { op: 'argmax' }],
    segments,
    measurements: ['volume', 'statistics'],
    results: ['SEG', 'SR'],
    destinationLadder: ['SEG-BINARY', 'SR-3D'],
    plausibility: [],
    nothingFound: 'No brain was found in this series.',
  };
  writeFileSync(join(folder, 'model.json'), JSON.stringify(manifest));
  return folder;
}
