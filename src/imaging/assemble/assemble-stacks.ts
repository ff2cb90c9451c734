import { withoutFrameOfReference } from '../place-refusals.ts';
import { dot } from '../vector.ts';
import type { AssembledFrame, AssembledStack, Assembly, RefusedFrames, StackRequest } from './assembled-stack.ts';
import { flatStacks } from './flat-stacks.ts';
import type { ImageHeader } from './image-header.ts';
import { regularGrid } from './regular-grid.ts';
import { byPlace, type FrameGroup, normalOf, splitStacks } from './split-stacks.ts';
import { type StackFacts, stackFacts } from './stack-facts.ts';
import { valuesOf } from './values.ts';
import { gridRefusal, VOLUME_REFUSALS } from './volume-refusals.ts';

/**
 * The stacks that the frames of a series make: ordered by place (PS3.3 C.7.6.2.1.1), never by Instance Number; split by
 * orientation, echo, b-value, time and phase; each on its regular grid and in the units that are asked for. And what makes
 * none, with the reason in words and figures. The result does not depend on the order of the headers, but for indexes.
 * Touches no pixel, and never throws for what headers say.
 *
 * @param headers of all instances of one series, as `imageHeaderOf` reads them
 * @param want an input slot of a model
 */
export function assembleStacks(headers: readonly ImageHeader[], want: StackRequest): Assembly {
  const frames = framesOf(headers);
  const refused: RefusedFrames[] = unreadable(headers);
  if (frames.length === 0) return { stacks: [], refused: [...refused, ...(headers.length === 0 ? [EMPTY] : [])] };
  if (frames.length > MOST_FRAMES) {
    const reason = `The series has ${frames.length} frames; ${MOST_FRAMES} are the most that are looked at together.`;
    return { stacks: [], refused: [{ reason, instances: [...headers.keys()], frames: frames.length, label: '' }] };
  }
  const outcomes =
    want.kind === 'volume'
      ? groupsOf(headers, frames).map((group) => volumeOf(group, want))
      : flatStacks(headers, frames, want);
  const stacks = outcomes.filter((outcome) => 'grid' in outcome);
  refused.push(...outcomes.filter((outcome) => 'reason' in outcome));
  const without = leftOut(refused, frames.length);
  return { stacks: stacks.map((stack) => ({ ...stack, notes: [...stack.notes, ...without] })), refused };
}

/** More reasons than these are only counted. */
const MOST_TOLD = 3;

/** A stack is told with what of its series it is without: it may be a part of what the sender meant. */
function leftOut(refused: readonly RefusedFrames[], all: number): string[] {
  const told = refused.slice(0, MOST_TOLD).map(({ reason, frames }) => {
    return `Of the ${all} images of the series ${frames} ${frames === 1 ? 'is' : 'are'} not part of it: ${reason}`;
  });
  const more = refused.slice(MOST_TOLD).reduce((sum, { frames }) => sum + frames, 0);
  return more > 0 ? [...told, `And ${more} more.`] : told;
}

/** What is true of each group of parallel images of a series, whether a volume can be made of it or not; largest first. */
export function describeStacks(headers: readonly ImageHeader[]): StackFacts[] {
  const frames = framesOf(headers);
  if (frames.length === 0 || frames.length > MOST_FRAMES) return [];
  const facts = groupsOf(headers, frames).map(({ frames: group, label }) => stackFacts(group, label));
  return facts.sort((a, b) => b.slices - a.slices || b.frames - a.frames);
}

/** A functional series has some ten thousand; comparing more with each other would hold up everybody. */
const MOST_FRAMES = 20_000;

const EMPTY: RefusedFrames = { reason: 'The series holds no image.', instances: [], frames: 0, label: '' };

function framesOf(headers: readonly ImageHeader[]): AssembledFrame[] {
  return headers.flatMap((header, instance) =>
    header.frames.map((frame): AssembledFrame => ({ instance, frame: frame.frame, header: frame })),
  );
}

function unreadable(headers: readonly ImageHeader[]): RefusedFrames[] {
  const instances = headers.flatMap(({ frames }, i) => (frames.length === 0 ? [i] : []));
  if (instances.length === 0) return [];
  const reason = `${instances.length} of ${headers.length} images describe more or fewer frames than they have, or absurdly many.`;
  return [{ reason, instances, frames: instances.length, label: '' }];
}

/** Those with a place by what they are; those without in one heap, and each multi-frame object without places for itself. */
function groupsOf(headers: readonly ImageHeader[], frames: readonly AssembledFrame[]): FrameGroup[] {
  const isPlaced = ({ header }: AssembledFrame): boolean =>
    header.position !== undefined && normalOf(header) !== undefined;
  const placed = frames.filter(isPlaced);
  const loose = new Map<number, AssembledFrame[]>();
  for (const frame of frames) {
    if (isPlaced(frame)) continue;
    const heap = headers[frame.instance]!.isMultiFrame ? frame.instance : -1;
    const known = loose.get(heap);
    if (known) known.push(frame);
    else loose.set(heap, [frame]);
  }
  const groups = placed.length > 0 ? splitStacks(placed) : [];
  const name = (heap: number): string =>
    placed.length === 0 && loose.size === 1 ? '' : heap < 0 ? 'without a place' : `object ${heap + 1}`;
  return [...groups, ...[...loose].map(([heap, members]) => ({ frames: members, label: name(heap) }))];
}

