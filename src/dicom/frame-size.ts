import type { JsonDataset } from './dataset.ts';
import { number, text } from './read-values.ts';
import type { PixelTag } from './reading.ts';

/** Number of Frames (0028,0008): 1 where it is absent or empty, undefined where it is no positive integer. */
export function declaredFrames(dataset: JsonDataset): number | undefined {
  if (text(dataset, 'NumberOfFrames') === undefined) return 1;
  const frames = number(dataset, 'NumberOfFrames');
  return frames !== undefined && Number.isSafeInteger(frames) && frames >= 1 ? frames : undefined;
}

/**
 * Bits of one native frame (PS3.5 Section 8.1.1); undefined where Rows, Columns or Bits Allocated are missing. Native
 * YBR_FULL_422 and YBR_PARTIAL_422 have two samples a pixel, YBR_PARTIAL_420 one and a half (PS3.3 C.7.6.3.1.2),
 * unless the pixel data are long enough for three, which is how some write them.
 */
export function frameBits({
  dataset,
  pixelData,
}: {
  readonly dataset: JsonDataset;
  readonly pixelData?: { readonly tag: PixelTag; readonly length: number } | undefined;
}): number | undefined {
  const rows = number(dataset, 'Rows');
  const columns = number(dataset, 'Columns');
  const allocated = number(dataset, 'BitsAllocated') ?? FLOAT_BITS[pixelData?.tag ?? '7FE00010'];
  if (!rows || !columns || !allocated) return undefined;
  const full = rows * columns * (number(dataset, 'SamplesPerPixel') ?? 1) * allocated;
  const samples = SUBSAMPLED.get(text(dataset, 'PhotometricInterpretation') ?? '');
  if (samples === undefined || number(dataset, 'SamplesPerPixel') !== 3 || pixelData === undefined) return full;
  const present = pixelData.length * 8;
  return present >= full * (declaredFrames(dataset) ?? 1) ? full : rows * columns * samples * allocated;
}

const FLOAT_BITS = { '7FE00008': 32, '7FE00009': 64, '7FE00010': undefined } as const;
/** Samples a pixel that are stored, by Photometric Interpretation. */
const SUBSAMPLED: ReadonlyMap<string, number> = new Map([
  ['YBR_FULL_422', 2],
  ['YBR_PARTIAL_422', 2],
  ['YBR_PARTIAL_420', 1.5],
]);
