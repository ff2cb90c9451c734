import type { Grid, Vec3 } from './grid.ts';
import { IMAGE_REFUSALS } from './image-refusals.ts';
import { PLACE_REFUSALS, type PlacedSlices } from './place-refusals.ts';
import type { SliceHeader } from './slice-header.ts';
import { cross, dot, length, scale } from './vector.ts';

export type Stack =
  | {
      readonly ok: true;
      readonly grid: Grid;
      /** For each slice of the grid, ascending along its normal, the index of its header in the argument. */
      readonly order: readonly number[];
      /** What had to be assumed, one sentence each. */
      readonly notes: readonly string[];
    }
  | { readonly ok: false; readonly reason: string };

/**
 * One regular volume, or the reason why these images are none: a sentence with figures, naming no patient.
 * Slices are ordered by their place along the normal (PS3.3 C.7.6.2.1.1), never by Instance Number, and the grid does not
 * depend on the order of the headers. Its directions are the cosines as written; its slice spacing is the mean step, so
 * that the first and the last slice lie exact.
 */
export function assembleStack(headers: readonly SliceHeader[]): Stack {
  for (const refusal of IMAGE_REFUSALS) {
    const reason = refusal(headers);
    if (reason !== undefined) return { ok: false, reason };
  }
  const order = orderedAlong(normalOf(headers[0]!), headers);
  const bottom = headers[order[0]!]!;
  const normal = normalOf(bottom);
  const positions = order.map((index) => headers[index]!.position!);
  const stack: PlacedSlices = { positions, normal, places: positions.map((p) => dot(p, normal)), headers };
  for (const refusal of PLACE_REFUSALS) {
    const reason = refusal(stack);
    if (reason !== undefined) return { ok: false, reason };
  }
  const grid: Grid = {
    columns: bottom.columns,
    rows: bottom.rows,
    slices: headers.length,
    columnSpacing: bottom.pixelSpacing![1],
    rowSpacing: bottom.pixelSpacing![0],
    sliceSpacing: (stack.places.at(-1)! - stack.places[0]!) / (headers.length - 1),
    rowDirection: bottom.rowDirection!,
    columnDirection: bottom.columnDirection!,
    normal,
    origin: bottom.position!,
  };
  return { ok: true, grid, order, notes: notesOn(headers) };
}

function orderedAlong(normal: Vec3, headers: readonly SliceHeader[]): number[] {
  const places = headers.map((header) => dot(header.position!, normal));
  return places.map((_, index) => index).sort((a, b) => places[a]! - places[b]! || a - b);
}

function normalOf(header: SliceHeader): Vec3 {
  const normal = cross(header.rowDirection!, header.columnDirection!);
  return scale(normal, 1 / length(normal));
}

function notesOn(headers: readonly SliceHeader[]): string[] {
  const notes: string[] = [];
  const assumed = headers.filter((header) => header.rescaleAssumed).length;
  if (assumed > 0) {
    const images = `${assumed} of ${headers.length} CT images`;
    notes.push(`${images} carry no Rescale Slope and Intercept: stored values were taken as Hounsfield units.`);
  }
  if (new Set(headers.map((header) => header.frameOfReferenceUid)).size > 1) {
    notes.push('Every image has a Frame of Reference UID of its own: the images were taken to lie in one.');
  }
  return notes;
}
