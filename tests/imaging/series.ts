import { closeSync, fstatSync, openSync } from 'node:fs';
import { frameIndex, frameRanges } from '../../src/dicom/frames.ts';
import { fileSource, parsePart10 } from '../../src/dicom/parse.ts';
import { sliceHeaderOf } from '../../src/imaging/slice-header.ts';
import type { SliceSource } from '../../src/imaging/volume-messages.ts';
import { sharedFiles } from '../support/shared-data.ts';

/** The images of a folder of shared data, in order of file name. */
export function imagesIn(folder: string): SliceSource[] {
  return sharedFiles(folder).flatMap((path) => {
    const fd = openSync(path, 'r');
    try {
      const source = fileSource(fd, fstatSync(fd).size);
      const parsed = parsePart10(source);
      const index = frameIndex(parsed, source);
      if (!index || parsed.dataset['00080060']?.Value?.[0] === 'SEG') return [];
      const header = sliceHeaderOf(parsed.dataset, parsed.transferSyntaxUid);
      return [{ path, ranges: frameRanges(index, 1), header }];
    } finally {
      closeSync(fd);
    }
  });
}
