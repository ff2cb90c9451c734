import { closeSync, openSync, statSync } from 'node:fs';
import type { DescribedInstance, LocatedInstance, Place } from '../archive/archive.ts';
import { type FrameIndex, frameIndex, frameRanges, serialiseFrameIndex } from '../dicom/frames.ts';
import { fileSource, parsePart10 } from '../dicom/parse.ts';
import { text } from '../dicom/read-values.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';

/** A file that was left aside, and why. */
export interface LeftAside {
  readonly path: string;
  readonly reason: string;
}

/** Instances in PS3.10 files that no archive holds, as an analysis reads them: headers now, pixels when they are needed. */
export class FileInstances {
  readonly instances: readonly DescribedInstance[];
  readonly leftAside: readonly LeftAside[];
  readonly #frames = new Map<string, FrameIndex>();

  constructor(paths: readonly string[]) {
    const instances = new Map<string, DescribedInstance>();
    const leftAside: LeftAside[] = [];
    for (const path of paths) {
      try {
        const instance = this.#read(path);
        if (instances.has(instance.sopInstanceUid)) throw new VoxgateError('mismatch', 'another file is that instance');
        instances.set(instance.sopInstanceUid, instance);
      } catch (error) {
        leftAside.push({ path, reason: sentenceOf(error) });
      }
    }
    this.instances = [...instances.values()];
    this.leftAside = leftAside;
  }

  describe(place: Place): Promise<DescribedInstance[]> {
    const wanted = (one: DescribedInstance): boolean =>
      (place.studyInstanceUid ?? one.studyInstanceUid) === one.studyInstanceUid &&
      (place.seriesInstanceUid ?? one.seriesInstanceUid) === one.seriesInstanceUid;
    return Promise.resolve(this.instances.filter(wanted));
  }

  pathOf({ storageKey }: Pick<LocatedInstance, 'storageKey'>): string {
    return storageKey;
  }

  /** As that of the archive. @throws VoxgateError not-a-volume for an object without such a frame */
  frameRanges(
    { storageKey }: Pick<LocatedInstance, 'storageKey'>,
    frame: number,
  ): Promise<readonly (readonly [number, number])[] | undefined> {
    const index = this.#frames.get(storageKey);
    if (!index || index.count < frame)
      return Promise.reject(new VoxgateError('not-a-volume', 'an instance of the series has no pixels.'));
    return Promise.resolve(frameRanges(index, frame));
  }

  #read(path: string): DescribedInstance {
    const descriptor = openSync(path, 'r');
    try {
      const { size, mtime } = statSync(path);
      const source = fileSource(descriptor, size);
      const parsed = parsePart10(source);
      const uid = (keyword: 'StudyInstanceUID' | 'SeriesInstanceUID' | 'SOPInstanceUID' | 'SOPClassUID'): string => {
        const value = text(parsed.dataset, keyword);
        if (value === undefined || value === '') throw new VoxgateError('unidentifiable', `it has no ${keyword}`);
        return value;
      };
      const index = frameIndex(parsed, source);
      if (index) this.#frames.set(path, index);
      return {
        studyInstanceUid: uid('StudyInstanceUID'),
        seriesInstanceUid: uid('SeriesInstanceUID'),
        sopInstanceUid: uid('SOPInstanceUID'),
        sopClassUid: uid('SOPClassUID'),
        transferSyntaxUid: parsed.transferSyntaxUid,
        storageKey: path,
        size,
        dataSetOffset: parsed.dataSetOffset,
        frameCount: index?.count ?? 0,
        frames: index ? serialiseFrameIndex(index) : null,
        metadata: null,
        receivedAt: mtime,
        dataset: parsed.dataset,
      };
    } finally {
      closeSync(descriptor);
    }
  }
}
