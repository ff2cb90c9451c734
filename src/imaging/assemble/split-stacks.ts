import type { Vec3 } from '../grid.ts';
import { cross, dot, length, scale } from '../vector.ts';
import type { AssembledFrame } from './assembled-stack.ts';
import type { FrameHeader } from './image-header.ts';
import { HARD_KEYS, MEANING_KEYS, REPEAT_KEYS, type SplitKey } from './split-keys.ts';

/** Frames that lie parallel in one place each, as far as they can be told apart. */
export interface FrameGroup {
  readonly frames: readonly AssembledFrame[];
  /** Which of several; empty where there is but one. */
  readonly label: string;
}

/** Direction cosines are written with six decimals or more; 0.001 is 0.06 degrees. */
const COSINE_TOLERANCE = 1e-3;
/** Relative. Over 512 pixels it moves the far edge by a twentieth of a pixel; writers differ in the seventh digit. */
const SPACING_TOLERANCE = 1e-4;
/** Two slices nearer than this lie at one position: no scanner steps by less than 0.1 mm. */
export const SAME_PLACE_MM = 0.01;

/**
 * Frames that have a place, by what they are: size, orientation, spacing, frame of reference, kind, echo, b-value; and,
 * where several lie at one place, by direction, time, phase and acquisition.
 */
export function splitStacks(frames: readonly AssembledFrame[]): FrameGroup[] {
  let groups: FrameGroup[] = [{ frames, label: '' }];
  for (const key of HARD_KEYS) groups = groups.flatMap((group) => split(group, key));
  groups = groups.flatMap((group) => likeEachOther(group, sameOrientation, (header) => orientationName(header) ?? ''));
  groups = groups.flatMap((group) => likeEachOther(group, sameSpacing, spacingName));
  groups = groups.flatMap(byFrameOfReference);
  for (const key of MEANING_KEYS) groups = groups.flatMap((group) => (means(group, key) ? split(group, key) : [group]));
  return groups.flatMap((group) => withoutRepeats(group, REPEAT_KEYS));
}

function split({ frames, label }: FrameGroup, key: SplitKey): FrameGroup[] {
  const parts = partsBy(frames, ({ header }) => key.of(header));
  if (parts.size === 1) return [{ frames, label }];
  const sorted = [...parts].sort(([a], [b]) => compare(a, b));
  return sorted.map(([value, part], i) => ({
    frames: part,
    label: joined(label, key.label(value, i, part[0]!.header)),
  }));
}

function partsBy<K>(frames: readonly AssembledFrame[], of: (frame: AssembledFrame) => K): Map<K, AssembledFrame[]> {
  const parts = new Map<K, AssembledFrame[]>();
  for (const frame of frames) {
    const value = of(frame);
    const part = parts.get(value);
    if (part) part.push(frame);
    else parts.set(value, [frame]);
  }
  return parts;
}

function compare(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return a === b ? 0 : a === undefined ? -1 : 1;
  return Number(a) - Number(b) || (a < b ? -1 : a > b ? 1 : 0);
}

const joined = (label: string, more: string): string =>
  label === '' ? more : more === '' ? label : `${label}, ${more}`;

/** A series of so many orientations is none; it is only not to take long. */
const MOST_PARTS = 500;

/** Groups whose first member each further one is like. */
function likeEachOther(
  { frames, label }: FrameGroup,
  like: (a: FrameHeader, b: FrameHeader) => boolean,
  name: (header: FrameHeader) => string,
): FrameGroup[] {
  const parts: AssembledFrame[][] = [];
  let last: AssembledFrame[] | undefined;
  for (const frame of frames) {
    if (!last || !like(last[0]!.header, frame.header)) {
      const known = parts.length > MOST_PARTS ? parts.slice(-MOST_PARTS) : parts;
      last = known.find(([first]) => like(first!.header, frame.header));
      if (!last) {
        last = [];
        parts.push(last);
      }
    }
    last.push(frame);
  }
  if (parts.length === 1) return [{ frames, label }];
  const names = parts.map(([first]) => name(first!.header));
  const count = new Map<string, number>();
  for (const one of names) count.set(one, (count.get(one) ?? 0) + 1);
  const seen = new Map<string, number>();
  return parts.map((part, i) => {
    const one = names[i]!;
    const nth = (seen.get(one) ?? 0) + 1;
    seen.set(one, nth);
    return { frames: part, label: joined(label, count.get(one)! > 1 ? `${one} ${nth}` : one) };
  });
}

function sameOrientation(a: FrameHeader, b: FrameHeader): boolean {
  const near = (u: Vec3 | undefined, v: Vec3 | undefined): boolean =>
    u === v ||
    (u !== undefined && v !== undefined && u.every((cosine, i) => Math.abs(cosine - v[i]!) <= COSINE_TOLERANCE));
  return near(a.rowDirection, b.rowDirection) && near(a.columnDirection, b.columnDirection);
}

function sameSpacing(a: FrameHeader, b: FrameHeader): boolean {
  const [u, v] = [a.pixelSpacing, b.pixelSpacing];
  if (u === undefined || v === undefined) return u === v;
  return u.every((mm, i) => Math.abs(mm - v[i]!) <= Math.abs(mm) * SPACING_TOLERANCE);
}

