import type { JsonDataset } from '../dicom/dataset.ts';
import { isItem, items, number, numbers, text } from '../dicom/read-values.ts';
import type { Vec3 } from '../imaging/grid.ts';
import { cross, dot, length, scale } from '../imaging/vector.ts';

/** Where one frame lies; LPS, mm. */
interface Plane {
  readonly position: Vec3;
  readonly row: Vec3;
  readonly column: Vec3;
  /** Planes of one key belong to one stack. */
  readonly key: string;
}

export interface PlaneFacts {
  readonly stacks: number | undefined;
  readonly slices: number | undefined;
  readonly gaps: number | undefined;
  /** mm */
  readonly sliceSpacing: number | undefined;
  readonly depth: number | undefined;
  /** Degrees. */
  readonly tilt: number | undefined;
  readonly orientation: string | undefined;
  /** Why the rest is not known. */
  readonly unknown: string | undefined;
}

const NOTHING = {
  ...{ stacks: undefined, slices: undefined, gaps: undefined, sliceSpacing: undefined, depth: undefined },
  ...{ tilt: undefined, orientation: undefined },
};
/** Slices nearer than this are at one place: repeated, or of several echoes or phases. */
const SAME_PLACE_MM = 0.01;
/** An object has some thousand frames at most; what is said of them does not need more. */
const MOST_FRAMES = 20_000;
const OBLIQUE_FROM_DEGREES = 20;
const GAP = 1.5;
const DEGREES = 180 / Math.PI;

/** What the places of the images say together, without their pixels (PS3.3 C.7.6.2). */
export function planeFacts(datasets: readonly JsonDataset[]): PlaneFacts {
  const planes: Plane[] = [];
  let frames = 0;
  for (const dataset of datasets) {
    const found = planesOf(dataset);
    frames += Math.max(1, found.frames);
    planes.push(...found.planes);
    if (planes.length > MOST_FRAMES) return { ...NOTHING, unknown: `the series has more than ${MOST_FRAMES} frames` };
  }
  if (planes.length === 0) return { ...NOTHING, unknown: 'its images do not say where they lie' };
  if (planes.length < frames)
    return { ...NOTHING, unknown: `${frames - planes.length} of ${frames} images do not say where they lie` };
  const stacks = groupedBy(planes);
  const largest = [...stacks.values()].reduce((best, stack) => (stack.length > best.length ? stack : best));
  return { stacks: stacks.size, ...stackFacts(largest), unknown: undefined };
}

function groupedBy(planes: readonly Plane[]): Map<string, Plane[]> {
  const stacks = new Map<string, Plane[]>();
  for (const plane of planes) {
    const stack = stacks.get(plane.key);
    if (stack) stack.push(plane);
    else stacks.set(plane.key, [plane]);
  }
  return stacks;
}

function stackFacts(stack: readonly Plane[]): Omit<PlaneFacts, 'stacks' | 'unknown'> {
  const { row, column } = stack[0]!;
  const raw = cross(row, column);
  const normal = scale(raw, 1 / length(raw));
  const placed = stack
    .map((plane) => ({ at: dot(plane.position, normal), position: plane.position }))
    .sort((a, b) => a.at - b.at);
  const distinct = placed.filter(({ at }, i) => i === 0 || at - placed[i - 1]!.at > SAME_PLACE_MM);
  const steps = distinct.slice(1).map(({ at }, i) => at - distinct[i]!.at);
  const usual = [...steps].sort((a, b) => a - b)[Math.floor(steps.length / 2)];
  const first = distinct[0]!;
  const last = distinct.at(-1)!;
  const orientation = orientationOf(normal);
  if (usual === undefined)
    return { slices: 1, gaps: 0, sliceSpacing: undefined, depth: undefined, tilt: undefined, orientation };
  const line: Vec3 = [
    last.position[0] - first.position[0],
    last.position[1] - first.position[1],
    last.position[2] - first.position[2],
  ];
  return {
    slices: distinct.length,
    gaps: steps.filter((step) => step > GAP * usual).length,
    sliceSpacing: rounded(usual),
    depth: rounded(last.at - first.at + usual),
    tilt: rounded(Math.acos(Math.min(1, Math.abs(dot(line, normal)) / length(line))) * DEGREES, 100),
    orientation,
  };
}

