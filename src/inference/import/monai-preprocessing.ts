import type { PreStep } from '../../imaging/transforms/steps.ts';
import { describeContent, hasKind } from './config-content.ts';
import { className, keyPlace, refuseClass, rowFor, type TransformReading, transformsOf } from './monai-transforms.ts';
import { TransformArgs } from './transform-args.ts';

interface Read extends TransformReading {
  readonly args: TransformArgs;
}

type Row = (read: Read) => readonly PreStep[];

const NOTHING: readonly PreStep[] = [];

/** Arguments of every transform that concern Python alone. */
const PYTHON_ONLY = ['allow_missing_keys', 'dtype_', 'device', 'track_meta', 'wrap_sequence', 'data_type', 'lazy'];

/** What a random transform is called: they belong to training. */
const RANDOM = /^Rand[A-Z]/;

/**
 * `preprocessing` as steps, in its order. The order and the meaning of defaults are MONAI's (transforms, 1.5).
 * @throws VoxgateError bad-model naming the transform and the argument that cannot be imported
 */
export function readPreprocessing(reading: TransformReading, id: string, imageKey: string): PreStep[] {
  return transformsOf(reading.graph, id).flatMap((component) => {
    const name = className(component.target);
    if (name === undefined) return refuseClass(reading.graph, component, 'transform');
    if (RANDOM.test(name)) {
      reading.notes.push(`${component.id}: ${name} is random, of training, and is left out`);
      return NOTHING;
    }
    const found = rowFor(ROWS, name);
    if (!found) return refuseClass(reading.graph, component, 'transform');
    const { index, count } = found.byKey ? keyPlace(component, reading.graph, imageKey) : { index: 0, count: 1 };
    if (index < 0) {
      reading.notes.push(`${component.id}: ${name} works on other data than "${imageKey}" and is left out`);
      return NOTHING;
    }
    const args = new TransformArgs(component, reading.graph, index, count);
    args.ignore(...PYTHON_ONLY, 'keys');
    const steps = found.row({ ...reading, args });
    args.finish();
    return steps;
  });
}

