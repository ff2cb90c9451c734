import type { JsonDataset } from '../../dicom/dataset.ts';
import { items, number, numbers, text } from '../../dicom/read-values.ts';
import type { Calibration } from './image-header.ts';

type Spacing = readonly [between: number, along: number];

/** Region Spatial Format 1 (PS3.3 C.8.5.5.1.1): a picture of tissue, no curve; unit 3 (C.8.5.5.1.15): cm a pixel. */
const TWO_DIMENSIONAL = 1;
const CENTIMETRES = 3;

/** Regions of one ultrasound picture that differ by less are of one scale. */
const SAME_SCALE = 1e-3;

/**
 * Distances between pixels of an image that does not lie in the patient, and what they are worth (PS3.3 10.7.1): those at
 * the detector are larger than the patient by a magnification that nobody knows.
 */
export function calibrationOf(dataset: JsonDataset): {
  readonly pixelSpacing?: Spacing;
  readonly calibration: Calibration;
} {
  const regions = ultrasoundSpacing(dataset);
  if (regions !== undefined) return { pixelSpacing: regions, calibration: 'calibrated' };
  const imager = pair(numbers(dataset, 'ImagerPixelSpacing'));
  const spacing = pair(numbers(dataset, 'PixelSpacing'));
  if (spacing === undefined) {
    const nominal = pair(numbers(dataset, 'NominalScannedPixelSpacing'));
    if (imager !== undefined) return { pixelSpacing: imager, calibration: 'detector' };
    return nominal === undefined
      ? { ...aspect(dataset), calibration: 'none' }
      : { pixelSpacing: nominal, calibration: 'detector' };
  }
  const corrected = imager !== undefined && spacing.some((mm, i) => Math.abs(mm - imager[i]!) > mm * SAME_SCALE);
  const said = text(dataset, 'PixelSpacingCalibrationType') !== undefined;
  return { pixelSpacing: spacing, calibration: said || corrected ? 'calibrated' : 'detector' };
}

/** The scale of the pictures of tissue, where all have one. */
function ultrasoundSpacing(dataset: JsonDataset): Spacing | undefined {
  const regions = items(dataset, 'SequenceOfUltrasoundRegions').filter(
    (region) => number(region, 'RegionSpatialFormat') === TWO_DIMENSIONAL,
  );
  const scales = regions.map((region): Spacing | undefined => {
    const inCentimetres =
      number(region, 'PhysicalUnitsXDirection') === CENTIMETRES &&
      number(region, 'PhysicalUnitsYDirection') === CENTIMETRES;
    const [x, y] = [number(region, 'PhysicalDeltaX'), number(region, 'PhysicalDeltaY')];
    return inCentimetres && x && y ? [Math.abs(y) * 10, Math.abs(x) * 10] : undefined;
  });
  const [first] = scales;
  if (first === undefined) return undefined;
  const alike = scales.every((scale) => scale?.every((mm, i) => Math.abs(mm - first[i]!) <= first[i]! * SAME_SCALE));
  return alike ? first : undefined;
}

/** Pixel Aspect Ratio (PS3.3 C.7.6.3.1.7), vertical to horizontal, as pixels of no known size. */
function aspect(dataset: JsonDataset): { readonly pixelSpacing?: Spacing } {
  const ratio = pair(numbers(dataset, 'PixelAspectRatio'));
  return ratio === undefined ? {} : { pixelSpacing: [ratio[0] / ratio[1], 1] };
}

function pair(values: readonly number[]): Spacing | undefined {
  return values.length === 2 && values.every((mm) => mm > 0 && Number.isFinite(mm))
    ? [values[0]!, values[1]!]
    : undefined;
}
