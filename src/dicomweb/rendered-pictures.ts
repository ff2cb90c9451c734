import type { Archive, LocatedInstance } from '../archive/archive.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { items, number, text } from '../dicom/read-values.ts';
import { LABEL_MAP_SEGMENTATION_STORAGE, SEGMENTATION_STORAGE } from '../dicom/sop-classes.ts';
import { readableSyntax } from '../dicom/transfer-syntaxes.ts';
import { VoxgateError } from '../errors.ts';
import { isSamePlane, planeOf, shareReference } from '../imaging/render-plane.ts';
import { imagesOf, type ReferencedImage } from '../imaging/render-presentation.ts';
import { type SegmentSource, sourcesOf } from '../imaging/render-segments.ts';

/** One picture that an instance can be shown as. */
export interface PictureSource {
  /** The image that is shown; of a presentation state or segmentation that which it is about. */
  readonly instance: LocatedInstance;
  /** Counted from 1; undefined for the one that stands for all. */
  readonly frame: number | undefined;
  readonly presentation?: LocatedInstance;
  readonly segmentation?: { readonly instance: LocatedInstance; readonly frames: readonly number[] };
}

/** What kind of representation an instance has (PS3.18 8.7.2). */
export type Category = 'image' | 'video' | 'report' | 'document' | 'none';

const CLASSES = '1.2.840.10008.5.1.4.1.1.';
const PRESENTATION_STATE = new RegExp(`^${CLASSES.replaceAll('.', '\\.')}11\\.\\d+$`);
const REPORT = new RegExp(`^${CLASSES.replaceAll('.', '\\.')}88\\.\\d+$`);
const DOCUMENTS: ReadonlySet<string> = new Set([`${CLASSES}104.1`, `${CLASSES}104.2`]);

export function categoryOf({ sopClassUid, transferSyntaxUid, frameCount }: LocatedInstance): Category {
  if (PRESENTATION_STATE.test(sopClassUid)) return 'image';
  if (REPORT.test(sopClassUid)) return 'report';
  if (DOCUMENTS.has(sopClassUid)) return 'document';
  if (frameCount === 0) return 'none';
  return readableSyntax(transferSyntaxUid).video ? 'video' : 'image';
}

/** Whether it is shown by showing another. */
export function isAboutOthers({ sopClassUid }: LocatedInstance): boolean {
  return isSegmentation(sopClassUid) || PRESENTATION_STATE.test(sopClassUid);
}

function isSegmentation(sopClassUid: string): boolean {
  return sopClassUid === SEGMENTATION_STORAGE || sopClassUid === LABEL_MAP_SEGMENTATION_STORAGE;
}

/**
 * The pictures of an instance, in its order: its frames; the images that a presentation state is about, shown as it
 * says; the images that a segmentation is about, with the segments laid over them.
 *
 * @param frames of the instance; all where undefined
 * @throws VoxgateError not-found, not-acceptable: why there are none
 */
export async function picturesOf(
  archive: Archive,
  instance: LocatedInstance,
  frames: readonly number[] | undefined,
): Promise<PictureSource[]> {
  if (PRESENTATION_STATE.test(instance.sopClassUid)) return presented(archive, instance, frames);
  const count = archive.frameCount(instance);
  const missing = frames?.find((number_) => number_ > count);
  if (missing !== undefined)
    throw new VoxgateError('not-found', `there is no frame ${missing}: the object has ${count}`);
  const asked = frames ?? Array.from({ length: count }, (_, i) => i + 1);
  if (isSegmentation(instance.sopClassUid)) return segmented(archive, instance, asked);
  return asked.map((frame) => ({ instance, frame }));
}

async function datasetOf(archive: Archive, { studyInstanceUid, seriesInstanceUid, sopInstanceUid }: LocatedInstance) {
  const [described] = await archive.describe({ studyInstanceUid, seriesInstanceUid, sopInstanceUid });
  if (!described) throw new VoxgateError('not-found', 'the object is held no longer');
  return described.dataset;
}

/** Images of a study by their UID. */
async function imagesOfStudy(
  archive: Archive,
  { studyInstanceUid }: LocatedInstance,
): Promise<ReadonlyMap<string, LocatedInstance>> {
  const located = await archive.locate({ studyInstanceUid });
  return new Map(located.map((one) => [one.sopInstanceUid, one]));
}

