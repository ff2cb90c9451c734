import { closeSync, fstatSync, openSync } from 'node:fs';
import { type FrameIndex, frameIndex, frameRanges } from '../../../src/dicom/frames.ts';
import { fileSource, parsePart10 } from '../../../src/dicom/parse.ts';
import type { AssembledStack } from '../../../src/imaging/assemble/assembled-stack.ts';
import type { ImageHeader } from '../../../src/imaging/assemble/image-header.ts';
import { openSlotOf } from '../../../src/imaging/assemble/open-slot.ts';
import { imageHeaderOf } from '../../../src/imaging/assemble/read-frames.ts';
import type { OpenSlot } from '../../../src/imaging/volume-messages.ts';
import { sharedData, sharedFiles } from '../../support/shared-data.ts';

export interface RealSeries {
  readonly headers: readonly ImageHeader[];
  slotOf(stack: AssembledStack, asShown?: boolean): OpenSlot;
}

/** The images of files, as the archive would describe them. */
export function seriesOf(paths: readonly string[]): RealSeries {
  const images = paths.flatMap((path) => {
    const fd = openSync(path, 'r');
    try {
      const source = fileSource(fd, fstatSync(fd).size);
      const parsed = parsePart10(source);
      if (parsed.dataset['00080060']?.Value?.[0] === 'SEG') return [];
      return [
        { path, index: frameIndex(parsed, source), header: imageHeaderOf(parsed.dataset, parsed.transferSyntaxUid) },
      ];
    } finally {
      closeSync(fd);
    }
  });
  const ranges = (index: FrameIndex | undefined, frame: number) => index && frameRanges(index, frame);
  return {
    headers: images.map(({ header }) => header),
    slotOf: (stack, asShown) =>
      openSlotOf(
        stack,
        ({ instance, frame }) => ({ path: images[instance]!.path, ranges: ranges(images[instance]!.index, frame) }),
        { asShown },
      ),
  };
}

/** A folder, or a file, of shared data. */
export const sharedSeries = (folder: string): RealSeries =>
  seriesOf(sharedFiles(folder).filter((path) => !path.endsWith('.md')));

export const sharedImage = (file: string): RealSeries => seriesOf([sharedData(file)]);
