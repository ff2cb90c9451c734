import type { Taps } from '../tent-filter.ts';

/**
 * One axis of a source slice, cut where the array indexes change that its samples are made of: all samples of a cell are
 * made of the same ones, and differ in the weights alone.
 */
export interface CellAxis {
  readonly cells: number;
  /** Cell i holds the samples from[i] to from[i + 1] - 1. */
  readonly from: Int32Array;
  /** Of a cell: the array indexes its samples are made of. A count of 0: none. */
  readonly first: Int32Array;
  readonly count: Int32Array;
  /** 1 where the weights of some sample sum to less than 1: beside what the network did not see. */
  readonly partial: Uint8Array;
  readonly taps: Taps;
}

export function cellsAlong(taps: Taps): CellAxis {
  const samples = taps.first.length;
  const from: number[] = [];
  for (let i = 0; i < samples; i++) {
    if (
      i === 0 ||
      taps.count[i] !== taps.count[i - 1] ||
      (taps.count[i] !== 0 && taps.first[i] !== taps.first[i - 1])
    ) {
      from.push(i);
    }
  }
  const partial = new Uint8Array(from.length);
  for (let cell = 0; cell < from.length; cell++) {
    for (let i = from[cell]!; i < (from[cell + 1] ?? samples); i++) if (sumAt(taps, i) < 1 - 1e-9) partial[cell] = 1;
  }
  return {
    cells: from.length,
    from: Int32Array.from([...from, samples]),
    first: Int32Array.from(from, (i) => taps.first[i]!),
    count: Int32Array.from(from, (i) => taps.count[i]!),
    partial,
    taps,
  };
}

export function sumAt(taps: Taps, i: number): number {
  let sum = 0;
  for (let t = 0; t < taps.count[i]!; t++) sum += taps.weights[taps.offset[i]! + t]!;
  return sum;
}

/** Where the samples of a source slice come from in a plane of the array: [u][v] with these strides. */
export interface SlicePlan {
  readonly across: CellAxis;
  readonly down: CellAxis;
  /** Elements of a plane from one array index to the next, along the axis of the columns and of the rows. */
  readonly acrossStride: number;
  readonly downStride: number;
}

/** The cells of a slice in which not all voxels of the array say the same: pairs of cell numbers. */
export interface MixedCells {
  length: number;
  readonly across: Int32Array;
  readonly down: Int32Array;
}

export const mixedCells = (plan: SlicePlan): MixedCells => ({
  length: 0,
  across: new Int32Array(plan.across.cells * plan.down.cells),
  down: new Int32Array(plan.across.cells * plan.down.cells),
});

/** The state of a voxel where the planes around a slice disagree. */
export const DISAGREE = 255;

/**
 * Gives every sample of the slice the state of the voxels around it where these agree, and 0 where there are none; notes
 * the cells where they do not. `partialDecides`: whether they need to be looked at beside what the network did not see.
 */
export function fillCells(
  state: Uint8Array,
  plan: SlicePlan,
  partialDecides: boolean,
  out: Uint8Array,
  mixed: MixedCells,
): void {
  const { across, down, acrossStride, downStride } = plan;
  const columns = across.from[across.cells]!;
  mixed.length = 0;
  for (let d = 0; d < down.cells; d++) {
    const row = down.from[d]! * columns;
    const rows = down.from[d + 1]! - down.from[d]!;
    const downCount = down.count[d]!;
    const downBase = down.first[d]! * downStride;
    for (let a = 0; a < across.cells; a++) {
      const acrossCount = across.count[a]!;
      let value = 0;
      if (acrossCount > 0 && downCount > 0) {
        value = agreed(state, downBase + across.first[a]! * acrossStride, plan, acrossCount, downCount);
        if (
          value === DISAGREE ||
          (value !== 0 && partialDecides && (across.partial[a] === 1 || down.partial[d] === 1))
        ) {
          mixed.across[mixed.length] = a;
          mixed.down[mixed.length++] = d;
          value = 0;
        }
      }
      const end = row + across.from[a + 1]!;
      for (let i = row + across.from[a]!; i < end; i++) out[i] = value;
    }
    for (let r = 1; r < rows; r++) out.copyWithin(row + r * columns, row, row + columns);
  }
}

function agreed(
  state: Uint8Array,
  base: number,
  { acrossStride, downStride }: SlicePlan,
  acrossCount: number,
  downCount: number,
): number {
  const value = state[base]!;
  if (value === DISAGREE) return DISAGREE;
  for (let d = 0, row = base; d < downCount; d++, row += downStride) {
    for (let a = 0, at = row; a < acrossCount; a++, at += acrossStride) if (state[at] !== value) return DISAGREE;
  }
  return value;
}

/** What the voxels of all planes say, DISAGREE where they do not say the same; of one plane its own states. */
export function agreement(planes: readonly Uint8Array[], out: Uint8Array): Uint8Array {
  const [low, high, ...others] = planes;
  if (high === undefined) return low!;
  for (let i = 0; i < out.length; i++) out[i] = low![i]! === high[i]! ? low![i]! : DISAGREE;
  for (const states of others) {
    for (let i = 0; i < out.length; i++) if (out[i] !== states[i]) out[i] = DISAGREE;
  }
  return out;
}

/** Calls `visit` for every element of a plane that is around a cell; `base` is the first of them. */
export function forVoxels(
  plan: SlicePlan,
  cells: MixedCells,
  m: number,
  base: number,
  visit: (voxel: number) => void,
): void {
  for (let i = 0, row = base; i < plan.down.count[cells.down[m]!]!; i++, row += plan.downStride) {
    for (let j = 0, at = row; j < plan.across.count[cells.across[m]!]!; j++, at += plan.acrossStride) visit(at);
  }
}
