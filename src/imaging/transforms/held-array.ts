import { VoxgateError } from '../../errors.ts';
import type { Taps } from '../tent-filter.ts';
import { windowOf } from './axis-changes.ts';
import { identityTaps, inputReversed, outputReversed } from './axis-maps.ts';
import { filledMask } from './filled-mask.ts';
import { countsOf, filterPlanes, type PlaneMap, type PlaneMaps, type Planes } from './filter-planes.ts';
import { type AxisChanges, changed, type Frame, memoryCounts, shapeOf } from './frame.ts';
import { type PointStep, pointStep } from './point-steps.ts';
import { eachAxis, type Resampling, resampling, sizeOr, triple, turned } from './spatial-steps.ts';
import { MARGIN } from './spline-coefficients.ts';
import { extremes } from './statistics.ts';
import type { PreStep, Triple } from './steps.ts';
import { boxAround, cutOut } from './voxel-box.ts';
import { type WholeStep, wholeStep } from './whole-steps.ts';

/** All values of all channels, each [slice][row][column] of the source, and how the array lies on them. */
export interface HeldArray {
  readonly frame: Frame;
  /** Emptied and filled again by steps that make new values, so that old and new are held of one channel only. */
  readonly channels: Float32Array[];
  /** Hole-filled non-zero mask, after crop-nonzero; lost when values move. */
  readonly mask?: Uint8Array;
}

/** One step. @throws VoxgateError bad-model, not-a-volume, too-large */
export function applied(array: HeldArray, step: PreStep, later: readonly PreStep[]): HeldArray {
  const turn = turned(array.frame, step);
  if (turn) return { ...array, frame: turn };
  const change = resampling(array.frame, step);
  if (change) return resampled(array, change);
  const point = pointStep(step);
  if (point) return pointwise(array, point);
  switch (step.op) {
    case 'crop-foreground':
      return croppedToForeground(array, step);
    case 'crop-nonzero':
      return croppedToNonzero(array, later);
    case 'center-crop':
      return windowed(array, (i, count) => {
        const size = sizeOr(step.size[i], count);
        const start = Math.max(Math.floor(count / 2) - Math.floor(size / 2), 0);
        return [start, Math.min(size, count - start)];
      });
    case 'pad':
      return padded(array, step, (i, count) => Math.max(sizeOr(step.size[i], count), count));
    case 'pad-divisible':
      return padded(array, step, (i, count) => divisible(count, step.k[i]));
    default:
      wholeStep(step satisfies PreStep as WholeStep, array.channels, array.mask);
      return array;
  }
}

function pointwise(array: HeldArray, point: PointStep): HeldArray {
  for (const [channel, values] of array.channels.entries()) point(values, channel);
  return array;
}

/** The maps of the memory for changes of the array: an axis that is flipped is counted from its other end. */
export function planeMaps(frame: Frame, changes: AxisChanges): PlaneMaps {
  const along = (source: 0 | 1 | 2): PlaneMap => {
    const i = frame.axes.findIndex((axis) => axis.source === source);
    const [{ count, flipped }, change] = [frame.axes[i]!, changes[i]];
    if (change === undefined) return { taps: identityTaps(count) };
    const turn = (taps: Taps, old: number): Taps => (flipped ? outputReversed(inputReversed(taps, old)) : taps);
    const taps = turn(change.forward, count);
    return change.spline ? { taps, spline: turn(change.spline, count + 2 * MARGIN) } : { taps };
  };
  return [along(0), along(1), along(2)];
}

/** All new planes, [slice][row][column]. */
export function gathered(planes: Planes, maps: PlaneMaps): Float32Array {
  const [columns, rows, slices] = countsOf(maps);
  const size = columns * rows;
  const values = new Float32Array(size * slices);
  filterPlanes(planes, maps, (plane, index) => values.set(plane, index * size));
  return values;
}

export function planesOf(values: Float32Array, counts: Triple): Planes {
  const size = counts[0] * counts[1];
  return { counts, read: (slice, out) => out.set(values.subarray(slice * size, (slice + 1) * size)) };
}

function resampled({ frame, channels }: HeldArray, { changes, within }: Resampling): HeldArray {
  if (changes.every((change) => change === undefined)) return { frame, channels };
  const after = checkedSize(changed(frame, changes), channels.length);
  const maps = planeMaps(frame, changes);
  const counts = memoryCounts(frame);
  for (const [channel, values] of channels.entries()) {
    const made = gathered(planesOf(values, counts), maps);
    if (within === 'channel') keepWithin(made, ...extremes([values]));
    else if (within !== undefined)
      keepWithinSlices(made, memoryCounts(after), values, counts, maps, frame.axes[within].source);
    channels[channel] = made;
  }
  return { frame: after, channels };
}

function keepWithin(values: Float32Array, least: number, greatest: number): void {
  for (let i = 0; i < values.length; i++) values[i] = Math.min(Math.max(values[i]!, least), greatest);
}

/** Slices across `axis` of the memory; each new one comes from one old one. */
function keepWithinSlices(
  made: Float32Array,
  madeCounts: Triple,
  values: Float32Array,
  counts: Triple,
  maps: PlaneMaps,
  axis: 0 | 1 | 2,
): void {
  const least = new Float32Array(counts[axis]).fill(Number.POSITIVE_INFINITY);
  const greatest = new Float32Array(counts[axis]).fill(Number.NEGATIVE_INFINITY);
  eachValue(counts, axis, (i, slice) => {
    least[slice] = Math.min(least[slice]!, values[i]!);
    greatest[slice] = Math.max(greatest[slice]!, values[i]!);
  });
  const from = maps[axis].taps.first;
  eachValue(madeCounts, axis, (i, slice) => {
    made[i] = Math.min(Math.max(made[i]!, least[from[slice]!]!), greatest[from[slice]!]!);
  });
}

