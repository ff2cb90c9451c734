import type { Triple } from '../../imaging/transforms/steps.ts';
import { BUNDLE_LIMITS } from './bundle-limits.ts';
import { type ConfigMap, type ConfigValue, isList, isMap, refused } from './config-value.ts';

/** What is read of an nnU-Net v2 plan (explanation_plans_files.md). */
export interface Plans {
  readonly file: string;
  readonly datasetName: string;
  readonly plansName: string;
  readonly reader: string;
  readonly transposeForward: Triple;
  readonly intensities: ConfigMap;
  readonly configuration: PlanConfiguration;
}

export interface PlanConfiguration {
  readonly name: string;
  /** mm along the transposed axes: 2 or 3. */
  readonly spacing: readonly number[];
  readonly patchSize: readonly number[];
  readonly schemes: readonly string[];
  readonly maskForNorm: readonly boolean[];
  readonly dataResampling: 'cubic' | 'linear' | 'nearest' | 'none';
}

/**
 * Reads a plan and one of its configurations, with what that inherits.
 * @throws VoxgateError bad-model naming the key: a cascade, another preprocessor, unknown resampling, no such configuration
 */
export function readPlans(file: string, root: ConfigMap, wanted: string | undefined): Plans {
  const configurations = root.get('configurations');
  if (!isMap(configurations)) throw refused(file, 'configurations', 'is missing');
  const name = wanted ?? (configurations.size === 1 ? [...configurations.keys()][0] : undefined);
  const names = [...configurations.keys()].join(', ');
  if (name === undefined) throw refused(file, 'configurations', `are ${names}: choose one with --config`);
  if (!configurations.has(name)) throw refused(file, 'configurations', `have no ${name}, only ${names}`);
  const intensities =
    root.get('foreground_intensity_properties_per_channel') ?? root.get('foreground_intensity_properties_by_modality');
  return {
    file,
    datasetName: text(root, 'dataset_name'),
    plansName: text(root, 'plans_name'),
    reader: text(root, 'image_reader_writer'),
    transposeForward: transposition(file, root),
    intensities: isMap(intensities) ? intensities : new Map(),
    configuration: readConfiguration(file, inherited(file, configurations, name), name),
  };
}

function inherited(file: string, configurations: ConfigMap, name: string, visited: readonly string[] = []): ConfigMap {
  const place = `configurations::${name}`;
  if (visited.includes(name))
    throw refused(file, `${place}::inherits_from`, `goes in a circle: ${[...visited, name].join(' → ')}`);
  const own = configurations.get(name);
  if (!isMap(own)) throw refused(file, place, 'is missing, or no configuration');
  const parent = own.get('inherits_from');
  if (parent === undefined) return own;
  if (typeof parent !== 'string') throw refused(file, `${place}::inherits_from`, 'is no name');
  return new Map([...inherited(file, configurations, parent, [...visited, name]), ...own]);
}

function readConfiguration(file: string, map: ConfigMap, name: string): PlanConfiguration {
  const place = `configurations::${name}`;
  const refuse = (key: string, reason: string) => refused(file, `${place}::${key}`, reason);
  if (map.get('previous_stage') !== undefined && map.get('previous_stage') !== null)
    throw refuse(
      'previous_stage',
      `is ${String(map.get('previous_stage'))}: a cascade takes what another model found, which is not supported. ` +
        'Choose a configuration of one stage, for example 3d_fullres',
    );
  const preprocessor = text(map, 'preprocessor_name') || 'DefaultPreprocessor';
  if (preprocessor !== 'DefaultPreprocessor')
    throw refuse('preprocessor_name', `${preprocessor} is Python code of its author, and no code is ever run`);
  const patchSize = numbers(map.get('patch_size'), (reason) => refuse('patch_size', reason));
  if ((patchSize.length !== 2 && patchSize.length !== 3) || patchSize.some((edge) => !isEdge(edge)))
    throw refuse(
      'patch_size',
      `${patchSize.join(' × ')} is no window of 2 or 3 axes, each up to ${BUNDLE_LIMITS.edge}`,
    );
  const spacing = numbers(map.get('spacing'), (reason) => refuse('spacing', reason));
  if (spacing.length !== patchSize.length || spacing.some((mm) => !(mm > 0 && mm <= 100)))
    throw refuse('spacing', `${spacing.join(', ')} is no spacing of ${patchSize.length} axes in mm`);
  const schemes = map.get('normalization_schemes');
  const masks = map.get('use_mask_for_norm');
  if (!isList(schemes)) throw refuse('normalization_schemes', 'is missing');
  if (!isList(masks)) throw refuse('use_mask_for_norm', 'is missing');
  checkProbabilities(map, refuse);
  return {
    name,
    spacing,
    patchSize,
    schemes: schemes.map(String),
    maskForNorm: masks.map((mask) => mask === true),
    dataResampling: resampling(map, 'resampling_fn_data', refuse),
  };
}

