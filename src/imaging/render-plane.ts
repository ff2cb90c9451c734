import type { JsonDataset } from '../dicom/dataset.ts';
import { numbers, text } from '../dicom/read-values.ts';
import type { Vec3 } from './grid.ts';
import { functionalGroup } from './render-object.ts';
import { cross, dot, length, scale, subtract } from './vector.ts';

/** Where the pixels of one frame lie in the patient (PS3.3 C.7.6.2.1.1), LPS, mm. */
export interface Plane {
  readonly frameOfReferenceUid: string | undefined;
  readonly position: Vec3;
  readonly rowDirection: Vec3;
  readonly columnDirection: Vec3;
  /** Between rows, and between columns. */
  readonly rowSpacing: number;
  readonly columnSpacing: number;
}

/** The plane of a frame counted from 1; undefined where the object does not say it all. */
export function planeOf(dataset: JsonDataset, frame: number): Plane | undefined {
  const from = (sequence: string, attribute: string): number[] =>
    numbers(functionalGroup(dataset, frame, sequence) ?? dataset, attribute);
  const position = from('PlanePositionSequence', 'ImagePositionPatient');
  const orientation = from('PlaneOrientationSequence', 'ImageOrientationPatient');
  const spacing = from('PixelMeasuresSequence', 'PixelSpacing');
  if (position.length !== 3 || orientation.length !== 6 || spacing.length !== 2) return undefined;
  if (![...position, ...orientation, ...spacing].every(Number.isFinite) || !spacing.every((mm) => mm > 0))
    return undefined;
  const rowDirection = vector(orientation.slice(0, 3));
  const columnDirection = vector(orientation.slice(3));
  const isSquare = [rowDirection, columnDirection].every((one) => Math.abs(length(one) - 1) < 1e-2);
  if (!isSquare || Math.abs(dot(rowDirection, columnDirection)) > 1e-2) return undefined;
  return {
    frameOfReferenceUid: text(dataset, 'FrameOfReferenceUID'),
    position: vector(position),
    rowDirection,
    columnDirection,
    rowSpacing: spacing[0]!,
    columnSpacing: spacing[1]!,
  };
}

function vector(values: readonly number[]): Vec3 {
  return [values[0] ?? 0, values[1] ?? 0, values[2] ?? 0];
}

/** Decimal strings of positions are often rounded to a hundredth. */
const TOLERANCE_MM = 0.1;
/** Cosine of 0.08 degrees: a third of a millimetre at the edge of a body. */
const PARALLEL = 1 - 1e-6;

function normalOf({ rowDirection, columnDirection }: Plane): Vec3 {
  const normal = cross(rowDirection, columnDirection);
  return scale(normal, 1 / length(normal));
}

/** Whether two planes are one: parallel, and no further apart than decimals are rounded. */
export function isSamePlane(a: Plane, b: Plane): boolean {
  if (a.frameOfReferenceUid && b.frameOfReferenceUid && a.frameOfReferenceUid !== b.frameOfReferenceUid) return false;
  const normal = normalOf(a);
  const isParallel = Math.abs(dot(normal, normalOf(b))) > PARALLEL;
  return isParallel && Math.abs(dot(subtract(b.position, a.position), normal)) <= TOLERANCE_MM;
}

/** From column and row of one plane to column and row of another: each is base + column × across + row × down. */
export interface Mapping {
  readonly base: readonly [number, number];
  readonly across: readonly [number, number];
  readonly down: readonly [number, number];
}

/** Through the patient: flipped and turned grids, and other spacings, come out right. Of planes that are one. */
export function mappingBetween(from: Plane, to: Plane): Mapping {
  const offset = subtract(from.position, to.position);
  const at = (direction: Vec3, mm: number): [number, number] => [
    (dot(direction, to.rowDirection) * mm) / to.columnSpacing,
    (dot(direction, to.columnDirection) * mm) / to.rowSpacing,
  ];
  return {
    base: at(offset, 1),
    across: at(from.rowDirection, from.columnSpacing),
    down: at(from.columnDirection, from.rowSpacing),
  };
}
