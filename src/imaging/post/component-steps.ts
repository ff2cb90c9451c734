import { type FieldShape, type LabelField, type LabelMap, labelMaps } from './label-field.ts';
import { type Connectivity, componentsOfRuns, type FieldBox, forEachRun, type Runs, runsOf } from './runs.ts';
import type { ComponentStep } from './step-plan.ts';

/** What the clean-up of labels has to know beside them. */
export interface FieldFacts {
  /** Every class but the background: what a step means that names none. */
  readonly classes: readonly number[];
  /** Of a voxel in a plane of the field. */
  readonly millilitres: (plane: number) => number;
}

/** Cleans the labels up, in place: KeepLargestConnectedComponent, FillHoles and RemoveSmallObjects of MONAI. */
export function applyComponentStep(field: LabelField, step: ComponentStep, facts: FieldFacts): void {
  const classes = step.classes ?? facts.classes;
  if (step.op === 'keep-largest-component' && !step.independent) {
    keepLargestOfUnion(field, classes, step.connectivity);
    return;
  }
  for (const map of labelMaps(field, classes)) {
    switch (step.op) {
      case 'keep-largest-component':
        keepLargest(map, field.shape, step.connectivity);
        break;
      case 'remove-small':
        removeSmall(map, field.shape, step, facts);
        break;
      case 'fill-holes':
        fillHoles(map, field.shape, step.connectivity);
        break;
    }
    map.store();
  }
}

/** Of every class only its largest component stays; of equals the one met first (MONAI's choice is its sorting's whim). */
function keepLargest(map: LabelMap, shape: FieldShape, connectivity: Connectivity): void {
  const runs = runsOf(map.bytes, shape, worthOf(map));
  const { of, sizes } = sized(runs, connectivity);
  const largest = new Int32Array(256).fill(-1);
  for (let run = 0; run < runs.length; run++) {
    const value = runs.value[run]!;
    if (largest[value]! < 0 || sizes[of[run]!]! > sizes[largest[value]!]!) largest[value] = of[run]!;
  }
  erase(map.bytes, shape, runs, (run) => of[run] !== largest[runs.value[run]!]);
}

function keepLargestOfUnion(field: LabelField, classes: readonly number[], connectivity: Connectivity): void {
  const worth = new Uint8Array(256);
  const union = field.kind === 'labels' ? field.layers[0]! : new Uint8Array(field.layers[0]!.length);
  if (field.kind === 'labels') for (const c of classes) worth[c] = 1;
  else {
    worth[1] = 1;
    for (const map of labelMaps(field, classes)) {
      for (let i = 0; i < union.length; i++) union[i]! |= map.bytes[i]!;
    }
  }
  const runs = runsOf(union, field.shape, worth);
  const { of, sizes } = sized(runs, connectivity);
  const largest = sizes.reduce((best, size, id) => (size > (sizes[best] ?? 0) ? id : best), 0);
  const goes = (run: number): boolean => of[run] !== largest;
  if (field.kind === 'labels') {
    erase(union, field.shape, runs, goes);
    return;
  }
  for (const map of labelMaps(field, classes)) {
    erase(map.bytes, field.shape, runs, goes);
    map.store();
  }
}

/** Components, or whole classes, of fewer voxels or less volume than asked for go. */
function removeSmall(
  map: LabelMap,
  shape: FieldShape,
  step: Extract<ComponentStep, { op: 'remove-small' }>,
  { millilitres }: FieldFacts,
): void {
  const runs = runsOf(map.bytes, shape, worthOf(map));
  const { of, count } = step.whole
    ? { of: Int32Array.from(runs.value.subarray(0, runs.length)), count: 256 }
    : componentsOfRuns(runs, step.connectivity);
  const voxels = new Float64Array(count);
  const volume = new Float64Array(count);
  forEachRun(runs, (run, plane) => {
    const length = runs.end[run]! - runs.begin[run]!;
    voxels[of[run]!]! += length;
    volume[of[run]!]! += length * millilitres(plane);
  });
  // A sum of products may round below the number it stands for.
  const least = (step.millilitres ?? 0) * (1 - 1e-9);
  erase(map.bytes, shape, runs, (run) => voxels[of[run]!]! < (step.voxels ?? 0) || volume[of[run]!]! < least);
}

/** What a class encloses becomes that class, whatever it was: everything from where no way leads out of the image. */
function fillHoles(map: LabelMap, shape: FieldShape, connectivity: Connectivity): void {
  // A class may lose voxels to one before it; it stays within the box it had.
  const boxes = boxesOf(runsOf(map.bytes, shape, worthOf(map)));
  for (const [value, box] of [...boxes].sort(([a], [b]) => a - b)) {
    const outside = new Uint8Array(256).fill(1);
    outside[value] = 0;
    const runs = runsOf(map.bytes, shape, outside, box);
    const { of, count } = componentsOfRuns(runs, connectivity);
    const open = new Uint8Array(count);
    const atEdge = (axis: 0 | 1 | 2, first: number, last: number): boolean =>
      // An image has no way out across itself.
      shape[axis] > 1 && (first === box.from[axis] || last === box.to[axis] - 1);
    forEachRun(runs, (run, plane, row) => {
      if (atEdge(0, plane, plane) || atEdge(1, row, row) || atEdge(2, runs.begin[run]!, runs.end[run]! - 1)) {
        open[of[run]!] = 1;
      }
    });
    paint(map.bytes, shape, runs, value, (run) => open[of[run]!] === 0);
  }
}

function sized(runs: Runs, connectivity: Connectivity): { of: Int32Array; sizes: number[] } {
  const { of, count } = componentsOfRuns(runs, connectivity);
  const sizes = new Array<number>(count).fill(0);
  for (let run = 0; run < runs.length; run++) sizes[of[run]!]! += runs.end[run]! - runs.begin[run]!;
  return { of, sizes };
}

/** The smallest box around the runs of each value. */
function boxesOf(runs: Runs): Map<number, FieldBox> {
  const boxes = new Map<number, { from: [number, number, number]; to: [number, number, number] }>();
  forEachRun(runs, (run, plane, row) => {
    const [begin, end] = [runs.begin[run]!, runs.end[run]!];
    const box = boxes.get(runs.value[run]!);
    if (box === undefined) {
      boxes.set(runs.value[run]!, { from: [plane, row, begin], to: [plane + 1, row + 1, end] });
      return;
    }
    box.from[1] = Math.min(box.from[1], row);
    box.from[2] = Math.min(box.from[2], begin);
    box.to[0] = plane + 1;
    box.to[1] = Math.max(box.to[1], row + 1);
    box.to[2] = Math.max(box.to[2], end);
  });
  return boxes;
}

function worthOf(map: LabelMap): Uint8Array {
  const worth = new Uint8Array(256);
  for (const value of map.valueOf.values()) worth[value] = value;
  return worth;
}

const erase = (bytes: Uint8Array, shape: FieldShape, runs: Runs, goes: (run: number) => boolean): void =>
  paint(bytes, shape, runs, 0, goes);

function paint(
  bytes: Uint8Array,
  [, rows, columns]: FieldShape,
  runs: Runs,
  value: number,
  chosen: (run: number) => boolean,
): void {
  forEachRun(runs, (run, plane, row) => {
    const start = (plane * rows + row) * columns;
    if (chosen(run)) bytes.fill(value, start + runs.begin[run]!, start + runs.end[run]!);
  });
}