/** To a micrometre: coordinates are written with a few decimals. */
function rounded(value: number, steps = 1000): number {
  return Math.round(value * steps) / steps;
}

const PLANES = ['sagittal', 'coronal', 'axial'] as const;

function orientationOf(normal: Vec3): string {
  const most = Math.max(...normal.map(Math.abs));
  const axis = normal.findIndex((cosine) => Math.abs(cosine) === most);
  return Math.acos(Math.min(1, most)) * DEGREES < OBLIQUE_FROM_DEGREES ? PLANES[axis]! : 'oblique';
}

/** The planes of a classic image, or of the frames of an enhanced object; none where the image has no place. */
function planesOf(dataset: JsonDataset): { planes: Plane[]; frames: number } {
  const perFrame = items(dataset, 'PerFrameFunctionalGroupsSequence');
  if (perFrame.length === 0) {
    const plane = planeOf([dataset], classicKey(dataset));
    const frames = number(dataset, 'NumberOfFrames') ?? 1;
    // A cine run at one place has one plane for all of its frames.
    return { planes: plane && frames === 1 ? [plane] : [], frames };
  }
  const shared = macrosOf(items(dataset, 'SharedFunctionalGroupsSequence')[0] ?? {});
  const planes = perFrame.slice(0, MOST_FRAMES + 1).flatMap((group) => {
    const macros = [...macrosOf(group), ...shared];
    return planeOf(macros, framedKey(macros)) ?? [];
  });
  return { planes, frames: perFrame.length };
}

function macrosOf(group: JsonDataset): JsonDataset[] {
  return Object.values(group).flatMap(({ vr, Value }) => (vr === 'SQ' ? (Value ?? []).filter(isItem) : []));
}

function planeOf(places: readonly JsonDataset[], key: string): Plane | undefined {
  const position = firstNumbers(places, 'ImagePositionPatient', 3);
  const cosines = firstNumbers(places, 'ImageOrientationPatient', 6);
  if (position === undefined || cosines === undefined) return undefined;
  const row = vectorAt(cosines, 0);
  const column = vectorAt(cosines, 3);
  if (!(length(cross(row, column)) > 0.5)) return undefined;
  const direction = cosines.map((cosine) => (Math.round(cosine * 500) / 500 + 0).toFixed(3)).join();
  return { position: vectorAt(position, 0), row, column, key: `${direction} ${key}` };
}

function vectorAt(values: readonly number[], from: number): Vec3 {
  return [values[from]!, values[from + 1]!, values[from + 2]!];
}

function firstNumbers(places: readonly JsonDataset[], keyword: string, count: number): readonly number[] | undefined {
  for (const place of places) {
    const found = numbers(place, keyword);
    if (found.length === count && found.every(Number.isFinite)) return found;
  }
  return undefined;
}

/** What tells one pass over the body from another, where it is said. */
const CLASSIC = [
  'EchoNumbers',
  'EchoTime',
  'TemporalPositionIdentifier',
  'DiffusionBValue',
  'NominalPercentageOfCardiacPhase',
];
const FRAMED = ['EffectiveEchoTime', 'TemporalPositionIndex', 'TemporalPositionTimeOffset', 'DiffusionBValue'];

function classicKey(dataset: JsonDataset): string {
  return [`${number(dataset, 'Rows')}x${number(dataset, 'Columns')}`, ...CLASSIC.map((k) => text(dataset, k))].join();
}

function framedKey(macros: readonly JsonDataset[]): string {
  return FRAMED.map((keyword) => macros.map((macro) => text(macro, keyword)).find((value) => value)).join();
}
