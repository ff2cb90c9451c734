import { VoxgateError } from '../../errors.ts';
import type { Vec3 } from '../grid.ts';
import { addScaled, dot, length, scale } from '../vector.ts';
import {
  type AxisChange,
  cornerResize,
  coverSpacing,
  interpolateTo,
  monaiSpacing,
  roundHalfEven,
} from './axis-changes.ts';
import { type AxisChanges, type Frame, oriented, permuted, shapeOf, spacingsOf } from './frame.ts';
import type { PreStep, Triple } from './steps.ts';

type Step<Op extends PreStep['op']> = Extract<PreStep, { op: Op }>;

/** A model voxel larger than a patient; the filter that makes it would look at every slice anyway. */
const COARSEST_SPACING_MM = 2000;

/** The array turned: no value moves. Undefined where the step does something else. */
export function turned(frame: Frame, step: PreStep): Frame | undefined {
  if (step.op === 'transpose') {
    if (step.axes.toSorted().join() !== '0,1,2') {
      throw new VoxgateError(
        'bad-model',
        `transpose needs each of the axes 0, 1 and 2 once, not ${step.axes.join(', ')}.`,
      );
    }
    return permuted(frame, step.axes);
  }
  if (step.op !== 'orientation') return undefined;
  const result = oriented(frame, step.axcodes);
  if (result) return result;
  throw new VoxgateError('bad-model', `orientation needs three letters like RAS, one for each patient axis.`);
}

export interface Resampling {
  readonly changes: AxisChanges;
  /**
   * Results are kept within the least and greatest value that went in, as skimage does after cubic interpolation: of the
   * whole channel, or of each slice across this axis of the array.
   */
  readonly within?: 'channel' | 0 | 1 | 2;
}

/** What `spacing` and `resize` do; undefined where the step does something else. @throws VoxgateError bad-model */
export function resampling(frame: Frame, step: PreStep): Resampling | undefined {
  switch (step.op) {
    case 'spacing':
      return step.rule === 'nnunet' ? nnunetSpacing(frame, step) : { changes: ownSpacing(frame, step) };
    case 'resize':
      return {
        changes: eachAxis((i) => {
          const size = sizeOr(step.size[i], frame.axes[i].count);
          return interpolateTo(frame.axes[i].count, size, step.mode, step.alignCorners ?? false);
        }),
      };
    default:
      return undefined;
  }
}

function ownSpacing(frame: Frame, { rule, pixdim, mode }: Step<'spacing'>): AxisChanges {
  if (mode === 'cubic') throw new VoxgateError('bad-model', `spacing by the rule ${rule} cannot be cubic.`);
  const target = eachAxis((i) => (pixdim[i] <= 0 ? undefined : spacingWithin(pixdim[i])));
  if (rule === 'cover') {
    return eachAxis((i) => (target[i] === undefined ? undefined : coverSpacing(frame.axes[i], target[i], mode)));
  }
  const centred = leansBack(frame, target);
  const changes = eachAxis((i) =>
    target[i] === undefined ? undefined : monaiSpacing(frame.axes[i], target[i], mode, centred),
  );
  const nothing = changes.every((change, i) => change === undefined || isNothing(change, frame.axes[i]!.count));
  return nothing ? NO_CHANGES : changes;
}

const NO_CHANGES: AxisChanges = [undefined, undefined, undefined];

/** MONAI leaves an image as it is where no voxel would move by a thousandth of its size, for all of them (AFFINE_TOL). */
const isNothing = ({ count, scale, shift }: AxisChange, old: number): boolean =>
  count === old && Math.abs(scale - 1) <= 1.01e-3 && Math.abs(shift) <= 1e-3;

/**
 * Whether MONAI's compute_shape_offset lays the middles of the arrays on each other in place of their first voxels. It does
 * where no corner is the least in every axis of the new array: directions that a header rounds to some digits are not
 * quite perpendicular, and then, by the sign of their product, a far corner lies a hair before the first voxel.
 */
function leansBack(frame: Frame, target: readonly (number | undefined)[]): boolean {
  const { axes } = frame;
  // The new axes are perpendicular: each is what of an old one does not lie along those before it.
  const basis: Vec3[] = [];
  for (const { direction } of axes) {
    let rest = direction;
    for (const one of basis) rest = addScaled(rest, one, -dot(one, rest));
    basis.push(scale(rest, 1 / length(rest)));
  }
  return basis.some((one, i) => {
    const out = target[i] ?? axes[i]!.spacing;
    const before = axes
      .slice(i + 1)
      .map(({ direction, spacing, count }) => (dot(one, direction) * spacing * (count - 1)) / out);
    return before.reduce((sum, value) => sum + Math.min(value, 0), 0) < -1e-8;
  });
}

/** nnU-Net takes an image for anisotropic from this ratio of its spacings on (ANISO_THRESHOLD). */
const ANISOTROPIC = 3;

/** nnU-Net 2.8.1 default_resampling: determine_do_sep_z_and_axis, compute_new_shape, resample_data_or_seg. */
function nnunetSpacing(frame: Frame, { pixdim, mode }: Step<'spacing'>): Resampling {
  const current = spacingsOf(frame);
  const target = current.map((spacing, i) => (pixdim[i]! > 0 ? spacingWithin(pixdim[i]!) : spacing));
  const shape = shapeOf(frame).map((count, i) => Math.max(1, roundHalfEven((current[i]! / target[i]!) * count)));
  const apart = thickAxis(current, target);
  const changes = eachAxis((i) => cornerResize(frame.axes[i].count, shape[i]!, mode, i === apart));
  return mode === 'cubic' ? { changes, within: apart ?? 'channel' } : { changes };
}

/** The one axis with thick slices, before or, if not, after: it is resampled by itself, to the nearest. */
function thickAxis(current: readonly number[], target: readonly number[]): 0 | 1 | 2 | undefined {
  const isThick = (spacings: readonly number[]): boolean => Math.max(...spacings) / Math.min(...spacings) > ANISOTROPIC;
  const spacings = [current, target].find(isThick);
  if (spacings === undefined) return undefined;
  const greatest = Math.max(...spacings);
  const thick = ([0, 1, 2] as const).filter((i) => spacings[i] === greatest);
  return thick.length === 1 ? thick[0] : undefined;
}

function spacingWithin(spacing: number): number {
  if (spacing > 0 && spacing <= COARSEST_SPACING_MM) return spacing;
  throw new VoxgateError('bad-model', `An array of ${spacing} mm spacing is not possible.`);
}

/** 0 or less keeps an axis. */
export const sizeOr = (size: number, count: number): number => (size > 0 ? size : count);

export function eachAxis<Result>(of: (axis: 0 | 1 | 2) => Result): readonly [Result, Result, Result] {
  return [of(0), of(1), of(2)];
}

export const triple = (of: (axis: 0 | 1 | 2) => number): Triple => eachAxis(of);
