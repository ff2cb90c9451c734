import type { Grid, Vec3 } from '../grid.ts';
import {
  median,
  missingSlices,
  type PlacedSlices,
  SHEAR_TOLERANCE_DEGREES,
  STEP_TOLERANCE_MM,
  sheared,
  stepsOf,
  unequalSteps,
} from '../place-refusals.ts';
import type { Taps } from '../tent-filter.ts';
import { addScaled, dot, length, scale, subtract } from '../vector.ts';
import type { Shear, Volume } from '../volume.ts';
import type { StackRequest } from './assembled-stack.ts';
import type { FrameHeader } from './image-header.ts';
import { normalOf } from './split-stacks.ts';

export type Regular =
  | {
      readonly ok: true;
      readonly grid: Grid;
      readonly shear?: Shear;
      readonly sliceTaps?: Volume['sliceTaps'];
      readonly notes: readonly string[];
    }
  | { readonly ok: false; readonly reason: string };

/** A stack put upright may not be wider than this many times its slices: beyond, it is no gantry. */
const WIDEST = 2;
/** Slices that lie too far apart to say anything of what is between them would be resampled to this many times as many. */
const MOST_ADDED = 8;

/**
 * The regular, upright, right-handed grid of slices that lie parallel, ascending along their normal, one at each place; or
 * why there is none, under the policy of a model. Its directions are the cosines as written. Where steps are equal its
 * spacing is their mean, so that the first and last slice lie exact; where they are not, it divides the whole extent into
 * steps of about the usual length, and says by taps which slices lie where.
 */
export function regularGrid(
  headers: readonly FrameHeader[],
  policy: Pick<StackRequest['geometry'], 'tilt' | 'spacing'>,
): Regular {
  const bottom = headers[0]!;
  const normal = normalOf(bottom)!;
  const positions = headers.map((header) => header.position!);
  const slices: PlacedSlices = { positions, normal, places: positions.map((p) => dot(p, normal)), headers };
  const notes: string[] = [];

  const tilt = sheared(slices);
  const upright = tilt === undefined ? undefined : policy.tilt === 'resample' ? uprightOf(slices) : tilt;
  if (typeof upright === 'string') return { ok: false, reason: upright };
  if (upright) notes.push(`${tilt} They were put upright for the model, and its result was laid back onto them.`);

  const uneven = missingSlices(slices) ?? unequalSteps(slices);
  if (uneven !== undefined && policy.spacing !== 'resample') return { ok: false, reason: uneven };
  const steps = uneven === undefined ? undefined : evenSteps(slices.places);
  if (typeof steps === 'string') return { ok: false, reason: `${uneven} ${steps}` };
  if (steps) notes.push(`${uneven} Values between them were interpolated for the model.`);

  const extent = slices.places.at(-1)! - slices.places[0]!;
  const count = steps?.count ?? headers.length;
  const { columns, rows } = upright?.size ?? bottom;
  const [rowSpacing, columnSpacing] = bottom.pixelSpacing!;
  const across = addScaled(bottom.position!, bottom.rowDirection!, (upright?.origin[0] ?? 0) * columnSpacing);
  const grid: Grid = {
    columns,
    rows,
    slices: count,
    columnSpacing,
    rowSpacing,
    sliceSpacing: extent / (count - 1),
    rowDirection: bottom.rowDirection!,
    columnDirection: bottom.columnDirection!,
    normal,
    origin: addScaled(across, bottom.columnDirection!, (upright?.origin[1] ?? 0) * rowSpacing),
  };
  return {
    ok: true,
    grid,
    ...(upright && { shear: upright.shear }),
    ...(steps && { sliceTaps: steps.taps }),
    notes,
  };
}

interface Upright {
  readonly size: { readonly columns: number; readonly rows: number };
  /** Of the grid, in columns and rows of the first slice. */
  readonly origin: readonly [number, number];
  readonly shear: Shear;
}

