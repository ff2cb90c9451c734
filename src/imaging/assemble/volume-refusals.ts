import type { Grid } from '../grid.ts';
import { dot, length } from '../vector.ts';
import type { StackRequest } from './assembled-stack.ts';
import type { FrameHeader } from './image-header.ts';

/** Direction cosines are written with six decimals or more. */
const COSINE_TOLERANCE = 1e-3;

/** Beyond it a double no longer has the thousandths of a millimetre, and no scanner is so long. */
const FARTHEST_MM = 1e5;

/** What the images of a stack must have before their places can be judged; the first that speaks refuses. */
export const VOLUME_REFUSALS: readonly ((headers: readonly FrameHeader[]) => string | undefined)[] = [
  (all) => some(all, (h) => h.isLocalizer, 'localizers (third value of Image Type)'),
  (all) => some(all, (h) => h.bitsAllocated === 1, 'of one bit a pixel: masks, and no images'),
  (all) => some(all, (h) => h.hasFloatPixels === true, 'of floating point pixels, which are not read here'),
  (all) => some(all, (h) => ![8, 16, 32].includes(h.bitsAllocated), 'of pixels that are not 8, 16 or 32 bits'),
  (all) => some(all, (h) => h.samplesPerPixel !== 1, 'colour images (Samples per Pixel is not 1)'),
  (all) =>
    some(
      all,
      (h) => h.photometricInterpretation !== 'MONOCHROME2',
      'of a photometric interpretation other than MONOCHROME2',
    ),
  (all) => some(all, (h) => h.rows < 1 || h.columns < 1, 'without Rows or Columns'),
  (all) => some(all, (h) => !isUsableRescale(h), 'with an unusable Rescale Slope or Intercept'),
  (all) => some(all, (h) => h.position === undefined, 'without Image Position (Patient)'),
  (all) => some(all, (h) => h.position!.some((mm) => Math.abs(mm) > FARTHEST_MM), 'farther than 100 m from the origin'),
  (all) => some(all, (h) => h.rowDirection === undefined, 'without Image Orientation (Patient)'),
  (all) =>
    some(all, (h) => !((h.pixelSpacing?.[0] ?? 0) > 0 && h.pixelSpacing![1] > 0), 'without a valid Pixel Spacing'),
  (all) =>
    some(
      all,
      (h) => !isOrthonormal(h),
      'with an Image Orientation (Patient) that is not two perpendicular unit vectors',
    ),
  (all) => (all.length === 1 ? 'The series has one image; a volume needs two slices or more.' : undefined),
];

export function some(
  all: readonly FrameHeader[],
  fault: (h: FrameHeader) => boolean,
  what: string,
): string | undefined {
  const count = all.filter(fault).length;
  return count === 0 ? undefined : `${count} of ${all.length} images are ${what}.`;
}

export function isUsableRescale({ rescaleSlope, rescaleIntercept }: FrameHeader): boolean {
  return Number.isFinite(rescaleSlope) && rescaleSlope !== 0 && Number.isFinite(rescaleIntercept);
}

function isOrthonormal({ rowDirection, columnDirection }: FrameHeader): boolean {
  return (
    Math.abs(length(rowDirection!) - 1) <= COSINE_TOLERANCE &&
    Math.abs(length(columnDirection!) - 1) <= COSINE_TOLERANCE &&
    Math.abs(dot(rowDirection!, columnDirection!)) <= COSINE_TOLERANCE
  );
}

/** Whether a model takes a grid of that size and fineness. */
export function gridRefusal(
  grid: Grid,
  slices: number,
  longestStep: number,
  { minimumSlices, maximumSliceSpacing, maximumPixelSpacing }: StackRequest['geometry'],
): string | undefined {
  if (slices < minimumSlices) return `The series has ${slices} slices and the model needs at least ${minimumSlices}.`;
  if (maximumSliceSpacing !== undefined && longestStep > maximumSliceSpacing + 1e-6)
    return `The slices are ${round(longestStep)} mm apart and the model accepts at most ${maximumSliceSpacing} mm.`;
  const pixel = Math.max(grid.rowSpacing, grid.columnSpacing);
  if (maximumPixelSpacing !== undefined && pixel > maximumPixelSpacing + 1e-6)
    return `The pixels are ${round(pixel)} mm wide and the model accepts at most ${maximumPixelSpacing} mm.`;
  return undefined;
}

const round = (millimetres: number): number => Math.round(millimetres * 100) / 100;
