import { addScaled } from './vector.ts';

/** A vector or point in the patient coordinate system: x to the patient's Left, y to Posterior, z to the Head; mm. */
export type Vec3 = readonly [number, number, number];

/**
 * A regular stack of parallel slices in patient space (PS3.3 C.7.6.2.1.1), voxels stored [slice][row][column].
 * `origin` is the centre of the first voxel; slices ascend along `normal` = rowDirection × columnDirection.
 */
export interface Grid {
  readonly columns: number;
  readonly rows: number;
  readonly slices: number;
  /** mm between columns: second value of Pixel Spacing (0028,0030). */
  readonly columnSpacing: number;
  /** mm between rows: first value of Pixel Spacing. */
  readonly rowSpacing: number;
  readonly sliceSpacing: number;
  /** Direction of increasing column index: first triple of Image Orientation (Patient) (0020,0037). */
  readonly rowDirection: Vec3;
  /** Direction of increasing row index: second triple. */
  readonly columnDirection: Vec3;
  readonly normal: Vec3;
  readonly origin: Vec3;
}

/** The place in the patient (LPS, mm) of a voxel centre; indexes may be fractional (PS3.3 equation C.7.6.2.1-1). */
export function positionOf(grid: Grid, column: number, row: number, slice: number): Vec3 {
  const along = addScaled(grid.origin, grid.rowDirection, column * grid.columnSpacing);
  const across = addScaled(along, grid.columnDirection, row * grid.rowSpacing);
  return addScaled(across, grid.normal, slice * grid.sliceSpacing);
}

/** Millilitres in one voxel. */
export function voxelMillilitres(grid: Grid): number {
  return (grid.columnSpacing * grid.rowSpacing * grid.sliceSpacing) / 1000;
}