/** How far each slice lies aside of the first, where they do so evenly; else the sentence that says which does not. */
function uprightOf(slices: PlacedSlices): Upright | string {
  const { positions, normal, places, headers } = slices;
  const { rowDirection, columnDirection, pixelSpacing, columns, rows } = headers[0]!;
  const extent = places.at(-1)! - places[0]!;
  const asides = positions.map((position, i) => {
    const step = subtract(position, positions[0]!);
    return subtract(step, scale(normal, places[i]! - places[0]!));
  });
  const perMm: Vec3 = scale(asides.at(-1)!, 1 / extent);
  const allowed = Math.tan((SHEAR_TOLERANCE_DEGREES * Math.PI) / 180);
  const off = asides.map((aside, i) => length(subtract(aside, scale(perMm, places[i]! - places[0]!))));
  const astray = off.findIndex((mm, i) => mm > Math.max(STEP_TOLERANCE_MM, allowed * (places[i]! - places[0]!)));
  if (astray >= 0) {
    const mm = off[astray]!.toFixed(2);
    return `Slice ${astray + 1} of ${positions.length} is shifted ${mm} mm within its plane against a line through the first and the last.`;
  }
  const places2d = asides.map((aside): [number, number] => [
    dot(aside, rowDirection!) / pixelSpacing![1],
    dot(aside, columnDirection!) / pixelSpacing![0],
  ]);
  const [left, top] = [0, 1].map((axis) => Math.floor(Math.min(...places2d.map((at) => at[axis]!)) + EPSILON));
  const [right, bottom] = [0, 1].map((axis) => Math.ceil(Math.max(...places2d.map((at) => at[axis]!)) - EPSILON));
  const size = { columns: columns + right! - left!, rows: rows + bottom! - top! };
  if (size.columns * size.rows > WIDEST * columns * rows)
    return `The slices are sheared so far that they would fill ${size.columns} x ${size.rows} pixels upright.`;
  return {
    size,
    origin: [left!, top!],
    shear: { columns, rows, offsets: places2d.map(([column, row]) => [column - left!, row - top!]) },
  };
}

/** Rounding must not add a column. */
const EPSILON = 1e-6;

interface EvenSteps {
  readonly count: number;
  readonly taps: NonNullable<Volume['sliceTaps']>;
}

/** Steps of about the usual length over the whole extent, and which slices lie where; or why that would be too many. */
function evenSteps(places: readonly number[]): EvenSteps | string {
  const first = places[0]!;
  const extent = places.at(-1)! - first;
  const intervals = Math.max(1, Math.round(extent / median(stepsOf(places))));
  const count = intervals + 1;
  if (count > MOST_ADDED * places.length) return `Even steps would make ${count} slices of ${places.length}.`;
  const onGrid = places.map((at) => ((at - first) / extent) * intervals);
  return {
    count,
    taps: { toGrid: between(onGrid, count), fromGrid: between([...Array(count).keys()], places.length, onGrid) },
  };
}

/** For each wanted place (0, 1, 2, …) the two of the ascending `places` around it, weighted by nearness. */
function between(places: readonly number[], count: number, wanted: readonly number[] = [...Array(count).keys()]): Taps {
  const first = new Int32Array(count);
  const counts = new Int32Array(count);
  const offset = new Int32Array(count);
  const weights: number[] = [];
  for (let i = 0, low = 0; i < count; i++) {
    const at = wanted[i]!;
    while (low < places.length - 2 && places[low + 1]! <= at) low++;
    const high = Math.min(low + 1, places.length - 1);
    const step = places[high]! - places[low]!;
    const far = step > 0 ? Math.min(1, Math.max(0, (at - places[low]!) / step)) : 0;
    const exact = far < 1e-9 ? low : far > 1 - 1e-9 ? high : undefined;
    first[i] = exact ?? low;
    offset[i] = weights.length;
    counts[i] = exact === undefined ? 2 : 1;
    weights.push(...(exact === undefined ? [1 - far, far] : [1]));
  }
  return { first, count: counts, offset, weights: Float64Array.from(weights) };
}