const spacingName = ({ pixelSpacing }: FrameHeader): string =>
  pixelSpacing === undefined ? 'no spacing' : `pixels of ${pixelSpacing.map((mm) => mm.toFixed(4)).join(' x ')} mm`;

/**
 * Images in different frames of reference may not be compared by position (PS3.3 C.7.4.1.1.1). When no two images share
 * one, it says nothing: some de-identifiers (that of TCIA's LIDC-IDRI, for one) give every image its own.
 */
function byFrameOfReference(group: FrameGroup): FrameGroup[] {
  const { frames, label } = group;
  const parts = partsBy(frames, ({ header }) => header.frameOfReferenceUid);
  if (parts.size === 1 || (parts.size === frames.length && parts.size > 2)) return [group];
  return [...parts.values()].map((part, i) => ({ frames: part, label: joined(label, `frame of reference ${i + 1}`) }));
}

/** Whether frames differ in it as kinds do, and not as measurements of each slice. */
function means({ frames }: FrameGroup, key: SplitKey): boolean {
  const values = new Set(frames.map(({ header }) => key.of(header))).size;
  return values > 1 && (values <= frames.length / 2 || values <= mostAtOnePlace(frames));
}

function withoutRepeats(group: FrameGroup, keys: readonly SplitKey[]): FrameGroup[] {
  const most = mostAtOnePlace(group.frames);
  if (most === 1) return [group];
  for (const [i, key] of keys.entries()) {
    const values = new Set(group.frames.map(({ header }) => key.of(header))).size;
    // More values than images at a place: it counts slices, and not what is repeated.
    if (values < 2 || values > most) continue;
    return split(group, key).flatMap((part) => withoutRepeats(part, keys.slice(i + 1)));
  }
  return byTurn(group, most);
}

/** Where the images say how many times there are, and every place has so many: by trigger, time and number in turn. */
function byTurn(group: FrameGroup, most: number): FrameGroup[] {
  const places = byPlace(group.frames);
  const said = group.frames.every(
    ({ header }) => header.numberOfTemporalPositions === most || header.cardiacImages === most,
  );
  if (!said || places.some((place) => place.length !== most)) return [group];
  const what = group.frames[0]!.header.cardiacImages === most ? 'phase' : 'time point';
  const inTurn = places.map((place) => [...place].sort(earlier));
  return Array.from({ length: most }, (_, turn) => ({
    frames: inTurn.map((place) => place[turn]!),
    label: joined(group.label, `${what} ${turn + 1} of ${most}`),
  }));
}

function earlier({ header: a, instance: i, frame: f }: AssembledFrame, b: AssembledFrame): number {
  return (
    (a.triggerTime ?? 0) - (b.header.triggerTime ?? 0) ||
    compare(a.acquired, b.header.acquired) ||
    (a.instanceNumber ?? 0) - (b.header.instanceNumber ?? 0) ||
    i - b.instance ||
    f - b.frame
  );
}

/** The largest number of frames that lie at one place. */
export function mostAtOnePlace(frames: readonly AssembledFrame[]): number {
  return byPlace(frames).reduce((most, place) => Math.max(most, place.length), 0);
}

/** Frames by their place along the normal, ascending; those at one place in the order given. */
export function byPlace(frames: readonly AssembledFrame[]): AssembledFrame[][] {
  const normal = frames[0] && normalOf(frames[0].header);
  if (normal === undefined) return frames.map((frame) => [frame]);
  const placed = frames.map((frame) => ({
    frame,
    at: frame.header.position ? dot(frame.header.position, normal) : Number.NaN,
  }));
  if (placed.some(({ at }) => Number.isNaN(at))) return frames.map((frame) => [frame]);
  placed.sort((a, b) => a.at - b.at);
  const places: AssembledFrame[][] = [];
  let begins = Number.NEGATIVE_INFINITY;
  for (const { frame, at } of placed) {
    if (at - begins < SAME_PLACE_MM) places.at(-1)!.push(frame);
    else {
      places.push([frame]);
      begins = at;
    }
  }
  return places;
}

/** Unit normal of the plane; undefined where the cosines make none. */
export function normalOf({ rowDirection, columnDirection }: FrameHeader): Vec3 | undefined {
  if (rowDirection === undefined || columnDirection === undefined) return undefined;
  const normal = cross(rowDirection, columnDirection);
  const size = length(normal);
  return size > 0.5 ? scale(normal, 1 / size) : undefined;
}

/** By the patient axis that the normal is nearest to; oblique from 20 degrees off. */
export function orientationName(header: FrameHeader): 'axial' | 'sagittal' | 'coronal' | 'oblique' | undefined {
  const normal = normalOf(header);
  if (normal === undefined) return undefined;
  const along = normal.map(Math.abs);
  const nearest = along.indexOf(Math.max(...along));
  if (along[nearest]! < Math.cos((OBLIQUE_DEGREES * Math.PI) / 180)) return 'oblique';
  return nearest === 0 ? 'sagittal' : nearest === 1 ? 'coronal' : 'axial';
}

const OBLIQUE_DEGREES = 20;
