import type { PostStep, PreStep, Triple } from '../../imaging/transforms/steps.ts';
import type { WindowSpec } from '../model-manifest.ts';
import type { OnnxFacts } from '../onnx/onnx-facts.ts';
import type { BundleFiles } from './bundle-files.ts';
import type { GivenCodes } from './codes-file.ts';
import { refused } from './config-value.ts';
import { fitted, type ImportAnswers, type ImportDraft, idOf } from './draft.ts';
import { inputSlots } from './input-slots.ts';
import { matchNetwork } from './network-facts.ts';
import { readDataset } from './nnunet-dataset.ts';
import { normalizationSteps } from './nnunet-normalization.ts';
import { type PlanConfiguration, type Plans, readPlans } from './nnunet-plans.ts';
import { readConfig } from './read-config.ts';
import { segmentsOf } from './segments-of.ts';

/** In a folder of trained models, and where the planner wrote it. */
const PLANS = ['plans.json', 'nnUNetPlans.json'];
const DATASET = 'dataset.json';

/** Whether this is a folder of trained nnU-Net v2 models. */
export function isNnunet(files: BundleFiles): boolean {
  return plansName(files) !== undefined && files.names.includes(DATASET);
}

/**
 * One configuration of an nnU-Net v2 plan as a manifest, in the order of its preprocessor and exporter (2.8): transpose,
 * crop to what is not zero, normalise on the original grid, resample, windows; logits are resampled back, then decided.
 * @throws VoxgateError bad-model naming the file, the key and the reason of what cannot be imported
 */
export async function importNnunet(
  files: BundleFiles,
  network: OnnxFacts,
  codes: GivenCodes,
  answers: ImportAnswers,
): Promise<ImportDraft> {
  const notes: string[] = [];
  const plansFile = plansName(files) ?? 'plans.json';
  const plans = readPlans(plansFile, await readConfig(files, plansFile), answers.configuration);
  const dataset = readDataset(await readConfig(files, DATASET));
  const { configuration } = plans;
  // Pictures from files: their pixels have no size, whatever the plan says.
  const picture = plans.reader === 'NaturalImage2DIO';
  const colour = ['r', 'g', 'b'].every((name, i) => dataset.channels[i]?.toLowerCase() === name);
  const slots = inputSlots(
    {
      names: colour ? ['image'] : dataset.channels,
      modalities: colour ? [] : dataset.channels,
      kind: colour ? 'colour-image' : picture ? 'image' : 'volume',
    },
    codes,
    (reason) => refused(DATASET, 'channel_names', reason),
  );
  if ((colour || picture) && configuration.patchSize.length === 3)
    throw refused(DATASET, 'channel_names', 'colours of a volume, or pictures in three dimensions, are not supported');
  const channels = dataset.channels.length;
  const flat = configuration.patchSize.length === 2;
  const steps: PreStep[] = [
    ...(colour || picture ? [] : orientation(plans, answers.axcodes)),
    ...transposed(plans.transposeForward),
    { op: 'crop-nonzero' },
    ...normalizationSteps(plans, channels),
    ...(picture ? [] : spacing(configuration, plans.file)),
  ];
  const matched = matchNetwork(
    network,
    { channels, dimensions: flat ? 2 : 3, axes: [], window: windowOf(configuration, answers, notes) },
    steps,
    notes,
  );
  if (matched.outputChannels !== undefined && matched.outputChannels !== dataset.heads.length)
    throw refused(
      DATASET,
      'labels',
      `make ${dataset.heads.length} channels, the network gives ${matched.outputChannels}`,
    );
  if (dataset.ignored) notes.push(`${DATASET}: the label "ignore" is of training and never comes out`);
  const title = fitted(dataset.name || plans.datasetName, 64, 'nnU-Net model');
  const id = answers.id ?? idOf(plans.datasetName);
  return {
    notes,
    manifest: {
      schema: 2,
      id,
      version: answers.version ?? '1.0.0',
      title,
      intendedUse: fitted(dataset.description, 1024, 'Not stated by dataset.json.'),
      limitations: 'Imported; not validated on this site. See where it comes from for what is known of its limits.',
      license: fitted(dataset.licence, 128, 'not stated in dataset.json'),
      authors: [fitted(dataset.authors, 128, 'not stated')],
      usage: 'research',
      algorithm: {
        name: fitted(`nnU-Net ${plans.datasetName} ${configuration.name}`, 64, 'nnU-Net'),
        family: { value: '123110', scheme: 'DCM', meaning: 'Artificial Intelligence' },
      },
      importedFrom: {
        format: 'nnunet-v2',
        name: `${plans.datasetName} ${plans.plansName}`,
        version: configuration.name,
      },
      inputs: slots,
      gates: [],
      transforms: matched.transforms,
      tensors: matched.tensors,
      ...(matched.window ? { window: matched.window } : {}),
      engine: { providers: ['cpu'], timeoutSeconds: 3600 },
      output: {
        kind: dataset.regionsOrder ? 'region-scores' : 'class-scores',
        classes: dataset.heads,
      },
      postprocess: postprocess(dataset.regionsOrder),
      segments: segmentsOf(dataset.segments, codes),
      measurements: colour || picture ? [] : ['volume'],
      results: colour || picture ? ['SEG'] : ['SEG', 'SR'],
      destinationLadder: ['SEG-BINARY', 'SR-3D'],
      plausibility: [],
      nothingFound: `${title}: nothing was found in this series.`,
    },
  };
}

