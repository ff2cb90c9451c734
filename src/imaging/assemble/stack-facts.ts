import { median, stepsOf } from '../place-refusals.ts';
import { dot, length, scale, subtract } from '../vector.ts';
import type { AssembledFrame } from './assembled-stack.ts';
import { byPlace, normalOf, orientationName } from './split-stacks.ts';

/** What is true of the places of a stack, whatever a model makes of it: for routes. Lengths in mm. */
export interface StackFacts {
  /** Frames, and the different places they lie at. */
  readonly frames: number;
  readonly slices: number;
  readonly columns: number;
  readonly rows: number;
  /** The usual step between neighbours along the normal; absent for one slice, or where nothing says where they lie. */
  readonly sliceSpacing?: number;
  readonly rowSpacing?: number;
  readonly columnSpacing?: number;
  /** Width, height and depth: counts times spacing. */
  readonly fieldOfView?: readonly [number, number, number];
  /** Oblique from 20 degrees off the nearest axis. */
  readonly orientation?: 'axial' | 'sagittal' | 'coronal' | 'oblique';
  /** All steps alike. */
  readonly uniform: boolean;
  /** Steps longer than one and a half times the usual one. */
  readonly gaps: number;
  /** Between the normal and the line from the first pixel of the first slice to that of the last, degrees. */
  readonly tilt: number;
  readonly localizer: boolean;
  readonly derived: boolean;
  /** Which of several stacks of the series; empty where there is but one. */
  readonly label: string;
}

const GAP = 1.5;
/** Positions are commonly rounded to 0.01 mm. */
const STEP_TOLERANCE_MM = 0.02;
const STEP_TOLERANCE_RELATIVE = 0.01;

/** Of frames that lie parallel. */
export function stackFacts(frames: readonly AssembledFrame[], label: string): StackFacts {
  const places = byPlace(frames).map(([frame]) => frame!.header);
  const first = places[0]!;
  const normal = normalOf(first);
  const isPlaced = normal !== undefined && places.every(({ position }) => position !== undefined);
  const along = isPlaced ? places.map(({ position }) => dot(position!, normal)) : [];
  const steps = stepsOf(along);
  const step = steps.length > 0 ? median(steps) : undefined;
  const tolerance = Math.max(STEP_TOLERANCE_MM, (step ?? 0) * STEP_TOLERANCE_RELATIVE);
  const [rowSpacing, columnSpacing] = first.pixelSpacing ?? [];
  const depth = along.length > 0 ? along.at(-1)! - along[0]! + (step ?? first.sliceThickness ?? 0) : undefined;
  return {
    frames: frames.length,
    slices: isPlaced ? places.length : 0,
    columns: first.columns,
    rows: first.rows,
    ...(step !== undefined && { sliceSpacing: step }),
    ...(rowSpacing !== undefined && columnSpacing !== undefined && { rowSpacing, columnSpacing }),
    ...(rowSpacing !== undefined &&
      columnSpacing !== undefined &&
      depth !== undefined && { fieldOfView: [first.columns * columnSpacing, first.rows * rowSpacing, depth] as const }),
    ...(isPlaced && { orientation: orientationName(first)! }),
    uniform: step !== undefined && steps.every((mm) => Math.abs(mm - step) <= tolerance),
    gaps: step === undefined ? 0 : steps.filter((mm) => mm > step * GAP).length,
    tilt: isPlaced
      ? tiltOf(
          places.map(({ position }) => position!),
          normal,
        )
      : 0,
    localizer: frames.every(({ header }) => header.isLocalizer),
    derived: frames.every(({ header }) => header.imageType[0]?.trim() === 'DERIVED'),
    label,
  };
}

type Places = readonly NonNullable<AssembledFrame['header']['position']>[];

function tiltOf(positions: Places, normal: NonNullable<ReturnType<typeof normalOf>>): number {
  const way = subtract(positions.at(-1)!, positions[0]!);
  const forward = dot(way, normal);
  const aside = length(subtract(way, scale(normal, forward)));
  return aside === 0 ? 0 : (Math.atan2(aside, Math.abs(forward)) * 180) / Math.PI;
}
