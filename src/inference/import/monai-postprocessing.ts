import type { PostStep } from '../../imaging/transforms/steps.ts';
import { type Component, hasKind } from './config-content.ts';
import type { Tree } from './expression-tree.ts';
import { className, keyPlace, refuseClass, rowFor, type TransformReading, transformsOf } from './monai-transforms.ts';
import { TransformArgs } from './transform-args.ts';

interface Read extends TransformReading {
  readonly args: TransformArgs;
  readonly component: Component;
  /** What was read before this one. */
  readonly before: readonly PostStep[];
}

type Row = (read: Read) => readonly PostStep[];

const NOTHING: readonly PostStep[] = [];
const PYTHON_ONLY = ['allow_missing_keys', 'device', 'track_meta', 'wrap_sequence', 'data_type', 'meta_keys'];

/**
 * `postprocessing` as steps, in its order: what stands before Invertd is done on the grid of the network, what stands
 * after on the grid of the source.
 * @throws VoxgateError bad-model naming the transform and the argument that cannot be imported
 */
export function readPostprocessing(reading: TransformReading, id: string, predKey: string): PostStep[] {
  const steps: PostStep[] = [];
  for (const component of transformsOf(reading.graph, id)) {
    const name = className(component.target);
    const found = name === undefined ? undefined : rowFor(ROWS, name);
    if (!found) return refuseClass(reading.graph, component, 'step after the network');
    const { index, count } = found.byKey ? keyPlace(component, reading.graph, predKey) : { index: 0, count: 1 };
    if (index < 0) {
      reading.notes.push(`${component.id}: ${name} works on other data than "${predKey}" and is left out`);
      continue;
    }
    const args = new TransformArgs(component, reading.graph, index, count);
    args.ignore(...PYTHON_ONLY, 'keys');
    steps.push(...found.row({ ...reading, args, component, before: steps }));
    args.finish();
  }
  return steps;
}

const nothing: Row = () => NOTHING;

/** Writing files is what the node does in its own way: none of these arguments is looked at. */
const notOurs: Row = ({ args, component }) => {
  args.ignore(...component.args.keys);
  return NOTHING;
};

const ROWS: Readonly<Record<string, Row>> = {
  SaveImage: notOurs,
  SaveClassification: notOurs,
  EnsureType: notOurs,
  ToTensor: notOurs,
  ToNumpy: notOurs,
  ToDevice: notOurs,
  CastToType: notOurs,
  DeleteItems: notOurs,
  Identity: nothing,
  Activations: ({ args }) => {
    args.ignore('dim');
    args.only('other');
    const sigmoid = args.boolean('sigmoid', false);
    const softmax = args.boolean('softmax', false);
    if (sigmoid && softmax) throw args.refused('softmax', 'sigmoid and softmax at once');
    return [...(sigmoid ? [{ op: 'sigmoid' } as const] : []), ...(softmax ? [{ op: 'softmax' } as const] : [])];
  },
  AsDiscrete: ({ args, notes, component }) => {
    args.ignore('dim', 'keepdim', 'dtype');
    args.only('rounding');
    const argmax = args.boolean('argmax', false);
    const threshold = args.number('threshold', undefined);
    if (args.raw('to_onehot') !== undefined)
      notes.push(`${component.id}: to_onehot changes nothing in what is delivered`);
    if (argmax && threshold !== undefined) throw args.refused('threshold', 'argmax and a threshold at once');
    if (argmax) return [{ op: 'argmax' }];
    return threshold === undefined ? NOTHING : [{ op: 'threshold', at: threshold, strict: false }];
  },
  Invert: ({ args, before, notes, component }) => {
    args.ignore('orig_meta_keys', 'meta_key_postfix', 'to_tensor', 'orig_keys');
    args.only('post_func');
    const transform = args.raw('transform');
    if (!hasKind(transform, 'component') || transform.id !== 'preprocessing')
      throw args.refused('transform', 'inverts something else than preprocessing');
    if (before.some(({ op }) => op === 'invert')) throw args.refused(undefined, 'stands here a second time');
    const nearest = args.boolean('nearest_interp', true);
    const labels = before.some(({ op }) => op === 'argmax' || op === 'threshold');
    if (labels && !nearest)
      notes.push(
        `${component.id}: it would interpolate between the numbers of classes, which makes classes that are not ` +
          'there; nearest is used',
      );
    return [{ op: 'invert', mode: nearest || labels ? 'nearest' : 'linear' }];
  },
  KeepLargestConnectedComponent: ({ args }) => {
    args.ignore('is_onehot');
    args.only('num_components', 1);
    return [
      {
        op: 'keep-largest-component',
        ...labels(args),
        connectivity: connectivity(args, 26),
        independent: args.boolean('independent', true),
      },
    ];
  },
  FillHoles: ({ args }) => [{ op: 'fill-holes', ...labels(args), connectivity: connectivity(args, 26) }],
  RemoveSmallObjects: ({ args }) => {
    args.only('independent_channels', true);
    args.only('pixdim');
    const size = args.number('min_size', 64);
    const step = { op: 'remove-small', connectivity: connectivity(args, 6), whole: false } as const;
    // min_size is in mm³ where by_measure is set.
    return [args.boolean('by_measure', false) ? { ...step, millilitres: size / 1000 } : { ...step, voxels: size }];
  },
  Lambda: ({ args, component, notes }) => {
    args.ignore('inv_func', 'overwrite');
    const func = args.raw('func');
    const body = hasKind(func, 'lambda') && func.parameters.length === 1 ? func.body : undefined;
    const meaning = body && hasKind(func, 'lambda') ? knownLambda(body, func.parameters[0] ?? '') : undefined;
    if (meaning === undefined) throw args.refused('func', 'is no lambda of a known pattern, and no code is ever run');
    notes.push(`${component.id}: ${meaning}`);
    return NOTHING;
  },
};

