import type { ScoreEdits } from './postprocess.ts';
import type { PlaneStrides } from './resample.ts';
import { type Scores, voxelsOf } from './scores.ts';

/** Instead of minus infinity, which times a weight of 0 would be no number; no score reaches its smallest part. */
const SUPPRESSED = -1e30;

/**
 * Reads the scores of all classes in two neighbouring planes perpendicular to the source's slice axis. What is held from
 * the call before is not read again.
 */
export function scorePlanes(
  scores: Scores,
  strides: PlaneStrides,
  edits: ScoreEdits | undefined,
): (low: number, high: number) => [low: Float32Array, high: Float32Array] {
  const size = strides.columns * strides.rows;
  const gather = strides.plane === size ? planeGatherer(scores, strides) : volumeGatherer(scores, strides);
  const slots = [0, 1].map(() => ({ index: -1, values: new Float32Array(scores.classes * size) }));
  const planeAt = (index: number, keep: number): Float32Array => {
    const held = slots.find((slot) => slot.index === index);
    if (held) return held.values;
    const slot = slots.find((candidate) => candidate.index !== keep)!;
    slot.index = index;
    gather(index, slot.values);
    if (edits) applyEdits(slot.values, index, scores.classes, strides, edits);
    return slot.values;
  };
  return (low, high) => [planeAt(low, high), planeAt(high, low)];
}

type Gather = (index: number, out: Float32Array) => void;

/** Planes lie whole in each class: two of them are all the memory this takes. */
function planeGatherer(scores: Scores, strides: PlaneStrides): Gather {
  const voxels = voxelsOf(scores.shape);
  const size = strides.columns * strides.rows;
  const stored = new Float32Array(size);
  return (index, out) => {
    for (let c = 0; c < scores.classes; c++) {
      const plane = out.subarray(c * size, (c + 1) * size);
      scores.read(c * voxels + index * size, strides.column === 1 ? plane : stored);
      if (strides.column !== 1) turn(stored, 0, strides, plane);
    }
  };
}

/** Sagittal and coronal sources cut the tensor across its planes. */
function volumeGatherer(scores: Scores, strides: PlaneStrides): Gather {
  const voxels = voxelsOf(scores.shape);
  const size = strides.columns * strides.rows;
  const all = new Float32Array(scores.classes * voxels);
  for (let c = 0; c < scores.classes; c++) scores.read(c * voxels, all.subarray(c * voxels, (c + 1) * voxels));
  return (index, out) => {
    for (let c = 0; c < scores.classes; c++) {
      turn(all, c * voxels + index * strides.plane, strides, out.subarray(c * size, (c + 1) * size));
    }
  };
}

function turn(tensor: Float32Array, start: number, strides: PlaneStrides, plane: Float32Array): void {
  for (let r = 0, to = 0; r < strides.rows; r++) {
    for (let c = 0, from = start + r * strides.row; c < strides.columns; c++, from += strides.column) {
      plane[to++] = tensor[from]!;
    }
  }
}

function applyEdits(
  planes: Float32Array,
  index: number,
  classes: number,
  strides: PlaneStrides,
  edits: ScoreEdits,
): void {
  const size = strides.columns * strides.rows;
  const forEachVoxel = (visit: (at: number, voxel: number) => void): void => {
    for (let r = 0, at = 0; r < strides.rows; r++) {
      let voxel = index * strides.plane + r * strides.row;
      for (let c = 0; c < strides.columns; c++, at++, voxel += strides.column) visit(at, voxel);
    }
  };
  forEachVoxel((at, voxel) => {
    const taken = edits.removed[voxel]!;
    if (taken !== 0 && taken < classes) planes[at] = Math.max(planes[at]!, planes[taken * size + at]!);
  });
  for (const [label, allowed] of edits.allowed) {
    forEachVoxel((at, voxel) => {
      if (allowed[voxel] === 0) planes[label * size + at] = SUPPRESSED;
    });
  }
}
