import type { Vec3 } from './grid.ts';
import type { SliceHeader } from './slice-header.ts';
import { dot, length, scale, subtract } from './vector.ts';

/** Positions are commonly rounded to 0.01 mm, so that two steps of one regular series may differ by 0.02 mm. */
export const STEP_TOLERANCE_MM = 0.02;
const STEP_TOLERANCE_RELATIVE = 0.01;
/** Small steps that all err to one side add up: no slice may lie further than this part of a step off its place. */
const PLACE_TOLERANCE_RELATIVE = 0.1;
export const SHEAR_TOLERANCE_DEGREES = 0.1;

/** Slices of one orientation, ascending along their normal. */
export interface PlacedSlices {
  readonly positions: readonly Vec3[];
  readonly normal: Vec3;
  /** Positions along the normal, mm. */
  readonly places: readonly number[];
  readonly headers: readonly SliceHeader[];
}

/** The slices of a tilted gantry step aside as well as forward (PS3.3 C.8.2.1: Gantry/Detector Tilt is informative only). */
export function sheared({ positions, normal, headers }: PlacedSlices): string | undefined {
  const asideOf = (position: Vec3): { forward: number; aside: number } => {
    const step = subtract(position, positions[0]!);
    const forward = dot(step, normal);
    return { forward, aside: length(subtract(step, scale(normal, forward))) };
  };
  const { forward, aside } = asideOf(positions.at(-1)!);
  const degrees = (Math.atan2(aside, forward) * 180) / Math.PI;
  if (degrees > SHEAR_TOLERANCE_DEGREES && aside > STEP_TOLERANCE_MM) {
    const tilt = headers[0]!.gantryDetectorTilt;
    const stated = tilt ? `; Gantry/Detector Tilt ${tilt.toFixed(1)} degrees` : '';
    return `The slices are sheared: they step at ${degrees.toFixed(1)} degrees to their normal${stated}.`;
  }
  const perMm = Math.tan((SHEAR_TOLERANCE_DEGREES * Math.PI) / 180);
  const shifts = positions.map(asideOf);
  const slice = shifts.findIndex((shift) => shift.aside > Math.max(STEP_TOLERANCE_MM, perMm * shift.forward));
  if (slice < 0) return undefined;
  const mm = shifts[slice]!.aside.toFixed(2);
  return `Slice ${slice + 1} of ${positions.length} is shifted ${mm} mm within its plane against the first.`;
}

export function missingSlices({ places }: PlacedSlices): string | undefined {
  const steps = stepsOf(places);
  const step = median(steps);
  const gaps = steps
    .map((mm, i) => ({ mm, missing: Math.round(mm / step) - 1, from: places[i]!, to: places[i + 1]! }))
    .filter((gap) => Math.abs(gap.mm - step) > tolerance(step));
  const whole = gaps.every(
    (gap) => gap.missing > 0 && Math.abs(gap.mm - (gap.missing + 1) * step) <= tolerance(gap.mm),
  );
  if (gaps.length === 0 || !whole) return undefined;
  const missing = gaps.reduce((sum, gap) => sum + gap.missing, 0);
  const { from, to, mm } = gaps[0]!;
  const figures = `step ${mm.toFixed(2)} mm, the others ${step.toFixed(2)} mm`;
  const where = `between ${from.toFixed(2)} mm and ${to.toFixed(2)} mm along the normal (${figures})`;
  const more = gaps.length > 1 ? `, and in ${gaps.length - 1} more place${gaps.length > 2 ? 's' : ''}` : '';
  return `${missing} slice${missing > 1 ? 's are' : ' is'} missing: ${where}${more}.`;
}

export function unequalSteps({ places }: PlacedSlices): string | undefined {
  const steps = stepsOf(places);
  const step = median(steps);
  const uneven = steps.filter((mm) => Math.abs(mm - step) > tolerance(step)).length;
  if (uneven > 0) {
    const sorted = ascending(steps);
    const range = `${sorted[0]!.toFixed(2)} to ${sorted.at(-1)!.toFixed(2)} mm`;
    return `The slice spacing is irregular: ${uneven} of ${steps.length} steps differ from ${step.toFixed(2)} mm (${range}).`;
  }
  const mean = (places.at(-1)! - places[0]!) / steps.length;
  const off = places.reduce((most, at, i) => Math.max(most, Math.abs(at - places[0]! - i * mean)), 0);
  if (off <= Math.max(STEP_TOLERANCE_MM, mean * PLACE_TOLERANCE_RELATIVE)) return undefined;
  const regular = `a regular stack of ${mean.toFixed(2)} mm steps`;
  return `The slice spacing drifts: a slice lies ${off.toFixed(2)} mm off its place in ${regular}.`;
}

export const stepsOf = (places: readonly number[]): number[] => places.slice(1).map((at, i) => at - places[i]!);

const tolerance = (step: number): number => Math.max(STEP_TOLERANCE_MM, step * STEP_TOLERANCE_RELATIVE);

/** The lower median: of two steps, where one is a gap, the smaller is the spacing. */
export const median = (values: readonly number[]): number => ascending(values)[(values.length - 1) >> 1]!;

const ascending = (values: readonly number[]): number[] => [...values].sort((a, b) => a - b);

/** The results could be laid over nothing: they name the frame of reference of their images (PS3.3 C.7.4.1). */
export function withoutFrameOfReference({ headers }: PlacedSlices): string | undefined {
  const count = headers.filter((header) => !header.frameOfReferenceUid).length;
  return count === 0 ? undefined : `${count} of ${headers.length} images carry no Frame of Reference UID.`;
}
