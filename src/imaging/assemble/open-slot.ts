import type { OpenSlot, SliceSource } from '../volume-messages.ts';
import type { AssembledFrame, AssembledStack } from './assembled-stack.ts';

/** Where the bytes of a frame lie: its file, and if it is known its ranges in it. */
export type Whereabouts = (frame: AssembledFrame) => Pick<SliceSource, 'path' | 'ranges'>;

/** What the volume process needs to open a stack as an input slot. */
export function openSlotOf(
  stack: AssembledStack,
  whereabouts: Whereabouts,
  { asShown = false }: { readonly asShown?: boolean | undefined } = {},
): OpenSlot {
  const source = (frame: AssembledFrame): SliceSource => {
    return { ...whereabouts(frame), frame: frame.frame, header: frame.header };
  };
  const { grid, channels, units, shear, sliceTaps, frameOfReferenceUid, placed } = stack;
  return {
    slices: stack.frames.map(source),
    copies: stack.copies.map(({ of, frame }) => ({ of, source: source(frame) })),
    ...{ grid, channels, units, frameOfReferenceUid, placed, asShown },
    ...(shear && { shear }),
    ...(sliceTaps && { sliceTaps }),
  };
}
