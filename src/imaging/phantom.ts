import type { Grid } from './grid.ts';
import { voxelMillilitres } from './grid.ts';
import { CHEST, PHANTOM_LABELS, type Shape } from './phantom-anatomy.ts';

export interface PhantomOptions {
  readonly slices: number;
  /** 512 */
  readonly rows?: number;
  readonly columns?: number;
  /** mm; by default what spreads the slices over 300 mm of chest, between 0.5 and 5. */
  readonly sliceSpacing?: number;
  /** mm; by default a field of view 400 mm wide. */
  readonly pixelSpacing?: number;
  /** Of the noise; equal options make equal pixels. */
  readonly seed?: number;
}

/** What is in the phantom, counted in its own voxels; the nodule lies in the left lung and is not part of its volume. */
export interface PhantomTruth {
  readonly volumesMl: Readonly<Record<'rightLung' | 'leftLung' | 'airway' | 'nodule', number>>;
  /** Per slice, [row][column], values of PHANTOM_LABELS. */
  readonly labels: Iterable<Uint8Array>;
}

const CHEST_MM = 300;
const FIELD_OF_VIEW_MM = 400;
const OUTSIDE_HU = -1000;
/** Half-width of each of the two uniform parts of the noise: a standard deviation of 12 HU together. */
const NOISE_HU = 15;

/** The grid of the phantom: axial, head up, the middle of the chest in the middle of the stack. */
export function phantomGrid(options: PhantomOptions): Grid {
  const { slices, rows = 512, columns = 512 } = options;
  const spread = Math.min(5, Math.max(0.5, CHEST_MM / slices));
  const { sliceSpacing = spread, pixelSpacing = FIELD_OF_VIEW_MM / columns } = options;
  const first = (count: number, spacing: number): number => -((count - 1) / 2) * spacing;
  return {
    columns,
    rows,
    slices,
    columnSpacing: pixelSpacing,
    rowSpacing: pixelSpacing,
    sliceSpacing,
    rowDirection: [1, 0, 0],
    columnDirection: [0, 1, 0],
    normal: [0, 0, 1],
    origin: [first(columns, pixelSpacing), first(rows, pixelSpacing), first(slices, sliceSpacing)],
  };
}

/** A synthetic chest CT, slice by slice from foot to head: HU, [row][column]. Each slice is an array of its own. */
export function* phantomSlices(options: PhantomOptions): Generator<Int16Array> {
  const grid = phantomGrid(options);
  for (let slice = 0; slice < grid.slices; slice++) {
    const hu = new Int16Array(grid.rows * grid.columns).fill(OUTSIDE_HU);
    paint(grid, slice, (shape, from, to) => hu.fill(shape.hu, from, to));
    addNoise(hu, (options.seed ?? 1) * 65_537 + slice);
    yield hu;
  }
}

export function phantomTruth(options: PhantomOptions): PhantomTruth {
  const grid = phantomGrid(options);
  const counts = new Float64Array(Object.keys(PHANTOM_LABELS).length);
  for (const labels of labelsOf(grid)) for (const label of labels) counts[label]! += 1;
  const millilitres = (label: number): number => counts[label]! * voxelMillilitres(grid);
  return {
    volumesMl: {
      rightLung: millilitres(PHANTOM_LABELS.rightLung),
      leftLung: millilitres(PHANTOM_LABELS.leftLung),
      airway: millilitres(PHANTOM_LABELS.airway),
      nodule: millilitres(PHANTOM_LABELS.nodule),
    },
    labels: { [Symbol.iterator]: () => labelsOf(grid) },
  };
}

function* labelsOf(grid: Grid): Generator<Uint8Array> {
  for (let slice = 0; slice < grid.slices; slice++) {
    const labels = new Uint8Array(grid.rows * grid.columns);
    paint(grid, slice, (shape, from, to) => labels.fill(shape.label, from, to));
    yield labels;
  }
}

/** Calls `fill` with each run of pixels whose centres lie in a shape, shapes in their order. */
function paint(grid: Grid, slice: number, fill: (shape: Shape, from: number, to: number) => void): void {
  const z = grid.origin[2] + slice * grid.sliceSpacing;
  for (const shape of CHEST) {
    const cut = crossSection(shape, z);
    if (cut === undefined) continue;
    const { centre } = shape;
    const firstRow = Math.max(0, Math.ceil((centre[1] - cut.y - grid.origin[1]) / grid.rowSpacing));
    const lastRow = Math.min(grid.rows - 1, Math.floor((centre[1] + cut.y - grid.origin[1]) / grid.rowSpacing));
    for (let row = firstRow; row <= lastRow; row++) {
      const y = (grid.origin[1] + row * grid.rowSpacing - centre[1]) / cut.y;
      const half = cut.x * Math.sqrt(Math.max(0, 1 - y * y));
      const from = Math.max(0, Math.ceil((centre[0] - half - grid.origin[0]) / grid.columnSpacing));
      const to = Math.min(grid.columns - 1, Math.floor((centre[0] + half - grid.origin[0]) / grid.columnSpacing));
      if (to >= from) fill(shape, row * grid.columns + from, row * grid.columns + to + 1);
    }
  }
}

/** The half axes of the ellipse in which a shape meets the plane at z, mm. */
function crossSection({ centre, radii, from, to }: Shape, z: number): { x: number; y: number } | undefined {
  if (z < (from ?? z) || z > (to ?? z)) return undefined;
  const height = radii[2] === null ? 0 : (z - centre[2]) / radii[2];
  if (Math.abs(height) >= 1) return undefined;
  const narrower = Math.sqrt(1 - height * height);
  return { x: radii[0] * narrower, y: radii[1] * narrower };
}

/** Two uniform numbers from one step of xorshift32 (Marsaglia 2003) added to every pixel. */
function addNoise(hu: Int16Array, seed: number): void {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  for (let i = 0; i < hu.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const sum = (state & 0xffff) + (state >>> 16) - 0xffff;
    hu[i]! += Math.round((sum * NOISE_HU) / 0xffff);
  }
}
