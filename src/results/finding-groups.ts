import type { Fields } from '../dicom/build.ts';
import { VoxgateError } from '../errors.ts';
import { CODE, CONCEPT, UNIT } from './codes.ts';
import { codeValue, container, imageReference, polyline } from './content-items.ts';
import { uniqueInstances } from './image-library.ts';
import { number, tracking } from './measurement-groups.ts';
import type { ClassResult, DetectionResult, SourceSeries } from './types.ts';

const OUTCOMES = { present: CODE.present, absent: CODE.absent, undetermined: CODE.undetermined } as const;

/** More images than this are in the Image Library all the same; a group names those that one looks at. */
const MOST_IMAGES = 16;

/**
 * Measurement Group without a region (TID 1501) for a class of a whole image: the finding, whether it is there, and how
 * probable the model holds it.
 */
export function classGroup(result: ClassResult, source: SourceSeries): Fields {
  const images = uniqueInstances(source.instances);
  const items = [
    ...tracking(result),
    codeValue('CONTAINS', CONCEPT.finding, result.finding),
    ...(images.length <= MOST_IMAGES ? images.map((image) => imageReference(undefined, image)) : []),
    probability(result.probability),
    codeValue('CONTAINS', result.finding, OUTCOMES[result.outcome]),
  ];
  return container(CONCEPT.measurementGroup, items, '1501');
}

/** Planar ROI Measurements (TID 1410) of a box, drawn on the image in the middle of the slices it reaches through. */
export function detectionGroup(result: DetectionResult, source: SourceSeries): Fields {
  const { instances, grid, calibrated = true } = source;
  const [first, last] = result.slices;
  const image = instances[Math.floor((first + last) / 2)];
  if (image === undefined)
    throw new VoxgateError('bad-result', `there is no source image of slices ${first} to ${last}`);
  const pixels = boxArea(result.points);
  const items = [
    ...tracking(result),
    codeValue('CONTAINS', CONCEPT.finding, result.finding),
    polyline(CONCEPT.imageRegion, result.points, image),
    probability(result.probability),
    calibrated
      ? number(CONCEPT.area, pixels * grid.rowSpacing * grid.columnSpacing, UNIT.squareMillimetre)
      : number(CONCEPT.area, pixels, UNIT.pixels),
  ];
  return container(CONCEPT.measurementGroup, items, '1410');
}

function probability(value: number): Fields {
  if (!(value >= 0 && value <= 1)) throw new VoxgateError('bad-result', `a probability of ${value} is none`);
  return number(CONCEPT.probability, value, UNIT.noUnits);
}

/** Pixels inside (the shoelace formula). */
export function boxArea(points: readonly (readonly [number, number])[]): number {
  const twice = points.slice(1).reduce((sum, [x1, y1], at) => {
    const [x0, y0] = points[at]!;
    return sum + x0 * y1 - x1 * y0;
  }, 0);
  return Math.abs(twice) / 2;
}
