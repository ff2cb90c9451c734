import type { Archive, LocatedInstance } from '../archive/archive.ts';
import type { PixelCache } from '../imaging/pixel-cache.ts';
import type { PixelPool } from '../imaging/pixel-pool.ts';
import type { Look, Rendered, StoredObject } from '../imaging/render-request.ts';
import { asStored } from './as-stored.ts';
import type { PictureSource } from './rendered-pictures.ts';

export interface PictureMaker {
  readonly archive: Archive;
  readonly pixels: PixelPool;
  /** Pictures that were made last. */
  readonly pictures: PixelCache;
}

/**
 * One picture, or several as one animation, made in a thread; what several ask for at once is made once, and what was
 * made a while ago is given again.
 *
 * @param sources of one image
 * @throws VoxgateError as `render`; the reason of the signal
 */
export function makePicture(
  { archive, pixels, pictures }: PictureMaker,
  sources: readonly PictureSource[],
  look: Look,
  signal: AbortSignal,
): Promise<Rendered> {
  const [first] = sources;
  const { presentation, segmentation, instance } = first!;
  const stored = (one: LocatedInstance): StoredObject => ({ path: archive.pathOf(one), size: one.size });
  const frames = sources.flatMap(({ frame }) => frame ?? []);
  return pictures.get(
    keyOf(sources, look),
    (stop) =>
      asStored(
        pixels.run(
          'render',
          {
            object: stored(instance),
            frames,
            look,
            presentation: presentation && stored(presentation),
            segmentation: segmentation && { object: stored(segmentation.instance), frames: segmentation.frames },
          },
          { signal: stop },
        ),
      ),
    signal,
  );
}

/** Names the bytes of a picture for good: storage keys are never given to another object. */
export function keyOf(sources: readonly PictureSource[], look: Look): string {
  const named = sources.map(({ instance, frame, presentation, segmentation }) => [
    instance.storageKey,
    frame,
    presentation?.storageKey,
    segmentation && [segmentation.instance.storageKey, segmentation.frames],
  ]);
  return `rendered ${JSON.stringify([named, look])}`;
}