function eachValue(counts: Triple, axis: 0 | 1 | 2, visit: (i: number, along: number) => void): void {
  for (let slice = 0, i = 0; slice < counts[2]; slice++) {
    for (let row = 0; row < counts[1]; row++) {
      const outer = axis === 2 ? slice : row;
      for (let column = 0; column < counts[0]; column++, i++) visit(i, axis === 0 ? column : outer);
    }
  }
}

/** The window of array axis i: where it begins, and how long it is. */
type WindowOf = (axis: 0 | 1 | 2, count: number) => readonly [start: number, size: number];

/** Cuts out, or pads: whatever the window leaves or adds. */
function windowed({ frame, channels }: HeldArray, windowFor: WindowOf, fill: number | 'edge' = 0): HeldArray {
  const windows = eachAxis((i) => windowFor(i, frame.axes[i].count));
  const changes = eachAxis((i) => windowOf(frame.axes[i].count, ...windows[i]));
  if (changes.every((change) => change === undefined)) return { frame, channels };
  const after = checkedSize(changed(frame, changes), channels.length);
  const [start, size] = [memoryStart(frame, windows), memoryCounts(after)];
  for (const [channel, values] of channels.entries()) {
    const cut = new Float32Array(size[0] * size[1] * size[2]);
    cutOut(values, memoryCounts(frame), start, size, fill, cut);
    channels[channel] = cut;
  }
  return { frame: after, channels };
}

/** Where windows of the array begin in the memory, by columns, rows and slices. */
function memoryStart(frame: Frame, windows: readonly (readonly [start: number, size: number])[]): Triple {
  return triple((source) => {
    const i = frame.axes.findIndex((axis) => axis.source === source);
    const [start, size] = windows[i]!;
    const axis = frame.axes[i]!;
    return axis.flipped ? axis.count - start - size : start;
  });
}

type Padding = Extract<PreStep, { op: 'pad' | 'pad-divisible' }>;

function padded(
  array: HeldArray,
  { where, value }: Padding,
  sizeFor: (axis: 0 | 1 | 2, count: number) => number,
): HeldArray {
  const windowFor: WindowOf = (i, count) => {
    const size = sizeFor(i, count);
    return [where === 'symmetric' ? -Math.floor((size - count) / 2) : 0, size];
  };
  return windowed(array, windowFor, value);
}

const divisible = (count: number, k: number): number => (k > 0 ? Math.ceil(count / k) * k : count);

/** MONAI 1.5.0 CropForeground: a box that reaches beyond the image is padded with 0. */
function croppedToForeground(array: HeldArray, step: Extract<PreStep, { op: 'crop-foreground' }>): HeldArray {
  const box = arrayBox(array, step.above);
  if (box === undefined) throw new VoxgateError('not-a-volume', `No value in the image is above ${step.above}.`);
  return windowed(array, (i, count) => {
    let [start, end] = [box[i][0] - step.margin[i], box[i][1] + step.margin[i]];
    if (step.allowSmaller) [start, end] = [Math.max(start, 0), Math.min(end, count)];
    const size = divisible(end - start, step.divisible?.[i] ?? 1);
    return [start - Math.floor((size - (end - start)) / 2), size];
  });
}

/** nnU-Net 2.8.1 crop_to_nonzero; the mask is made only where a later step of the list asks for it. */
function croppedToNonzero(array: HeldArray, later: readonly PreStep[]): HeldArray {
  const box = arrayBox(array, undefined);
  if (box === undefined) throw new VoxgateError('not-a-volume', 'Every value in the image is zero.');
  const masked = later.some((step) => step.op === 'z-score' && step.mask);
  // Holes are filled in the whole image: a hole that the box opens to its border would no longer be one.
  const mask = masked ? filledMask(array.channels, memoryCounts(array.frame)) : undefined;
  const windows = eachAxis((i): readonly [number, number] => [box[i][0], box[i][1] - box[i][0]]);
  const start = memoryStart(array.frame, windows);
  const cropped = windowed(array, (i) => windows[i]);
  if (mask === undefined) return cropped;
  const size = memoryCounts(cropped.frame);
  const cut = new Uint8Array(size[0] * size[1] * size[2]);
  cutOut(mask, memoryCounts(array.frame), start, size, 0, cut);
  return { ...cropped, mask: cut };
}

/** For each array axis where the box begins and ends (exclusive). */
function arrayBox(
  { frame, channels }: HeldArray,
  above: number | undefined,
): readonly [readonly [number, number], readonly [number, number], readonly [number, number]] | undefined {
  const box = boxAround(channels, memoryCounts(frame), above);
  if (box === undefined) return undefined;
  return eachAxis((i) => {
    const { source, flipped, count } = frame.axes[i];
    const [start, end] = [box.start[source], box.end[source]];
    return flipped ? [count - end, count - start] : [start, end];
  });
}

/** 2 GiB of float: what one tensor may take in a file and in a lane. */
const LARGEST_TENSOR_VALUES = 2 ** 29;

/** @throws VoxgateError too-large */
export function checkedSize(frame: Frame, channels: number): Frame {
  const [a, b, c] = shapeOf(frame);
  if (a * b * c * channels <= LARGEST_TENSOR_VALUES) return frame;
  throw new VoxgateError(
    'too-large',
    `An array of ${channels} x ${a} x ${b} x ${c} values is larger than a tensor may be.`,
  );
}
