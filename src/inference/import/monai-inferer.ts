import type { PreStep, Triple } from '../../imaging/transforms/steps.ts';
import type { WindowSpec } from '../model-manifest.ts';
import { hasKind, isContentList } from './config-content.ts';
import { className, refuseClass, type TransformReading } from './monai-transforms.ts';
import { TransformArgs } from './transform-args.ts';

export interface Inferer {
  /** Absent: the whole tensor at once. */
  readonly window?: WindowSpec;
  /** What the inferer does to images smaller than its window, where that is more than a constant. */
  readonly steps: readonly PreStep[];
  /** It takes a volume plane by plane (SliceInferer). */
  readonly planewise: boolean;
}

const PYTHON_ONLY = [
  'sw_device',
  'device',
  'progress',
  'cache_roi_weight_map',
  'cpu_thresh',
  'buffer_steps',
  'buffer_dim',
];

/**
 * SimpleInferer, SlidingWindowInferer, SlidingWindowInfererAdapt (the same, with less memory) and SliceInferer.
 * @throws VoxgateError bad-model: another inferer, or an argument that cannot be kept
 */
export function readInferer(reading: TransformReading, id: string): Inferer {
  const { graph } = reading;
  if (!graph.has(id)) {
    reading.notes.push(`there is no ${id}: the whole image goes into the network at once`);
    return { steps: [], planewise: false };
  }
  const component = graph.get(id);
  if (!hasKind(component, 'component')) throw graph.refused(id, 'is no inferer with a _target_');
  const name = className(component.target);
  const args = new TransformArgs(component, graph);
  args.ignore(...PYTHON_ONLY);
  if (name === 'SimpleInferer') {
    args.finish();
    return { steps: [], planewise: false };
  }
  const planewise = name === 'SliceInferer';
  if (!planewise && name !== 'SlidingWindowInferer' && name !== 'SlidingWindowInfererAdapt')
    return refuseClass(graph, component, 'inferer');
  args.only('with_coord', false);
  const roi = planewise ? planeWindow(args) : args.size('roi_size', reading.dimensions, 1);
  if (roi.some((edge) => edge < 1)) throw args.refused('roi_size', 'a window as large as the image is not supported');
  const mode = args.choice('mode', 'constant', ['constant', 'gaussian']);
  const padding = args.choice('padding_mode', 'constant', ['constant', 'replicate']);
  const cval = args.number('cval', 0);
  const batch = args.number('sw_batch_size', 1);
  if (!Number.isInteger(batch) || batch < 1 || batch > 1024) throw args.refused('sw_batch_size', `${batch}`);
  const window: WindowSpec = {
    roi,
    overlap: fraction(args, 'overlap', 0.25, 0, 0.999),
    blend: mode,
    sigmaScale: fraction(args, 'sigma_scale', 0.125, 1e-3, 10),
    grid: 'monai',
    padding: padding === 'constant' ? cval : 0,
    batch,
  };
  args.finish();
  const steps: PreStep[] = padding === 'replicate' ? [{ op: 'pad', size: roi, where: 'symmetric', value: 'edge' }] : [];
  return { window, steps, planewise };
}

/** One value for all axes: a list is taken where its entries are equal. */
function fraction(args: TransformArgs, name: string, otherwise: number, from: number, to: number): number {
  const list = args.numbers(name) ?? [otherwise];
  const [value = otherwise] = list;
  if (list.some((other) => other !== value)) throw args.refused(name, 'differs by axis, which is not supported');
  if (!(value >= from && value <= to)) throw args.refused(name, `${value} is not from ${from} to ${to}`);
  return value;
}

/** SliceInferer: a window of one voxel along `spatial_dim`. */
function planeWindow(args: TransformArgs): Triple {
  const flat = args.number('spatial_dim', 0);
  const size = args.raw('roi_size');
  const [u, v] = isContentList(size) ? size : [];
  if (typeof u !== 'number' || typeof v !== 'number' || !Number.isInteger(u) || !Number.isInteger(v))
    throw args.refused('roi_size', 'needs two sizes of a plane');
  if (u > 4096 || v > 4096) throw args.refused('roi_size', 'is beyond 4096');
  if (flat === 0) return [1, u, v];
  if (flat === 1) return [u, 1, v];
  if (flat === 2) return [u, v, 1];
  throw args.refused('spatial_dim', `${flat} is no axis`);
}
