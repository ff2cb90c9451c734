import type { Vec3 } from '../../src/imaging/grid.ts';
import type { SliceHeader } from '../../src/imaging/slice-header.ts';
import { addScaled, cross } from '../../src/imaging/vector.ts';

/** The header of a plain axial CT slice, but for what a test says otherwise. */
export function aSlice(other: Partial<SliceHeader> = {}): SliceHeader {
  return {
    sopInstanceUid: '1.2.3',
    modality: 'CT',
    imageType: ['ORIGINAL', 'PRIMARY', 'AXIAL'],
    rows: 4,
    columns: 5,
    numberOfFrames: 1,
    samplesPerPixel: 1,
    planarConfiguration: 0,
    photometricInterpretation: 'MONOCHROME2',
    bitsAllocated: 16,
    bitsStored: 16,
    highBit: 15,
    pixelRepresentation: 1,
    transferSyntaxUid: '1.2.840.10008.1.2.1',
    rescaleSlope: 1,
    rescaleIntercept: 0,
    rescaleAssumed: false,
    hasModalityLut: false,
    position: [0, 0, 0],
    rowDirection: [1, 0, 0],
    columnDirection: [0, 1, 0],
    pixelSpacing: [1.3, 0.7],
    frameOfReferenceUid: '1.2.3.4',
    ...other,
  };
}

/** Slices at the given distances along their normal, in that order. */
export function slicesAt(distances: readonly number[], other: Partial<SliceHeader> = {}): SliceHeader[] {
  const like = aSlice(other);
  const normal = cross(like.rowDirection!, like.columnDirection!);
  return distances.map((mm, i) => ({
    ...like,
    sopInstanceUid: `1.2.3.${i + 1}`,
    position: addScaled(like.position!, normal, mm),
  }));
}

export interface Orientation {
  readonly rowDirection: Vec3;
  readonly columnDirection: Vec3;
}

/** All 24 pairs of perpendicular patient axes, which stacks of either reading order make 48. */
export function axisAlignedOrientations(): Orientation[] {
  const axes: Vec3[] = [0, 1, 2].flatMap((axis): Vec3[] => [unit(axis, 1), unit(axis, -1)]);
  return axes.flatMap((rowDirection) =>
    axes
      .filter((columnDirection) => rowDirection.every((v, i) => v * columnDirection[i]! === 0))
      .map((columnDirection) => ({ rowDirection, columnDirection })),
  );
}

const unit = (axis: number, sign: number): Vec3 => [
  axis === 0 ? sign : 0,
  axis === 1 ? sign : 0,
  axis === 2 ? sign : 0,
];

/** Rotations that follow from the seed: the first two columns of a random quaternion's matrix. */
export function obliqueOrientations(count: number, seed = 7): Orientation[] {
  const random = randomNumbers(seed);
  return Array.from({ length: count }, () => {
    const [a, b, c, d] = [random() - 0.5, random() - 0.5, random() - 0.5, random() - 0.5];
    const n = Math.hypot(a, b, c, d);
    const [w, x, y, z] = [a / n, b / n, c / n, d / n];
    return {
      rowDirection: [1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y)],
      columnDirection: [2 * (x * y - w * z), 1 - 2 * (x * x + z * z), 2 * (y * z + w * x)],
    };
  });
}

/** Uniform numbers from 0 to 1: xorshift32. */
export function randomNumbers(seed: number): () => number {
  let state = Math.imul(seed + 1, 0x9e3779b1) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

export function shuffled<T>(values: readonly T[], seed: number): T[] {
  const random = randomNumbers(seed);
  const keyed = values.map((value) => ({ value, key: random() }));
  return keyed.sort((a, b) => a.key - b.key).map(({ value }) => value);
}
