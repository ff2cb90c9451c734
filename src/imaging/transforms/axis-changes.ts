import { VoxgateError } from '../../errors.ts';
import type { Taps } from '../tent-filter.ts';
import { tentTaps } from '../tent-filter.ts';
import { edgeTaps, linearTaps, meanTaps, nearestTaps, shiftedTaps } from './axis-maps.ts';
import { MARGIN, POLE } from './spline-coefficients.ts';

/** What a spatial step does to one axis of the array. */
export interface AxisChange {
  readonly count: number;
  /** New array from old. */
  readonly forward: Taps;
  /** Cubic: the same from the spline coefficients of the old, which begin at sample -MARGIN. */
  readonly spline?: Taps;
  /** Old array from new: of scores, of labels. */
  readonly back: AxisReturn;
  /** New index i lies at old index shift + i × scale. */
  readonly scale: number;
  readonly shift: number;
}

export interface AxisReturn {
  readonly linear: Taps;
  readonly nearest: Taps;
}

interface SpacedAxis {
  readonly count: number;
  /** mm */
  readonly spacing: number;
}

/** Twice the longest whole-body scan; a longer axis is a slip in a spacing or a size, and would fill the memory with weights. */
const LONGEST_AXIS = 16_384;

/** @throws VoxgateError too-large */
function within(count: number): number {
  if (count <= LONGEST_AXIS) return count;
  throw new VoxgateError('too-large', `An array axis of ${count} voxels is longer than one may be.`);
}

/** As Python and NumPy round: halves to the even neighbour. */
export function roundHalfEven(value: number): number {
  const low = Math.floor(value);
  const rest = value - low;
  if (rest !== 0.5) return Math.round(value);
  return low % 2 === 0 ? low : low + 1;
}

/**
 * MONAI 1.5.0 Spacing: size round((n - 1) × in / out + 1), edges clamped; first voxel centres coincide, or, `centred`, the
 * middles n / 2 do. The way back is the same resampling to the old size. An axis within a thousandth of a millimetre of what
 * is asked for is kept.
 */
export function monaiSpacing(
  axis: SpacedAxis,
  out: number,
  mode: 'linear' | 'nearest',
  centred = false,
): AxisChange | undefined {
  if (Math.abs(axis.spacing - out) <= 1e-3) return undefined;
  const old = axis.count;
  const scale = out / axis.spacing;
  const count = within(roundHalfEven((old - 1) / scale + 1));
  const shift = centred ? old / 2 - (count / 2) * scale : 0;
  const there: Places = { count, old, scale, shift };
  const andBack: Places = { count: old, old: count, scale: 1 / scale, shift: -shift / scale };
  const tapsOf = mode === 'nearest' ? gridSampleNearest : gridSampleLinear;
  const back = { linear: tapsOf(andBack), nearest: gridSampleNearest(andBack) };
  return { count, forward: tapsOf(there), back, scale, shift };
}

/** Index i of `count` lies at shift + i × scale of `old`. */
interface Places {
  readonly count: number;
  readonly old: number;
  readonly scale: number;
  readonly shift: number;
}

const gridSampleLinear = ({ count, old, scale, shift }: Places): Taps =>
  linearTaps(count, old, (i) => shift + i * scale);

/**
 * Places halfway between voxels are common (0.75 mm from 1.5 mm), and the side they fall to depends on the last bit of a
 * place that was scaled to -1 to 1 and back: so the operations, and their order, are those of MONAI's to_norm_affine and of
 * affine_grid and grid_sample (volumes, CPU) of torch 1.13. Where its build fuses a multiplication and an addition the last bit
 * is another: of halfway places 19 in 20 fall to the same side.
 */
function gridSampleNearest({ count, old, scale, shift }: Places): Taps {
  const norm = 2 / old;
  const back = 1 / (2 / count);
  const theta = norm * scale * back;
  const offset = norm * scale * -((1 / count - 1) * back) + (norm * shift + (1 / old - 1));
  const step = count > 1 ? 2 / (count - 1) : 0;
  return nearestTaps(count, old, (i) => {
    const even = i < Math.floor(count / 2) ? -1 + step * i : 1 - step * (count - i - 1);
    const place = (((count > 1 ? even : 0) * (count - 1)) / count) * theta + offset;
    return Math.floor(Math.min(Math.max(((place + 1) * old - 1) / 2, 0), old - 1) + 0.5);
  });
}

/** Voxgate's own: outer edges of the first voxel coincide, a tent filter; the way back interpolates between centres. */
export function coverSpacing(axis: SpacedAxis, out: number, mode: 'linear' | 'nearest'): AxisChange {
  const old = axis.count;
  // The millionth keeps 100 × 1.2 / 0.6 from becoming 201 by rounding.
  const count = within(Math.max(1, Math.ceil((old * axis.spacing) / out - 1e-6)));
  const scale = out / axis.spacing;
  const shift = 0.5 * scale - 0.5;
  const nearest = nearestTaps(old, count, (i) => Math.floor((i + 0.5) / scale));
  const linear = linearTaps(old, count, (i) => (i + 0.5) / scale - 0.5);
  if (mode === 'nearest') {
    const forward = nearestTaps(count, old, (i) => Math.floor((i + 0.5) * scale));
    return { count, forward, back: { linear: nearest, nearest }, scale, shift };
  }
  const tent = { sourceCount: old, sourceSpacing: axis.spacing, count, spacing: out, flipped: false };
  return { count, forward: tentTaps(tent), back: { linear, nearest }, scale, shift };
}

