import type { DescribedInstance } from '../archive/archive.ts';
import { VoxgateError } from '../errors.ts';
import type { Grid } from '../imaging/grid.ts';
import { type SliceHeader, sliceHeaderOf } from '../imaging/slice-header.ts';
import { assembleStack } from '../imaging/stack.ts';
import type { GeometryPolicy, ModelManifest } from '../inference/model-manifest.ts';

/** A series as a volume that a model accepts. */
export interface AssembledSeries {
  /** In stack order. */
  readonly instances: readonly DescribedInstance[];
  readonly headers: readonly SliceHeader[];
  readonly grid: Grid;
  /** What was taken for granted and is to be told with the result. */
  readonly notes: readonly string[];
}

/** @throws VoxgateError not-a-volume saying, with figures, what keeps the series from being analysed */
export function assembleSeries(
  instances: readonly DescribedInstance[],
  { inputs }: Pick<ModelManifest, 'inputs'>,
): AssembledSeries {
  const headers = instances.map(({ dataset, transferSyntaxUid }) => sliceHeaderOf(dataset, transferSyntaxUid));
  const stack = assembleStack(headers);
  if (!stack.ok) throw new VoxgateError('not-a-volume', stack.reason);
  const { grid, order, notes } = stack;
  const { units, geometry } = inputs[0]!;
  const refusal = refusalOfUnits(headers, units) ?? refusalOfGrid(grid, geometry);
  if (refusal) throw new VoxgateError('not-a-volume', refusal);
  return { grid, notes, instances: order.map((i) => instances[i]!), headers: order.map((i) => headers[i]!) };
}

/** A model that wants Hounsfield units gets nothing else: values off by 1024 still look like a picture. */
function refusalOfUnits(headers: readonly SliceHeader[], units: string): string | undefined {
  const assumed = headers.filter(({ rescaleAssumed }) => rescaleAssumed).length;
  if (assumed > 0)
    return `${assumed} of ${headers.length} images carry no Rescale Slope and Intercept, so their values are not known to be ${units}.`;
  const other = headers.find(
    ({ rescaleType }) => rescaleType !== undefined && rescaleType !== '' && rescaleType !== units,
  );
  return other && `Rescale Type is ${other.rescaleType} and the model needs ${units}.`;
}

function refusalOfGrid(grid: Grid, accepts: GeometryPolicy): string | undefined {
  if (grid.slices < accepts.minimumSlices)
    return `the series has ${grid.slices} slices and the model needs at least ${accepts.minimumSlices}.`;
  if (grid.sliceSpacing > (accepts.maximumSliceSpacing ?? Infinity))
    return `the slices are ${round(grid.sliceSpacing)} mm apart and the model accepts at most ${accepts.maximumSliceSpacing} mm.`;
  const pixel = Math.max(grid.rowSpacing, grid.columnSpacing);
  if (pixel > (accepts.maximumPixelSpacing ?? Infinity))
    return `the pixels are ${round(pixel)} mm wide and the model accepts at most ${accepts.maximumPixelSpacing} mm.`;
  return undefined;
}

function round(millimetres: number): number {
  return Math.round(millimetres * 100) / 100;
}