const ROWS: Readonly<Record<string, Row>> = {
  LoadImage: ({ args }) => {
    args.ignore('image_only', 'reader', 'ensure_channel_first', 'simple_keys', 'prune_meta_pattern', 'prune_meta_sep');
    args.ignore('meta_keys', 'meta_key_postfix', 'overwriting', 'expanduser');
    args.only('affine_lps_to_ras', true);
    args.only('reverse_indexing', true);
    args.dataType('dtype', ['float32', 'float64', 'float']);
    return NOTHING;
  },
  EnsureChannelFirst: ({ args }) => {
    args.ignore('channel_dim', 'strict_check', 'meta_keys', 'meta_key_postfix');
    return NOTHING;
  },
  EnsureType: ({ args }) => {
    args.dataType('dtype', ['float32', 'float']);
    return NOTHING;
  },
  CastToType: ({ args }) => {
    args.dataType('dtype', ['float32', 'float']);
    return NOTHING;
  },
  ToTensor: ({ args }) => {
    args.dataType('dtype', ['float32', 'float']);
    return NOTHING;
  },
  ToDevice: () => NOTHING,
  Identity: () => NOTHING,
  Orientation: ({ args }) => {
    args.ignore('labels');
    args.only('as_closest_canonical', false);
    const axcodes = args.text('axcodes', '').toUpperCase();
    if (!/^(?=.*[LR])(?=.*[AP])(?=.*[SI])[LRAPSI]{3}$/.test(axcodes))
      throw args.refused('axcodes', `"${axcodes}" names no three sides of the patient`);
    return [{ op: 'orientation', axcodes }];
  },
  Spacing: ({ args, dimensions }) => {
    args.ignore('recompute_affine', 'ensure_same_shape', 'dtype');
    for (const name of ['diagonal', 'align_corners', 'scale_extent']) args.only(name, false);
    args.only('padding_mode', 'border');
    args.only('min_pixdim');
    args.only('max_pixdim');
    const mode = args.choice('mode', 'bilinear', ['bilinear', 'nearest']);
    const given = args.numbers('pixdim') ?? [];
    const last = given.at(-1);
    if (last === undefined) throw args.refused('pixdim', 'is missing');
    const [a = last, b = last, c = last] = given;
    return [
      {
        op: 'spacing',
        pixdim: [a, b, dimensions === 2 ? -1 : c],
        rule: 'monai',
        mode: mode === 'nearest' ? 'nearest' : 'linear',
      },
    ];
  },
  Resize: ({ args, dimensions }) => {
    args.only('size_mode', 'all');
    args.only('anti_aliasing', false);
    args.ignore('anti_aliasing_sigma', 'dtype');
    const mode = args.choice('mode', 'area', ['area', 'nearest', 'bilinear', 'trilinear', 'linear']);
    const alignCorners = args.boolean('align_corners', false);
    const size = args.size('spatial_size', dimensions, -1);
    const step = { op: 'resize', size, mode: mode === 'area' || mode === 'nearest' ? mode : 'linear' } as const;
    return [alignCorners ? { ...step, alignCorners } : step];
  },
  ScaleIntensityRange: ({ args }) => {
    args.dataType('dtype', ['float32', 'float']);
    const aMin = args.number('a_min');
    const aMax = args.number('a_max');
    return [{ op: 'scale-intensity-range', aMin, aMax, ...target(args), clip: args.boolean('clip', false) }];
  },
  ScaleIntensity: ({ args }) => {
    args.dataType('dtype', ['float32', 'float']);
    const channelWise = args.boolean('channel_wise', false);
    const factor = args.number('factor', undefined);
    const minv = args.number('minv', 0);
    const maxv = args.number('maxv', 1);
    const noRange = args.has('minv') && args.raw('minv') === null && args.has('maxv') && args.raw('maxv') === null;
    if (noRange && factor !== undefined) {
      if (channelWise) throw args.refused('channel_wise', 'a factor for each channel is not supported');
      return [{ op: 'scale-intensity-factor', factor }];
    }
    return [{ op: 'scale-intensity', minv, maxv, channelWise }];
  },
  NormalizeIntensity: ({ args }) => {
    args.dataType('dtype', ['float32', 'float']);
    const subtrahend = args.perChannel('subtrahend');
    const divisor = args.perChannel('divisor');
    return [
      {
        op: 'normalize-intensity',
        ...(subtrahend === undefined ? {} : { subtrahend }),
        ...(divisor === undefined ? {} : { divisor }),
        nonzero: args.boolean('nonzero', false),
        channelWise: args.boolean('channel_wise', false),
      },
    ];
  },
  ScaleIntensityRangePercentiles: ({ args }) => {
    args.dataType('dtype', ['float32', 'float']);
    return [
      {
        op: 'scale-intensity-range-percentiles',
        lower: args.number('lower'),
        upper: args.number('upper'),
        ...target(args),
        clip: args.boolean('clip', false),
        relative: args.boolean('relative', false),
        channelWise: args.boolean('channel_wise', false),
      },
    ];
  },
  ThresholdIntensity: ({ args }) => [
    {
      op: 'threshold-intensity',
      threshold: args.number('threshold'),
      above: args.boolean('above', true),
      cval: args.number('cval', 0),
    },
  ],
  CropForeground: ({ args, dimensions, monaiVersion }) => {
    args.ignore('source_key', 'start_coord_key', 'end_coord_key', 'return_coords');
    args.only('channel_indices');
    const allowSmaller = args.boolean(
      'allow_smaller',
      monaiVersion[0] < 1 || (monaiVersion[0] === 1 && monaiVersion[1] < 5),
    );
    const margin = args.has('margin') ? args.size('margin', dimensions, 0) : ([0, 0, 0] as const);
    const divisible = args.has('k_divisible') ? args.size('k_divisible', dimensions, 1) : ([1, 1, 1] as const);
    const pads = divisible.some((k) => k > 1) || (!allowSmaller && margin.some((m) => m > 0));
    if (pads) args.only('mode', 'constant');
    else args.ignore('mode');
    return [
      {
        op: 'crop-foreground',
        above: foregroundAbove(args),
        margin,
        ...(divisible.some((k) => k > 1) ? { divisible } : {}),
        allowSmaller,
      },
    ];
  },
  SpatialPad: ({ args, dimensions }) => [
    { op: 'pad', size: args.size('spatial_size', dimensions, -1), ...padding(args) },
  ],
  DivisiblePad: ({ args, dimensions }) => [{ op: 'pad-divisible', k: args.size('k', dimensions, 1), ...padding(args) }],
  CenterSpatialCrop: ({ args, dimensions }) => [{ op: 'center-crop', size: args.size('roi_size', dimensions, -1) }],
  ResizeWithPadOrCrop: ({ args, dimensions }) => {
    const size = args.size('spatial_size', dimensions, -1);
    return [
      { op: 'center-crop', size },
      { op: 'pad', size, ...padding(args) },
    ];
  },
};

function target(args: TransformArgs): { bMin?: number; bMax?: number } {
  const bMin = args.number('b_min', undefined);
  const bMax = args.number('b_max', undefined);
  return { ...(bMin === undefined ? {} : { bMin }), ...(bMax === undefined ? {} : { bMax }) };
}

function padding(args: TransformArgs): { where: 'symmetric' | 'end'; value: number | 'edge' } {
  const where = args.choice('method', 'symmetric', ['symmetric', 'end']);
  const mode = args.choice('mode', 'constant', ['constant', 'edge', 'replicate']);
  const value = args.number('value', args.number('constant_values', 0));
  return { where, value: mode === 'constant' ? value : 'edge' };
}

/** `lambda x: x > t`; by default greater than 0. */
function foregroundAbove(args: TransformArgs): number {
  const select = args.raw('select_fn');
  if (select === undefined || select === null) return 0;
  if (hasKind(select, 'lambda') && select.body.kind === 'compare') {
    const { first, rest } = select.body;
    const [operator, right] = rest[0] ?? [];
    const negative = right?.kind === 'unary' && right.operator === '-';
    const number = negative ? right.of : right;
    const isX = first.kind === 'name' && first.name === select.parameters[0];
    if (isX && rest.length === 1 && operator === '>' && number?.kind === 'value' && typeof number.value === 'number')
      return negative ? -number.value : number.value;
  }
  throw args.refused('select_fn', `${describeContent(select)} is not of the form "lambda x: x > number"`);
}
