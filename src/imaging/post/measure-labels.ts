import { positionOf, type Vec3 } from '../grid.ts';
import type { Segment } from '../segment.ts';
import type { Volume } from '../volume.ts';
import { storedPositionOf } from '../volume-planes.ts';
import { maximumDiameters } from './diameter.ts';
import type { ClassSums } from './field-sums.ts';
import { type LabelField, type LabelMap, labelMaps } from './label-field.ts';
import { type FieldBox, runsOf } from './runs.ts';
import { type SliceAxes, type SliceLine, sliceAxes } from './slice-axes.ts';
import { statisticsOf, type ValueStatistics } from './statistics.ts';
import { type Surface, surfacesOf } from './surface.ts';
import { globalPeak } from './suv-peak.ts';

export type MeasurementName = 'volume' | 'axes' | 'surface' | 'statistics';

/**
 * What is measured of a segment, on the stored slices and in the patient; codes are those of IBSI. Count, volume and
 * centroid are always there, the rest where it was asked for.
 */
export interface SegmentMeasurement {
  readonly segment: number;
  readonly voxels: number;
  /** Voxels counted, each with its volume: YEKZ. */
  readonly volumeMl: number;
  /** LPS, mm; each voxel with its volume. */
  readonly centroid: Vec3;
  /** Of a volume of one channel. */
  readonly statistics?: ValueStatistics & {
    /** HU, SUVbw, … */
    readonly unit: string;
    /** 0F91; of SUV. */
    readonly peak?: number;
  };
  readonly longAxisMm?: number;
  readonly shortAxisMm?: number;
  /** Where the two axes lie: the stored slice, and their ends in LPS, mm. */
  readonly axes?: { readonly slice: number; readonly long: Line; readonly short: Line };
  /** L0JK */
  readonly maximumDiameterMm?: number;
  /** C0JK */
  readonly surfaceMm2?: number;
  /** Enclosed by the mesh: RNU0. */
  readonly meshVolumeMl?: number;
}

type Line = readonly [Vec3, Vec3];

/** Measures the segments that have a voxel, by segment number. */
export function measureLabels(
  field: LabelField,
  segments: readonly Segment[],
  sums: ReadonlyMap<number, ClassSums>,
  volume: Volume,
  wanted: readonly MeasurementName[],
): SegmentMeasurement[] {
  const present = segments.filter((segment) => sums.has(segment.class));
  const byClass = new Map<number, Measured>();
  for (const map of labelMaps(
    field,
    present.map((segment) => segment.class),
  )) {
    for (const [c, measured] of measureMap(map, field, sums, volume, wanted)) byClass.set(c, measured);
  }
  return present
    .map(({ number, class: c }): SegmentMeasurement => {
      const { voxels, millilitres, centroid } = sums.get(c)!;
      const place = positionOf(volume.grid, ...centroid);
      return { segment: number, voxels, volumeMl: millilitres, centroid: place, ...byClass.get(c) };
    })
    .sort((a, b) => a.segment - b.segment);
}

type Measured = Omit<SegmentMeasurement, 'segment' | 'voxels' | 'volumeMl' | 'centroid'>;

function measureMap(
  map: LabelMap,
  { shape }: LabelField,
  sums: ReadonlyMap<number, ClassSums>,
  volume: Volume,
  wanted: readonly MeasurementName[],
): Map<number, Measured> {
  const worth = new Uint8Array(256);
  for (const value of map.valueOf.values()) worth[value] = value;
  const here = [...map.valueOf].flatMap(([c, value]) => {
    const found = sums.get(c);
    return found ? [{ c, value, sums: found }] : [];
  });
  if (here.length === 0) return new Map();
  const box = around(here.map(({ sums: { box: one } }) => one));
  const runs = runsOf(map.bytes, shape, worth, box);
  const voxels = new Map(here.map(({ value, sums: { voxels: count } }) => [value, count]));

  const valued = wanted.includes('statistics') && volume.channels === 1;
  const statistics = valued ? statisticsOf(map, shape, runs, volume, voxels) : undefined;
  const surfaces = wanted.includes('surface') ? surfacesOf(map, shape, box, volume) : undefined;
  const diameters = wanted.includes('axes') ? maximumDiameters(runs, volume) : undefined;
  return new Map(
    here.map(({ c, value, sums: found }) => [
      c,
      {
        ...(statistics && valuesOf(statistics.get(value)!, map, shape, value, found, volume)),
        ...(surfaces && surfaceOf(surfaces[value]!)),
        ...(diameters && axesOf(sliceAxes(map.bytes, shape, value, found.box, found.slices, volume.grid), volume)),
        ...(diameters && { maximumDiameterMm: diameters.get(value) ?? 0 }),
      },
    ]),
  );
}

function valuesOf(
  statistics: ValueStatistics,
  { bytes }: LabelMap,
  shape: LabelField['shape'],
  value: number,
  sums: ClassSums,
  volume: Volume,
): Pick<Measured, 'statistics'> {
  const peak = volume.units.startsWith('SUV') ? { peak: globalPeak(bytes, shape, value, sums, volume) } : {};
  return { statistics: { unit: volume.units, ...statistics, ...peak } };
}

const surfaceOf = ({ squareMillimetres, millilitres }: Surface): Measured => ({
  surfaceMm2: squareMillimetres,
  meshVolumeMl: millilitres,
});

function axesOf(axes: SliceAxes | undefined, volume: Volume): Measured {
  if (axes === undefined) return {};
  const placed = ({ ends }: SliceLine): Line => [
    storedPositionOf(volume, ...ends[0], axes.slice),
    storedPositionOf(volume, ...ends[1], axes.slice),
  ];
  return {
    longAxisMm: axes.long.millimetres,
    shortAxisMm: axes.short.millimetres,
    axes: { slice: axes.slice, long: placed(axes.long), short: placed(axes.short) },
  };
}

function around(boxes: readonly FieldBox[]): FieldBox {
  const from = [0, 1, 2].map((axis) => Math.min(...boxes.map((box) => box.from[axis]!)));
  const to = [0, 1, 2].map((axis) => Math.max(...boxes.map((box) => box.to[axis]!)));
  return { from: [from[0]!, from[1]!, from[2]!], to: [to[0]!, to[1]!, to[2]!] };
}
