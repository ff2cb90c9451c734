import { assembleStacks } from '../../../src/imaging/assemble/assemble-stacks.ts';
import type { AssembledStack, StackRequest } from '../../../src/imaging/assemble/assembled-stack.ts';
import type { FrameHeader, ImageHeader } from '../../../src/imaging/assemble/image-header.ts';
import { aSlice, slicesAt } from '../slices.ts';

/** What a forgiving model asks for. */
export function aRequest(
  geometry: Partial<StackRequest['geometry']> = {},
  other: Partial<StackRequest> = {},
): StackRequest {
  return {
    kind: 'volume',
    units: 'any',
    geometry: { minimumSlices: 2, tilt: 'refuse', spacing: 'refuse', duplicates: 'refuse', ...geometry },
    ...other,
  };
}

export function aFrame(other: Partial<FrameHeader> = {}): FrameHeader {
  const header = aSlice(other);
  return { frame: 1, isLocalizer: false, calibration: 'patient', ...header, ...other };
}

/** A classic image of one frame. */
export function anImage(frame: FrameHeader): ImageHeader {
  const { sopInstanceUid, modality } = frame;
  return { sopInstanceUid, modality, sopClassUid: '1.2', isCine: false, isMultiFrame: false, frames: [frame] };
}

/** Classic images at the given distances along their normal. */
export function imagesAt(distances: readonly number[], other: Partial<FrameHeader> = {}): ImageHeader[] {
  return slicesAt(distances, other).map((slice, i) => anImage(aFrame({ ...other, ...slice, instanceNumber: i + 1 })));
}

/** The same images, each changed. */
export function changed(images: readonly ImageHeader[], change: (i: number) => Partial<FrameHeader>): ImageHeader[] {
  return images.map((image, i) => anImage({ ...image.frames[0]!, ...change(i) }));
}

export function onlyStack(images: readonly ImageHeader[], want: StackRequest = aRequest()): AssembledStack {
  const { stacks, refused } = assembleStacks(images, want);
  if (stacks.length !== 1 || refused.length > 0)
    throw new Error(`${stacks.length} stacks; ${refused.map(({ reason }) => reason).join(' ')}`);
  return stacks[0]!;
}

export function reasonsOf(images: readonly ImageHeader[], want: StackRequest = aRequest()): string[] {
  const { stacks, refused } = assembleStacks(images, want);
  return [...stacks.map(() => 'accepted'), ...refused.map(({ reason }) => reason)];
}
