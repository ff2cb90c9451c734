import type { JsonDataset } from '../dicom/dataset.ts';
import { numbers } from '../dicom/read-values.ts';
import { VoxgateError } from '../errors.ts';
import { functionalGroup } from './render-object.ts';
import type { Picture, Region, Viewport } from './render-request.ts';

/** How a picture is turned before it is shown: clockwise first, then mirrored (PS3.3 C.10.6). */
export interface Turn {
  readonly rotation: 0 | 90 | 180 | 270;
  readonly flipHorizontally: boolean;
  readonly flipVertically: boolean;
}

export const UNTURNED: Turn = { rotation: 0, flipHorizontally: false, flipVertically: false };

/** More pixels than any screen shows: 8192 by 4096. */
export const MOST_PIXELS = 2 ** 25;

/** Cuts out a region, which may reach beyond the picture and is black there, and turns it. */
export function place(picture: Picture, region: Region, turn: Turn): Picture {
  const { channels } = picture;
  const isWhole =
    region.x === 0 && region.y === 0 && region.width === picture.width && region.height === picture.height;
  if (isWhole && turn.rotation === 0 && !turn.flipHorizontally && !turn.flipVertically) return picture;
  const isLying = turn.rotation === 90 || turn.rotation === 270;
  const width = isLying ? region.height : region.width;
  const height = isLying ? region.width : region.height;
  if (width * height > MOST_PIXELS) throw tooLarge(width, height);
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const u = turn.flipHorizontally ? width - 1 - x : x;
      const v = turn.flipVertically ? height - 1 - y : y;
      const [inX, inY] = unturned(u, v, turn.rotation, region);
      const fromX = inX + region.x;
      const fromY = inY + region.y;
      if (fromX < 0 || fromY < 0 || fromX >= picture.width || fromY >= picture.height) continue;
      const from = (fromY * picture.width + fromX) * channels;
      const to = (y * width + x) * channels;
      for (let channel = 0; channel < channels; channel++) data[to + channel] = picture.data[from + channel]!;
    }
  }
  return { width, height, channels, data };
}

/** The pixel of the region that a pixel of the turned picture shows. */
function unturned(x: number, y: number, rotation: Turn['rotation'], { width, height }: Region): [number, number] {
  switch (rotation) {
    case 0:
      return [x, y];
    case 90:
      return [y, height - 1 - x];
    case 180:
      return [width - 1 - x, height - 1 - y];
    case 270:
      return [width - 1 - y, x];
  }
}

/** Where a point of the picture, in pixels from its upper left corner, comes to lie in the turned region. */
export function turned([px, py]: readonly [number, number], region: Region, turn: Turn): [number, number] {
  const [x, y] = [px - region.x, py - region.y];
  const isLying = turn.rotation === 90 || turn.rotation === 270;
  const [width, height] = isLying ? [region.height, region.width] : [region.width, region.height];
  const [u, v] = ((): [number, number] => {
    switch (turn.rotation) {
      case 0:
        return [x, y];
      case 90:
        return [region.height - y, x];
      case 180:
        return [region.width - x, region.height - y];
      case 270:
        return [y, region.width - x];
    }
  })();
  return [turn.flipHorizontally ? width - u : u, turn.flipVertically ? height - v : v];
}

/** The region of a viewport in whole pixels. @throws VoxgateError bad-request where it is not in the picture */
export function regionOf(
  viewport: Viewport | undefined,
  picture: { readonly width: number; readonly height: number },
): Region {
  const { width, height } = picture;
  if (!viewport?.region) return { x: 0, y: 0, width, height };
  const { region, relative } = viewport;
  const [scaleX, scaleY] = relative ? [width, height] : [1, 1];
  const x = Math.round(region.x * scaleX);
  const y = Math.round(region.y * scaleY);
  // What is not said reaches to the end of the picture.
  const right = Number.isFinite(region.width) ? Math.round((region.x + region.width) * scaleX) : width;
  const bottom = Number.isFinite(region.height) ? Math.round((region.y + region.height) * scaleY) : height;
  if (x < 0 || y < 0 || right > width || bottom > height || right <= x || bottom <= y)
    throw new VoxgateError(
      'bad-request',
      `the region asked for does not lie within the image of ${width} x ${height} pixels`,
    );
  return { x, y, width: right - x, height: bottom - y };
}

/** Height of a pixel by its width (PS3.3 C.10.7.1.1 and before); 1 where nothing is said, or near it. */
export function pixelAspect(dataset: JsonDataset, frame: number): number {
  const measures = functionalGroup(dataset, frame, 'PixelMeasuresSequence');
  const given = [
    ...(measures ? [numbers(measures, 'PixelSpacing')] : []),
    numbers(dataset, 'PixelSpacing'),
    numbers(dataset, 'ImagerPixelSpacing'),
    numbers(dataset, 'NominalScannedPixelSpacing'),
    numbers(dataset, 'PixelAspectRatio'),
  ];
  const [rows = 1, columns = 1] = given.find(([a = 0, b = 0]) => a > 0 && b > 0) ?? [];
  return soundAspect(rows / columns);
}

export function soundAspect(aspect: number): number {
  return aspect > 0.05 && aspect < 20 && Math.abs(aspect - 1) > 0.01 ? aspect : 1;
}

/**
 * How large a picture becomes: pixels made square by enlarging, then fitted into the viewport, its shape kept.
 * @throws VoxgateError too-large
 */
export function fittedSize(
  { width, height }: { readonly width: number; readonly height: number },
  aspect: number,
  viewport: Viewport | undefined,
): { width: number; height: number } {
  const shownWidth = aspect < 1 ? width / aspect : width;
  const shownHeight = aspect > 1 ? height * aspect : height;
  const limits = [
    ...(viewport?.width === undefined ? [] : [viewport.width / shownWidth]),
    ...(viewport?.height === undefined ? [] : [viewport.height / shownHeight]),
    ...(viewport?.onlyReduce ? [1] : []),
  ];
  const scale = limits.length === 0 ? 1 : Math.min(...limits);
  const size = {
    width: Math.max(1, Math.round(shownWidth * scale)),
    height: Math.max(1, Math.round(shownHeight * scale)),
  };
  if (size.width * size.height > MOST_PIXELS) throw tooLarge(size.width, size.height);
  return size;
}

function tooLarge(width: number, height: number): VoxgateError {
  return new VoxgateError('too-large', `a picture of ${width} x ${height} pixels is larger than is made here`);
}