type Refuse = (key: string, reason: string) => Error;

/** What comes back is interpolated linearly, as every planner of nnU-Net has it. */
function checkProbabilities(map: ConfigMap, refuse: Refuse): void {
  const mode = resampling(map, 'resampling_fn_probabilities', refuse);
  const forward = resampling(map, 'resampling_fn_data', refuse);
  if (mode === 'linear' || (mode === 'none' && forward === 'none')) return;
  throw refuse('resampling_fn_probabilities', `brings logits back by ${mode} interpolation; only linear is supported`);
}

/** The resampling functions that nnU-Net brings (nnunetv2/preprocessing/resampling). */
function resampling(map: ConfigMap, key: string, refuse: Refuse): PlanConfiguration['dataResampling'] {
  const fn = text(map, key);
  const kwargs = map.get(`${key}_kwargs`);
  const given = isMap(kwargs) ? kwargs : new Map<string, ConfigValue>();
  const argument = (name: string): ConfigValue => given.get(name) ?? null;
  if (fn === 'no_resampling_hack') return 'none';
  if (fn !== 'resample_data_or_seg_to_shape' && fn !== 'resample_torch_fornnunet')
    throw refuse(key, `${fn || 'nothing'} is no resampling function that is known`);
  if (argument('is_seg') === true) throw refuse(`${key}_kwargs::is_seg`, 'resamples labels, not numbers');
  if (argument('force_separate_z') !== null)
    throw refuse(`${key}_kwargs::force_separate_z`, 'only null is supported, which lets the anisotropy decide');
  const threshold = argument('separate_z_anisotropy_threshold');
  if (threshold !== null && threshold !== 3)
    throw refuse(`${key}_kwargs::separate_z_anisotropy_threshold`, `${String(threshold)} is not 3`);
  if (fn === 'resample_torch_fornnunet') {
    const mode = argument('mode') ?? 'linear';
    if (mode !== 'linear') throw refuse(`${key}_kwargs::mode`, `${String(mode)} is not linear`);
    return 'linear';
  }
  if ((argument('order_z') ?? 0) !== 0) throw refuse(`${key}_kwargs::order_z`, 'only 0 is supported');
  const order = argument('order') ?? 3;
  if (order === 3) return 'cubic';
  if (order === 1) return 'linear';
  if (order === 0) return 'nearest';
  throw refuse(`${key}_kwargs::order`, `${String(order)} is not 0, 1 or 3`);
}

function transposition(file: string, root: ConfigMap): Triple {
  const refuse = (reason: string) => refused(file, 'transpose_forward', reason);
  const [a, b, c, more] = numbers(root.get('transpose_forward'), refuse);
  if (a === undefined || b === undefined || c === undefined || more !== undefined)
    throw refuse('is no order of three axes');
  if ([0, 1, 2].some((axis) => ![a, b, c].includes(axis))) throw refuse(`${a}, ${b}, ${c} is no order of three axes`);
  return [a, b, c];
}

function isEdge(edge: number): boolean {
  return Number.isInteger(edge) && edge >= 1 && edge <= BUNDLE_LIMITS.edge;
}

function numbers(given: ConfigValue | undefined, refuse: (reason: string) => Error): number[] {
  if (!isList(given)) throw refuse('is missing, or no list');
  return given.map((item) => {
    if (typeof item !== 'number') throw refuse('holds something that is no number');
    return item;
  });
}

function text(map: ConfigMap, key: string): string {
  const value = map.get(key);
  return typeof value === 'string' ? value : '';
}