function labels(args: TransformArgs): { classes?: readonly number[] } {
  const classes = args.numbers('applied_labels');
  if (classes?.some((label) => !Number.isInteger(label) || label < 0))
    throw args.refused('applied_labels', 'names no classes');
  return classes === undefined ? {} : { classes };
}

/** scipy and skimage count 1 (faces), 2 (edges), 3 (corners); none given is the greatest in MONAI. */
function connectivity(args: TransformArgs, otherwise: 6 | 18 | 26): 6 | 18 | 26 {
  const value = args.number('connectivity', undefined);
  if (value === undefined) return otherwise;
  if (value === 1) return 6;
  if (value === 2) return 18;
  if (value === 3) return 26;
  throw args.refused('connectivity', `${value} is not 1, 2 or 3`);
}

/** What a lambda on the finished masks does, where it is one that changes only how they are written to a file. */
function knownLambda(body: Tree, x: string): string | undefined {
  if (body.kind === 'name' && body.name === x) return 'a lambda that gives back what it gets';
  if (isPicked(body, x)) return 'only the picked channels are saved by the bundle; every channel is delivered';
  if (isJoining(body, x)) return 'the bundle joins its regions to one map; each is delivered as a segment of its own';
  return undefined;
}

/** x[1:], x[[2]], x[2] */
function isPicked(tree: Tree, x: string): boolean {
  return tree.kind === 'index' && tree.of.kind === 'name' && tree.of.name === x && tree.indices.every(isPlainIndex);
}

function isPlainIndex(tree: Tree): boolean {
  if (tree.kind === 'list') return tree.items.every(isPlainIndex);
  if (tree.kind === 'slice') return [tree.from, tree.to].every((end) => end === undefined || isPlainIndex(end));
  return tree.kind === 'value' && typeof tree.value === 'number';
}

/** torch.where(x[[2]] > 0, 4, torch.where(…, 0)) */
function isJoining(tree: Tree, x: string): boolean {
  if (tree.kind === 'value') return typeof tree.value === 'number';
  if (tree.kind !== 'call' || tree.of.kind !== 'name' || tree.of.name !== 'torch.where') return false;
  const [test, yes, no] = tree.args;
  if (test?.kind !== 'compare' || tree.args.length !== 3 || !yes || !no) return false;
  const [operator, bound] = test.rest[0] ?? [];
  return (
    isPicked(test.first, x) && operator === '>' && bound?.kind === 'value' && yes.kind === 'value' && isJoining(no, x)
  );
}
