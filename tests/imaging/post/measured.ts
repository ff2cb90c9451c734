import { sumClasses } from '../../../src/imaging/post/field-sums.ts';
import type { LabelField } from '../../../src/imaging/post/label-field.ts';
import {
  type MeasurementName,
  measureLabels,
  type SegmentMeasurement,
} from '../../../src/imaging/post/measure-labels.ts';
import type { Volume } from '../../../src/imaging/volume.ts';
import { storedSize } from '../../../src/imaging/volume-planes.ts';

/** Measures class 1 to n of labels [slice][row][column] on the stored slices, as segments of the same numbers. */
export function measured(
  volume: Volume,
  labelAt: (column: number, row: number, slice: number) => number,
  wanted: readonly MeasurementName[] = ['volume', 'axes', 'surface', 'statistics'],
): SegmentMeasurement[] {
  const { columns, rows } = storedSize(volume);
  const bytes = Uint8Array.from({ length: volume.slices.length * rows * columns }, (_, i) =>
    labelAt(i % columns, Math.floor(i / columns) % rows, Math.floor(i / (columns * rows))),
  );
  const field: LabelField = { shape: [volume.slices.length, rows, columns], kind: 'labels', layers: [bytes] };
  const classes = [...new Set(bytes)].filter((label) => label > 0);
  const segments = classes.map((c) => ({ number: c, class: c }));
  return measureLabels(field, segments, sumClasses(field, classes, volume), volume, wanted);
}
