import { VoxgateError } from '../../errors.ts';
import type { Volume } from '../volume.ts';
import { writeGridPlane } from '../volume-planes.ts';
import { countsOf, filterPlanes, type PlaneMaps, type Planes } from './filter-planes.ts';
import { affineOf, changed, type Frame, frameOf, inversesOf, shapeOf } from './frame.ts';
import { applied, checkedSize, type HeldArray, planeMaps } from './held-array.ts';
import { type PointStep, pointStep } from './point-steps.ts';
import type { Preparation } from './preparation.ts';
import { resampling, turned } from './spatial-steps.ts';
import type { PreStep } from './steps.ts';
import { writeInOrder } from './tensor-order.ts';

/**
 * Executes the steps of a model on volumes that lie on one grid, one channel each (three for colour), and hands the tensor
 * [channel][a][b][c] to `write` in runs of 32-bit floats, each at its place (counted in floats). The runs cover it once; their
 * arrays are reused after.
 *
 * Leading steps that look at one value at a time, and the first resampling, are done while the slices pass: the volume is not
 * held as floats then, only what comes out of them, and not even that where the array lies as the slices do.
 *
 * @throws VoxgateError bad-model where a step cannot be done on such an array, too-large, not-a-volume where nothing is left
 */
export function prepareTensor(
  volumes: readonly Volume[],
  steps: readonly PreStep[],
  write: (values: Float32Array, place: number) => void,
): Preparation {
  const first = volumes[0];
  if (first === undefined) throw new VoxgateError('bad-model', 'A model needs at least one volume.');
  const sources = volumes.flatMap(planesOf);
  if (sources.some(({ counts }) => counts.some((count, axis) => count !== sources[0]!.counts[axis]))) {
    throw new VoxgateError('not-a-volume', 'The volumes of this analysis do not lie on one grid.');
  }

  const start = leadingSteps(frameOf(first.grid), steps, sources.length);
  if (start.rest.length === 0 && liesAsSlices(start.frame)) {
    for (const [channel, planes] of sources.entries()) writeBySlice(planes, channel, start, write);
    return preparationOf(start.frame, sources.length);
  }
  let array: HeldArray = {
    frame: start.frame,
    channels: sources.map((planes, channel) => held(planes, channel, start)),
  };
  for (const [i, step] of start.rest.entries()) array = applied(array, step, start.rest.slice(i + 1));
  const values = shapeOf(array.frame).reduce((product, count) => product * count, 1);
  for (const [channel, one] of array.channels.entries()) writeInOrder(one, array.frame, channel * values, write);
  return preparationOf(array.frame, array.channels.length);
}

const preparationOf = (frame: Frame, channels: number): Preparation => ({
  channels,
  shape: shapeOf(frame),
  affine: affineOf(frame),
  axes: inversesOf(frame),
});

/** One a channel. */
function planesOf(volume: Volume): Planes[] {
  const { columns, rows, slices } = volume.grid;
  const channels = volume.channels === 1 ? ([0] as const) : ([0, 1, 2] as const);
  return channels.map((channel) => ({
    counts: [columns, rows, slices],
    read: (slice, out) => writeGridPlane(volume, slice, out, channel),
  }));
}

/** What is done while slices pass. */
interface LeadingSteps {
  /** Of the array after them. */
  readonly frame: Frame;
  readonly before: readonly PointStep[];
  readonly maps: PlaneMaps;
  readonly after: readonly PointStep[];
  readonly rest: readonly PreStep[];
}

function leadingSteps(grid: Frame, steps: readonly PreStep[], channels: number): LeadingSteps {
  let frame = checkedSize(grid, channels);
  let maps: PlaneMaps | undefined;
  const before: PointStep[] = [];
  const after: PointStep[] = [];
  let taken = 0;
  for (const step of steps) {
    const turn = turned(frame, step);
    const point = turn ? undefined : pointStep(step);
    const change = turn || point || maps ? undefined : resampling(frame, step);
    if (turn) frame = turn;
    else if (point) (maps ? after : before).push(point);
    else if (change && change.within === undefined) {
      maps = planeMaps(frame, change.changes);
      frame = checkedSize(changed(frame, change.changes), channels);
    } else break;
    taken++;
  }
  const unchanged = [undefined, undefined, undefined] as const;
  return { frame, before, maps: maps ?? planeMaps(frame, unchanged), after, rest: steps.slice(taken) };
}

/** Calls `emit` once for each plane [row][column] of the array's memory. */
function pass(
  planes: Planes,
  channel: number,
  { before, maps, after }: LeadingSteps,
  emit: (plane: Float32Array, index: number) => void,
): void {
  const read = (slice: number, out: Float32Array): void => {
    planes.read(slice, out);
    for (const step of before) step(out, channel);
  };
  filterPlanes({ counts: planes.counts, read }, maps, (plane, index) => {
    for (const step of after) step(plane, channel);
    emit(plane, index);
  });
}

function held(planes: Planes, channel: number, start: LeadingSteps): Float32Array {
  const [columns, rows, slices] = countsOf(start.maps);
  const size = columns * rows;
  const values = new Float32Array(size * slices);
  pass(planes, channel, start, (plane, index) => values.set(plane, index * size));
  return values;
}

/** Each plane of a is a slice. */
const liesAsSlices = ({ axes }: Frame): boolean => axes[0].source === 2;

function writeBySlice(
  planes: Planes,
  channel: number,
  start: LeadingSteps,
  write: (values: Float32Array, place: number) => void,
): void {
  const [a, b, c] = start.frame.axes;
  const size = b.count * c.count;
  const single: Frame = { ...start.frame, axes: [{ ...a, count: 1, flipped: false }, b, c] };
  pass(planes, channel, start, (plane, index) => {
    const place = a.flipped ? a.count - 1 - index : index;
    writeInOrder(plane, single, (channel * a.count + place) * size, write);
  });
}
