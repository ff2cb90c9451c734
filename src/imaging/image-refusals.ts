import type { Vec3 } from './grid.ts';
import type { SliceHeader } from './slice-header.ts';
import { dot, length } from './vector.ts';

/** Direction cosines are written with six decimals or more; 0.001 is 0.06 degrees. */
const COSINE_TOLERANCE = 1e-3;
/** Relative. Over 512 pixels it moves the far edge by a twentieth of a pixel; writers differ in the seventh digit. */
const PIXEL_SPACING_TOLERANCE = 1e-4;

/** What the images must have, each and together, before their places can be judged; the first that speaks refuses. */
export const IMAGE_REFUSALS: readonly ((headers: readonly SliceHeader[]) => string | undefined)[] = [
  (all) => (all.length === 0 ? 'The series holds no image.' : undefined),
  (all) =>
    some(
      all,
      (h) => h.numberOfFrames > 1,
      'multi-frame objects (enhanced or cine); volumes are built of single-frame images',
    ),
  (all) => some(all, (h) => h.imageType[2] === 'LOCALIZER', 'localizers (third value of Image Type)'),
  (all) => (all.length === 1 ? 'The series has one image; a volume needs two slices or more.' : undefined),
  (all) => some(all, (h) => h.samplesPerPixel !== 1, 'colour images (Samples per Pixel is not 1)'),
  (all) =>
    some(
      all,
      (h) => h.photometricInterpretation !== 'MONOCHROME2',
      'of a photometric interpretation other than MONOCHROME2',
    ),
  (all) => some(all, (h) => h.rows < 1 || h.columns < 1, 'without Rows or Columns'),
  (all) => some(all, (h) => h.hasModalityLut, 'with a Modality LUT Sequence, which volumes do not support'),
  (all) => some(all, (h) => !isUsableRescale(h), 'with an unusable Rescale Slope or Intercept'),
  (all) => some(all, (h) => h.position === undefined, 'without Image Position (Patient)'),
  (all) => some(all, (h) => h.rowDirection === undefined, 'without Image Orientation (Patient)'),
  (all) =>
    some(all, (h) => !((h.pixelSpacing?.[0] ?? 0) > 0 && h.pixelSpacing![1] > 0), 'without a valid Pixel Spacing'),
  framesOfReference,
  imageSizes,
  (all) => some(all, (h) => !spacingAgrees(h, all[0]!), `with another Pixel Spacing than ${spacingText(all[0]!)} mm`),
  (all) =>
    some(
      all,
      (h) => !isOrthonormal(h),
      'with an Image Orientation (Patient) that is not two perpendicular unit vectors',
    ),
  mixedOrientations,
];

function some(all: readonly SliceHeader[], fault: (h: SliceHeader) => boolean, what: string): string | undefined {
  const count = all.filter(fault).length;
  return count === 0 ? undefined : `${count} of ${all.length} images are ${what}.`;
}

function isUsableRescale({ rescaleSlope, rescaleIntercept }: SliceHeader): boolean {
  return Number.isFinite(rescaleSlope) && rescaleSlope !== 0 && Number.isFinite(rescaleIntercept);
}

/**
 * Images in different frames of reference may not be compared by position (PS3.3 C.7.4.1.1.1). When no two images share
 * one, it says nothing: some de-identifiers (that of TCIA's LIDC-IDRI, for one) give every image its own.
 */
function framesOfReference(all: readonly SliceHeader[]): string | undefined {
  const count = new Set(all.map((header) => header.frameOfReferenceUid)).size;
  if (count === 1 || (count === all.length && count > 2)) return undefined;
  return `The ${all.length} images have ${count} frames of reference.`;
}

function imageSizes(all: readonly SliceHeader[]): string | undefined {
  const sizes = [...new Set(all.map(({ columns, rows }) => `${columns} x ${rows}`))];
  if (sizes.length === 1) return undefined;
  return `The ${all.length} images have ${sizes.length} sizes (${sizes.slice(0, 3).join(', ')}).`;
}

function spacingAgrees(header: SliceHeader, reference: SliceHeader): boolean {
  return header.pixelSpacing!.every((mm, i) => {
    const expected = reference.pixelSpacing![i]!;
    return Math.abs(mm - expected) <= expected * PIXEL_SPACING_TOLERANCE;
  });
}

function spacingText(header: SliceHeader): string {
  return header.pixelSpacing?.map((mm) => mm.toFixed(4)).join(' x ') ?? 'unknown';
}

function isOrthonormal({ rowDirection, columnDirection }: SliceHeader): boolean {
  return (
    Math.abs(length(rowDirection!) - 1) <= COSINE_TOLERANCE &&
    Math.abs(length(columnDirection!) - 1) <= COSINE_TOLERANCE &&
    Math.abs(dot(rowDirection!, columnDirection!)) <= COSINE_TOLERANCE
  );
}

function mixedOrientations(all: readonly SliceHeader[]): string | undefined {
  const groups: { readonly like: SliceHeader; count: number }[] = [];
  for (const header of all) {
    const group = groups.find(({ like }) => sameOrientation(like, header));
    if (group) group.count += 1;
    else groups.push({ like: header, count: 1 });
  }
  if (groups.length === 1) return undefined;
  const counts = groups.map((group) => String(group.count));
  if (counts.length > 4) counts.splice(4, counts.length, '…');
  return `The images have ${groups.length} orientations (${counts.join(', ')} of ${all.length}).`;
}

function sameOrientation(a: SliceHeader, b: SliceHeader): boolean {
  const near = (u: Vec3, v: Vec3): boolean => u.every((cosine, i) => Math.abs(cosine - v[i]!) <= COSINE_TOLERANCE);
  return near(a.rowDirection!, b.rowDirection!) && near(a.columnDirection!, b.columnDirection!);
}