function plansName(files: BundleFiles): string | undefined {
  return PLANS.find((name) => files.names.includes(name));
}

/** Arrays of nnU-Net are [z][y][x] of the image as its reader gave it; which way they lay is known of one reader only. */
function orientation({ reader, file }: Plans, axcodes: string | undefined): PreStep[] {
  if (reader === 'NibabelIOWithReorient') return [{ op: 'orientation', axcodes: 'RAS' }];
  if (axcodes === 'stored') return [];
  if (axcodes === undefined)
    throw refused(
      file,
      'image_reader_writer',
      `${reader || 'the reader'} takes images as they lie, so how the training images lay is not said. Say it with ` +
        '--axcodes, for example --axcodes LPS for files that were made from DICOM without flips, or --axcodes stored',
    );
  return [{ op: 'orientation', axcodes: axcodes.toUpperCase() }];
}

/** x, y, z → z, y, x, and then as the plan transposes. */
function transposed(forward: Triple): PreStep[] {
  const reversed: Triple = [2, 1, 0];
  const [a, b, c] = forward;
  const axes: Triple = [reversed[a] ?? 0, reversed[b] ?? 0, reversed[c] ?? 0];
  return axes.every((axis, i) => axis === i) ? [] : [{ op: 'transpose', axes }];
}

function spacing(configuration: PlanConfiguration, file: string): PreStep[] {
  const { spacing, dataResampling } = configuration;
  if (dataResampling === 'none') return [];
  // A 2D configuration leaves the distance of the slices alone.
  const full = spacing.length === 2 ? [-1, ...spacing] : spacing;
  const [a, b, c] = full;
  if (a === undefined || b === undefined || c === undefined || full.length !== 3)
    throw refused(file, `configurations::${configuration.name}::spacing`, `has ${spacing.length} lengths, not 2 or 3`);
  return [{ op: 'spacing', pixdim: [a, b, c], rule: 'nnunet', mode: dataResampling }];
}

/** Step 0.5, Gaussian of an eighth of the window; smaller images are padded with 0 after normalisation. */
function windowOf(configuration: PlanConfiguration, answers: ImportAnswers, notes: string[]): WindowSpec {
  const { patchSize } = configuration;
  const flat = patchSize.length === 2;
  const [a = 1, b = 1, c = 1] = flat ? [1, ...patchSize] : patchSize;
  const axes = answers.mirrorAxes ?? [];
  if (answers.mirrorAxes === undefined)
    notes.push(
      'the checkpoint, which is not opened, knows which axes may be mirrored: none are. Give them with --mirror-axes 0,1,2',
    );
  const mirrorAxes = axes.map((axis) => (flat ? axis + 1 : axis));
  const wrong = mirrorAxes.find((axis) => !Number.isInteger(axis) || axis < 0 || axis > 2);
  if (wrong !== undefined) throw refused('--mirror-axes', '', `${flat ? wrong - 1 : wrong} is no axis of the network`);
  return {
    roi: [a, b, c],
    overlap: 0.5,
    blend: 'gaussian',
    sigmaScale: 0.125,
    grid: 'nnunet',
    padding: 0,
    batch: 1,
    ...(mirrorAxes.length > 0 ? { mirrorAxes } : {}),
  };
}

/** Logits go back to the original grid first; regions are decided each on its own and painted over each other. */
function postprocess(regionsOrder: readonly number[] | undefined): PostStep[] {
  const back: PostStep = { op: 'invert', mode: 'linear' };
  if (!regionsOrder) return [back, { op: 'argmax' }];
  return [back, { op: 'sigmoid' }, { op: 'paint-regions', at: 0.5, order: regionsOrder }];
}