async function presented(
  archive: Archive,
  presentation: LocatedInstance,
  frames: readonly number[] | undefined,
): Promise<PictureSource[]> {
  if (frames !== undefined) throw new VoxgateError('not-found', 'a presentation state has no frames');
  const referenced = imagesOf(await datasetOf(archive, presentation));
  const held = await imagesOfStudy(archive, presentation);
  const pictures = referenced.flatMap((image) =>
    framesOf(archive, image, held).map((one) => ({ ...one, presentation })),
  );
  if (pictures.length > 0) return pictures;
  throw new VoxgateError('not-found', 'none of the images that the presentation state is about is held here');
}

function framesOf(
  archive: Archive,
  { sopInstanceUid, frames }: ReferencedImage,
  held: ReadonlyMap<string, LocatedInstance>,
): PictureSource[] {
  const instance = held.get(sopInstanceUid);
  if (!instance || categoryOf(instance) !== 'image') return [];
  const count = archive.frameCount(instance);
  const shown = frames ?? Array.from({ length: count }, (_, i) => i + 1);
  return shown.filter((frame) => frame <= count).map((frame) => ({ instance, frame }));
}

/** One picture for each frame of a source image that frames of the segmentation are about. */
async function segmented(
  archive: Archive,
  instance: LocatedInstance,
  asked: readonly number[],
): Promise<PictureSource[]> {
  const dataset = await datasetOf(archive, instance);
  const held = await imagesOfStudy(archive, instance);
  let places: SegmentSource[][] | undefined;
  const bySource = new Map<string, { instance: LocatedInstance; frame: number; frames: number[] }>();
  for (const frame of asked) {
    let sources = sourcesOf(dataset, frame);
    if (sources.length === 0) {
      places ??= await sourcesByPlace(archive, instance, dataset);
      sources = places[frame - 1] ?? [];
    }
    for (const { sopInstanceUid, frame: named } of sources) {
      const source = held.get(sopInstanceUid);
      if (!source || categoryOf(source) !== 'image') continue;
      const count = archive.frameCount(source);
      if (named === undefined && count > 1)
        throw new VoxgateError(
          'not-acceptable',
          `frame ${frame} of the segmentation does not say which of the ${count} frames of its source it is about`,
        );
      const of = named ?? 1;
      const key = `${sopInstanceUid} ${of}`;
      const known = bySource.get(key) ?? { instance: source, frame: of, frames: [] };
      known.frames.push(frame);
      bySource.set(key, known);
    }
  }
  if (bySource.size === 0)
    throw new VoxgateError('not-found', 'none of the images that the segmentation is about is held here');
  return [...bySource.values()].map(({ frames, ...source }) => ({ ...source, segmentation: { instance, frames } }));
}

/**
 * For frames of a segmentation that name no source: the images of the series that it refers to, by the plane in which
 * they lie.
 */
async function sourcesByPlace(
  archive: Archive,
  { studyInstanceUid }: LocatedInstance,
  segmentation: JsonDataset,
): Promise<SegmentSource[][]> {
  const series = items(segmentation, 'ReferencedSeriesSequence').flatMap(
    (item) => text(item, 'SeriesInstanceUID') ?? [],
  );
  const candidates: { source: SegmentSource; plane: NonNullable<ReturnType<typeof planeOf>> }[] = [];
  for (const seriesInstanceUid of new Set(series)) {
    for (const { dataset, sopInstanceUid, frameCount } of await archive.describe({
      studyInstanceUid,
      seriesInstanceUid,
    })) {
      for (let frame = 1; frame <= frameCount; frame++) {
        const plane = planeOf(dataset, frame);
        if (plane) candidates.push({ source: { sopInstanceUid, frame, locationsPreserved: false }, plane });
      }
    }
  }
  const count = number(segmentation, 'NumberOfFrames') ?? 1;
  return Array.from({ length: count }, (_, i) => {
    const plane = planeOf(segmentation, i + 1);
    if (!plane) return [];
    return candidates
      .filter((candidate) => shareReference(candidate.plane, plane) && isSamePlane(candidate.plane, plane))
      .map(({ source }) => source);
  });
}
