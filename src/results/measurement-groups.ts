import type { Fields } from '../dicom/build.ts';
import { VoxgateError } from '../errors.ts';
import { CODE, CONCEPT, isLaterality, sameCode, UNIT } from './codes.ts';
import {
  codeValue,
  container,
  imageReference,
  numericValue,
  polyline,
  textValue,
  uidReference,
} from './content-items.ts';
import type {
  Code,
  SegmentDescription,
  SegmentMeasurements,
  SegmentOutline,
  SourceSeries,
  ValueUnit,
} from './types.ts';
import { reportedValue } from './wire-values.ts';

/** Where the voxels of a group are: the segment, by its number in the SEG, and the series it was made from. */
export interface SegmentReference {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly segment: number;
  readonly sourceSeriesUid: string;
}

/** Volumetric ROI Measurements (TID 1411) of a segment that was found. */
export function foundGroup(
  segment: SegmentDescription,
  measured: SegmentMeasurements,
  reference: SegmentReference,
): Fields {
  const items = [
    ...tracking(segment),
    codeValue('CONTAINS', CONCEPT.finding, isOrgan(segment) ? CODE.organ : segment.type),
    ...findingSite(segment),
    imageReference(CONCEPT.referencedSegment, reference),
    uidReference('CONTAINS', CONCEPT.sourceSeriesForSegmentation, reference.sourceSeriesUid),
    number(CONCEPT.volume, measured.volumeMl, UNIT.millilitre),
    ...sizes(measured),
    ...statistics(measured.statistics),
  ];
  return container(CONCEPT.measurementGroup, items, '1411');
}

/**
 * Planar ROI Measurements (TID 1410) of the same segment where it is largest: viewers draw a line on an image, and few a
 * segment that a report refers to. It is the same finding, under the same tracking identifiers.
 */
export function planarGroup(
  segment: SegmentDescription,
  outline: SegmentOutline,
  { grid, instances }: SourceSeries,
): Fields {
  const image = instances[outline.slice];
  if (image === undefined) throw new VoxgateError('bad-result', `there is no source image of slice ${outline.slice}`);
  const area = outline.areaPixels * grid.rowSpacing * grid.columnSpacing;
  const items = [
    ...tracking(segment),
    codeValue('CONTAINS', CONCEPT.finding, isOrgan(segment) ? CODE.organ : segment.type),
    ...findingSite(segment),
    polyline(CONCEPT.imageRegion, outline.points, image),
    number(CONCEPT.area, area, UNIT.squareMillimetre),
  ];
  return container(CONCEPT.measurementGroup, items, '1410');
}

/** Evaluation (TID 1500 row 13) of a segment that was looked for and not found: the thing itself, on its side, is absent. */
export function absence(segment: SegmentDescription): Fields {
  return codeValue('CONTAINS', segment.type, CODE.absent, side(segment));
}

/** Diameters and surface, where they were measured. */
function sizes({ longAxisMm, shortAxisMm, maximumDiameterMm, surfaceMm2 }: SegmentMeasurements): Fields[] {
  return [
    ...(longAxisMm === undefined ? [] : [number(CONCEPT.longAxis, longAxisMm, UNIT.millimetre)]),
    ...(shortAxisMm === undefined ? [] : [number(CONCEPT.shortAxis, shortAxisMm, UNIT.millimetre)]),
    ...(maximumDiameterMm === undefined ? [] : [number(CONCEPT.maximumDiameter, maximumDiameterMm, UNIT.millimetre)]),
    ...(surfaceMm2 === undefined ? [] : [number(CONCEPT.surface, surfaceMm2, UNIT.squareMillimetre)]),
  ];
}

/** Which quantity values of a unit are; of values without one nothing is said that somebody might compare. */
const QUANTITIES: Readonly<Record<ValueUnit, { readonly concept: Code; readonly unit: Code } | undefined>> = {
  HU: { concept: CONCEPT.attenuationCoefficient, unit: UNIT.hounsfield },
  SUVbw: { concept: CONCEPT.suvBw, unit: UNIT.suvBw },
  SUVlbm: { concept: CONCEPT.suvLbm, unit: UNIT.suvLbm },
  SUVbsa: { concept: CONCEPT.suvBsa, unit: UNIT.suvBsa },
  'Bq/ml': undefined,
  none: undefined,
};

function statistics(values: SegmentMeasurements['statistics']): Fields[] {
  const quantity = values && QUANTITIES[values.unit];
  if (values === undefined || quantity === undefined) return [];
  const derived: readonly (readonly [value: number | undefined, derivation: Code])[] = [
    [values.mean, CODE.mean],
    [values.standardDeviation, CODE.standardDeviation],
    [values.minimum, CODE.minimum],
    [values.maximum, CODE.maximum],
    [values.median, CODE.median],
  ];
  return derived.flatMap(([value, derivation]) =>
    value === undefined
      ? []
      : [
          number(quantity.concept, value, quantity.unit, [
            codeValue('HAS CONCEPT MOD', CONCEPT.derivation, derivation),
          ]),
        ],
  );
}

interface Tracked {
  readonly trackingId: string;
  readonly trackingUid: string;
}

/** The same identifiers as in the SEG (PS3.3 Table C.8.20-4). */
export function tracking({ trackingId, trackingUid }: Tracked): Fields[] {
  return [
    textValue('HAS OBS CONTEXT', CONCEPT.trackingIdentifier, trackingId),
    uidReference('HAS OBS CONTEXT', CONCEPT.trackingUniqueIdentifier, trackingUid),
  ];
}

function isOrgan(segment: SegmentDescription): boolean {
  return sameCode(segment.category, CODE.anatomicalStructure);
}

/** An organ is a place as well as a thing; what is found in one (a nodule) says nothing here of where it is. */
function findingSite(segment: SegmentDescription): Fields[] {
  if (!isOrgan(segment)) return [];
  return [codeValue('HAS CONCEPT MOD', CONCEPT.findingSite, segment.type, side(segment))];
}

function side({ modifier }: SegmentDescription): Fields[] {
  return isLaterality(modifier) ? [codeValue('HAS CONCEPT MOD', CONCEPT.laterality, modifier)] : [];
}

/** A measurement (TID 300). @throws VoxgateError mismatch when the value is not a number */
export function number(name: Code, value: number, unit: Code, modifiers: readonly Fields[] = []): Fields {
  if (!Number.isFinite(value)) throw new VoxgateError('bad-result', `the measured ${name.meaning} is not a number`);
  return numericValue('CONTAINS', name, { value: reportedValue(value), unit }, modifiers);
}