/** skimage.transform.resize with mode edge, as nnU-Net calls it: corners coincide. Back it goes linearly, or, `apart`, not. */
export function cornerResize(
  old: number,
  count: number,
  mode: 'nearest' | 'linear' | 'cubic',
  apart: boolean,
): AxisChange | undefined {
  if (old === within(count)) return undefined;
  const scale = old / count;
  const place = (i: number): number => (i + 0.5) * scale - 0.5;
  const placeBack = (i: number): number => (i + 0.5) * (count / old) - 0.5;
  const nearest = nearestTaps(old, count, (i) => Math.floor(placeBack(i) + 0.5));
  const linear = apart ? nearest : linearTaps(old, count, placeBack);
  const change = { count, back: { linear, nearest }, scale, shift: 0.5 * scale - 0.5 };
  if (apart || mode === 'nearest') {
    return { ...change, forward: nearestTaps(count, old, (i) => Math.floor(place(i) + 0.5)) };
  }
  if (mode === 'linear') return { ...change, forward: linearTaps(count, old, place) };
  return {
    ...change,
    forward: edgeTaps(count, old, (i) => cardinalSpline(place(i))),
    spline: edgeTaps(count, old + 2 * MARGIN, (i) => {
      const low = Math.floor(place(i));
      return { from: low - 1 + MARGIN, weights: cubicSpline(place(i) - low) };
    }),
  };
}

/** The cubic B-spline between its second and third knot, for the four coefficients around. */
const cubicSpline = (t: number): number[] => [
  (1 - t) ** 3 / 6,
  (4 - 6 * t ** 2 + 3 * t ** 3) / 6,
  (1 + 3 * t + 3 * t ** 2 - 3 * t ** 3) / 6,
  t ** 3 / 6,
];

/**
 * Cubic spline interpolation at a place as weights of the samples themselves, for where they pass one by one: the B-spline
 * after its prefilter, whose answer to one sample is √3 × POLE^|k|.
 */
function cardinalSpline(place: number): { from: number; weights: number[] } {
  const low = Math.floor(place);
  const weights = new Array<number>(2 * MARGIN + 4).fill(0);
  for (const [j, value] of cubicSpline(place - low).entries()) {
    for (let k = -MARGIN; k <= MARGIN; k++) weights[j + k + MARGIN]! += value * Math.sqrt(3) * POLE ** Math.abs(k);
  }
  const sum = weights.reduce((a, b) => a + b, 0);
  return { from: low - 1 - MARGIN, weights: weights.map((weight) => weight / sum) };
}

/** torch.nn.functional.interpolate to a size; its places are 32-bit floats. Back it goes by the same mode. */
export function interpolateTo(
  old: number,
  count: number,
  mode: 'linear' | 'nearest' | 'area',
  alignCorners: boolean,
): AxisChange | undefined {
  if (old === within(count)) return undefined;
  const corners = alignCorners && mode === 'linear';
  const scale = corners ? (count > 1 ? (old - 1) / (count - 1) : 0) : old / count;
  const linear = torchTaps(count, old, mode, corners);
  return {
    count,
    forward: torchTaps(old, count, mode, corners),
    back: { linear, nearest: torchTaps(count, old, 'nearest', false) },
    scale: corners && count === 1 ? 1 : scale,
    shift: corners ? 0 : 0.5 * scale - 0.5,
  };
}

function torchTaps(old: number, count: number, mode: 'linear' | 'nearest' | 'area', corners: boolean): Taps {
  const f = Math.fround;
  if (mode === 'area') {
    return meanTaps(count, (i) => [Math.floor((i * old) / count), Math.ceil(((i + 1) * old) / count)]);
  }
  if (mode === 'nearest') return nearestTaps(count, old, (i) => Math.floor(f(i * f(old / count))));
  if (corners) {
    const step = count > 1 ? f((old - 1) / (count - 1)) : 0;
    return linearTaps(count, old, (i) => f(step * i));
  }
  return linearTaps(count, old, (i) => f(f(f(old / count) * f(i + 0.5)) - 0.5));
}

/** Cuts out, and pads where `start` is below 0 or the end beyond the axis. Back: what was padded is dropped, the cut empty. */
export function windowOf(old: number, start: number, count: number): AxisChange | undefined {
  if (within(count) === old && start === 0) return undefined;
  const back = shiftedTaps(old, count, -start);
  return {
    count,
    forward: shiftedTaps(count, old, start),
    back: { linear: back, nearest: back },
    scale: 1,
    shift: start,
  };
}
