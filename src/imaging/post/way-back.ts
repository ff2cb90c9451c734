import type { Taps } from '../tent-filter.ts';
import type { Preparation } from '../transforms/preparation.ts';
import type { Volume } from '../volume.ts';
import { storedSize } from '../volume-planes.ts';
import { type CellAxis, cellsAlong, type SlicePlan } from './cells.ts';
import { composed, heaviest, shiftedTaps, trimmed } from './taps.ts';

/** From the array of the network to the stored slices. */
export interface WayBack {
  /** The array axis that runs along the slices: scores come in planes across it. */
  readonly slabAxis: 0 | 1 | 2;
  readonly planes: number;
  /** Elements of a plane [u][v], u and v the two other axes in order. */
  readonly size: number;
  readonly u: number;
  readonly v: number;
  /** Of the stored slices. */
  readonly slices: number;
  readonly rows: number;
  readonly columns: number;
  /** For each stored slice the planes it is made of. */
  readonly linear: Taps;
  readonly nearest: Taps;
  /** How the samples of a stored slice are made of those of a plane. */
  linearIn(slice: number): SlicePlan;
  /** The element of a plane that is nearest to a sample: the sum of one for its column and one for its row; below 0 none. */
  nearestIn(slice: number): { readonly ofColumn: Int32Array; readonly ofRow: Int32Array };
}

/** The array axis (0 to 2) that runs along the slices of the source. */
export function slabAxisOf({ axes }: Preparation): 0 | 1 | 2 {
  const axis = axes.findIndex(({ source }) => source === 2);
  return axis === 0 || axis === 1 ? axis : 2;
}

export function wayBack(volume: Volume, preparation: Preparation): WayBack {
  const { shape, axes } = preparation;
  const slabAxis = slabAxisOf(preparation);
  const [uAxis, vAxis] = ([0, 1, 2] as const).filter((axis) => axis !== slabAxis) as [0 | 1 | 2, 0 | 1 | 2];
  const [u, v] = [shape[uAxis], shape[vAxis]];
  const columnsAlongU = axes[uAxis].source === 0;
  const [acrossStride, downStride] = columnsAlongU ? [v, 1] : [1, v];
  const acrossAxis = columnsAlongU ? axes[uAxis] : axes[vAxis];
  const downAxis = columnsAlongU ? axes[vAxis] : axes[uAxis];
  const through = axes[slabAxis];
  const { fromGrid } = volume.sliceTaps ?? {};
  const size = storedSize(volume);

  /** A sheared slice lies elsewhere in its plane of the grid, each at a place of its own. */
  const inPlane = (slice: number, taps: 'linear' | 'nearest'): [across: Taps, down: Taps] => {
    const offset = volume.shear?.offsets[slice];
    if (offset === undefined) return [acrossAxis[taps], downAxis[taps]];
    const [column, row] = offset;
    return [
      composed(shiftedTaps(size.columns, column, acrossAxis.sourceCount), acrossAxis[taps]),
      composed(shiftedTaps(size.rows, row, downAxis.sourceCount), downAxis[taps]),
    ];
  };
  const planOf = (slice: number): SlicePlan => {
    const [across, down] = inPlane(slice, 'linear').map((taps): CellAxis => cellsAlong(trimmed(taps)));
    return { across: across!, down: down!, acrossStride, downStride };
  };
  const nearestOf = (slice: number) => {
    const [across, down] = inPlane(slice, 'nearest').map(heaviest);
    return { ofColumn: elementsOf(across!, acrossStride), ofRow: elementsOf(down!, downStride) };
  };
  return {
    slabAxis,
    planes: shape[slabAxis],
    size: u * v,
    u,
    v,
    slices: volume.slices.length,
    ...size,
    linear: trimmed(fromGrid ? composed(fromGrid, through.linear) : through.linear),
    nearest: heaviest(fromGrid ? composed(fromGrid, through.nearest) : through.nearest),
    linearIn: volume.shear ? planOf : always(() => planOf(0)),
    nearestIn: volume.shear ? nearestOf : always(() => nearestOf(0)),
  };
}

/** So far below 0 that no element brings it back. */
const NONE = -(2 ** 30);

function elementsOf(taps: Taps, stride: number): Int32Array {
  return taps.first.map((index, i) => (taps.count[i] === 0 ? NONE : index * stride));
}

function always<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