function volumeOf(group: FrameGroup, want: StackRequest): AssembledStack | RefusedFrames {
  const refuse = (reason: string): RefusedFrames => ({
    reason,
    instances: [...new Set(group.frames.map(({ instance }) => instance))],
    frames: group.frames.length,
    label: group.label,
  });
  const headers = group.frames.map(({ header }) => header);
  for (const refusal of VOLUME_REFUSALS) {
    const reason = refusal(headers);
    if (reason !== undefined) return refuse(reason);
  }
  const sorted = withoutCopies(group.frames, want);
  if (!sorted.ok) return refuse(sorted.reason);
  const ordered = sorted.frames.map(({ header }) => header);
  const normal = normalOf(ordered[0]!)!;
  const places = ordered.map(({ position }) => dot(position!, normal));
  const regular = regularGrid(ordered, want.geometry);
  if (!regular.ok) return refuse(regular.reason);
  const lost = withoutFrameOfReference({
    headers: ordered,
    normal,
    places,
    positions: ordered.map((h) => h.position!),
  });
  if (lost !== undefined) return refuse(lost);
  const steps = places.slice(1).map((at, i) => at - places[i]!);
  const { grid, shear, sliceTaps } = regular;
  const unfit = gridRefusal(grid, ordered.length, sliceTaps ? Math.max(...steps) : grid.sliceSpacing, want.geometry);
  if (unfit !== undefined) return refuse(unfit);
  const values = valuesOf(sorted.frames, want.units);
  if (!values.ok) return refuse(values.reason);
  const own = new Set(ordered.map((header) => header.frameOfReferenceUid)).size > 1;
  return {
    kind: 'volume',
    channels: 1,
    grid,
    placed: true,
    calibration: 'patient',
    frameOfReferenceUid: ordered[0]!.frameOfReferenceUid,
    frames: values.frames,
    copies: sorted.copies,
    ...(shear && { shear }),
    ...(sliceTaps && { sliceTaps }),
    units: values.units,
    notes: [
      ...values.notes,
      ...(own ? ['Every image has a Frame of Reference UID of its own: the images were taken to lie in one.'] : []),
      ...regular.notes,
      ...(sorted.copies.length > 0 ? [`${sorted.copies.length} copies of slices were left out.`] : []),
    ],
    label: group.label,
    facts: stackFacts(group.frames, group.label),
  };
}

type Sorted =
  | { readonly ok: true; readonly frames: readonly AssembledFrame[]; readonly copies: AssembledStack['copies'] }
  | { readonly ok: false; readonly reason: string };

/** Ascending along the normal, one at each place; where several lie, the first if all say the same and the policy is so. */
function withoutCopies(all: readonly AssembledFrame[], { geometry }: StackRequest): Sorted {
  const places = byPlace(all);
  const repeated = places.filter((place) => place.length > 1);
  const differing = repeated.filter(([first, ...others]) => others.some((other) => !saysTheSame(first!, other)));
  if (repeated.length > 0 && (geometry.duplicates === 'refuse' || differing.length > 0)) {
    const where = `${places.length} position${places.length === 1 ? '' : 's'}`;
    const more =
      geometry.duplicates === 'first' ? `; those at ${differing.length} differ in what they say of their pixels` : '';
    const reason = `The ${all.length} images lie at ${where}: several at one place (time points, echoes, copies) are no single volume${more}.`;
    return { ok: false, reason };
  }
  if (places.length === 1) return { ok: false, reason: 'The series has one image; a volume needs two slices or more.' };
  // The lower number first, so that the order of arrival does not decide.
  const inOrder = places.map((place) =>
    [...place].sort(
      (a, b) =>
        (a.header.instanceNumber ?? 0) - (b.header.instanceNumber ?? 0) ||
        (a.header.sopInstanceUid < b.header.sopInstanceUid ? -1 : 1),
    ),
  );
  return {
    ok: true,
    frames: inOrder.map(([first]) => first!),
    copies: inOrder.flatMap(([, ...others], of) => others.map((frame) => ({ of, frame }))),
  };
}

function saysTheSame({ header: a }: AssembledFrame, { header: b }: AssembledFrame): boolean {
  return (
    a.rescaleSlope === b.rescaleSlope &&
    a.rescaleIntercept === b.rescaleIntercept &&
    a.rescaleType === b.rescaleType &&
    a.pixelRepresentation === b.pixelRepresentation &&
    a.bitsStored === b.bitsStored &&
    a.sliceThickness === b.sliceThickness &&
    a.position!.every((mm, i) => Math.abs(mm - b.position![i]!) < 0.01)
  );
}
