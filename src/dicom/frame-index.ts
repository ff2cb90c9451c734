import type { BulkValue } from './reading.ts';

/**
 * Where the frames of one object lie. Native frames follow each other without a gap, 1-bit frames even within a byte
 * (PS3.5 Section 8.1.1), so a start and a size say it all; compressed frames are one or more fragments each.
 */
export type FrameIndex = NativeFrames | CompressedFrames;

export interface NativeFrames {
  readonly kind: 'native';
  /** How many frames can be read, which may be fewer than Number of Frames says. */
  readonly count: number;
  readonly offset: number;
  readonly bitsPerFrame: number;
  /** See BulkValue: big endian words are swapped on reading. */
  readonly swap: BulkValue['swap'];
  /** Pieces that the pixel data are broken into in spite of a native syntax: offset and length in turn. */
  readonly pieces?: readonly number[];
  readonly deflatedFrom?: number;
  readonly warnings: readonly string[];
}

export interface CompressedFrames {
  readonly kind: 'compressed';
  readonly count: number;
  /** Of each frame, its fragments: offset and length in turn. */
  readonly frames: readonly (readonly number[])[];
  readonly warnings: readonly string[];
}

/** Between two fragments lies an item header (PS3.5 Annex A.4). */
const ITEM_HEADER = 8;

/**
 * The index as compact JSON, to be kept beside the object; warnings are not part of it. Fragments follow each other, so
 * a frame is its length, or, where it has several fragments or stands apart, [gap, length, gap, length …].
 */
export function serialiseFrameIndex(index: FrameIndex): string {
  if (index.kind === 'native') {
    const { count, offset, bitsPerFrame, swap, pieces, deflatedFrom } = index;
    return JSON.stringify({ count, offset, bitsPerFrame, swap, pieces, deflatedFrom });
  }
  const start = index.frames[0]?.[0] ?? 0;
  let end = start - ITEM_HEADER;
  const frames = index.frames.map((fragments) => {
    const steps: number[] = [];
    for (let at = 0; at < fragments.length; at += 2) {
      steps.push(fragments[at]! - end, fragments[at + 1]!);
      end = fragments[at]! + fragments[at + 1]!;
    }
    return steps.length === 2 && steps[0] === ITEM_HEADER ? steps[1]! : steps;
  });
  return JSON.stringify({ start, frames });
}

/** Reads what serialiseFrameIndex wrote. @throws TypeError for anything else */
export function parseFrameIndex(text: string): FrameIndex {
  const stored: Partial<Stored> = JSON.parse(text);
  if (typeof stored.start === 'number' && Array.isArray(stored.frames)) {
    const frames = unfold(stored.start, stored.frames);
    return { kind: 'compressed', count: frames.length, frames, warnings: [] };
  }
  const { count, offset, bitsPerFrame, swap, pieces, deflatedFrom } = stored;
  if (count === undefined || offset === undefined || bitsPerFrame === undefined || swap === undefined) {
    throw new TypeError('this is no frame index');
  }
  return {
    kind: 'native',
    count,
    offset,
    bitsPerFrame,
    swap,
    ...(pieces === undefined ? {} : { pieces }),
    ...(deflatedFrom === undefined ? {} : { deflatedFrom }),
    warnings: [],
  };
}

type Stored = Omit<NativeFrames, 'kind' | 'warnings'> & {
  readonly start: number;
  readonly frames: readonly (number | readonly number[])[];
};

function unfold(start: number, stored: readonly (number | readonly number[])[]): number[][] {
  let end = start - ITEM_HEADER;
  return stored.map((frame) => {
    const steps = typeof frame === 'number' ? [ITEM_HEADER, frame] : frame;
    const fragments: number[] = [];
    for (let at = 0; at < steps.length; at += 2) {
      const offset = end + steps[at]!;
      fragments.push(offset, steps[at + 1]!);
      end = offset + steps[at + 1]!;
    }
    return fragments;
  });
}
