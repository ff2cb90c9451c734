import { closeSync, fstatSync, openSync } from 'node:fs';
import { frameIndex, frameRanges } from '../../../src/dicom/frames.ts';
import { fileSource, parsePart10 } from '../../../src/dicom/parse.ts';
import type { AssembledFrame, AssembledStack } from '../../../src/imaging/assemble/assembled-stack.ts';
import type { ImageHeader } from '../../../src/imaging/assemble/image-header.ts';
import { imageHeaderOf } from '../../../src/imaging/assemble/read-frames.ts';
import type { OpenSlot, SliceSource } from '../../../src/imaging/volume-messages.ts';
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
  return {
    headers: images.map(({ header }) => header),
    slotOf: (stack, asShown = false) => {
      const source = ({ instance, frame, header }: AssembledFrame): SliceSource => {
        const { path, index } = images[instance]!;
        return { path, ranges: index && frameRanges(index, frame), frame, header };
      };
      const { grid, channels, units, shear, sliceTaps, placed, frameOfReferenceUid } = stack;
      return {
        ...{ grid, channels, units, shear, sliceTaps, placed, frameOfReferenceUid, asShown },
        slices: stack.frames.map(source),
        copies: stack.copies.map(({ of, frame }) => ({ of, source: source(frame) })),
      };
    },
  };
}

/** A folder, or a file, of shared data. */
export const sharedSeries = (folder: string): RealSeries =>
  seriesOf(sharedFiles(folder).filter((path) => !path.endsWith('.md')));

export const sharedImage = (file: string): RealSeries => seriesOf([sharedData(file)]);
