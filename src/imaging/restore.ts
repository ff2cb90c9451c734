import type { ModelAxis, ModelGrid } from './model-grid.ts';
import type { ScoreEdits } from './postprocess.ts';
import { axisAlong, planeStrides } from './resample.ts';
import { scorePlanes } from './score-planes.ts';
import type { Scores } from './scores.ts';

/**
 * The label map on the source grid: scores interpolated (trilinear, edges clamped) at every source voxel centre, then the
 * class of the highest, the lower one where equal. `emit` gets each source slice once, [row][column], ascending; the
 * array is reused. Scores are read plane by plane when the source slices lie along z, else held whole.
 */
export function restoreLabels(
  scores: Scores,
  model: ModelGrid,
  edits: ScoreEdits | undefined,
  emit: (labels: Uint8Array, slice: number) => void,
): void {
  const strides = planeStrides(model);
  const size = strides.columns * strides.rows;
  const across = cellsAlong(axisAlong(model, 0));
  const down = cellsAlong(axisAlong(model, 1));
  const through = cellsAlong(axisAlong(model, 2));
  const planesAt = scorePlanes(scores, strides, edits);

  const between = new Float32Array(scores.classes * size);
  const labels = new Uint8Array(across.low.length * down.low.length);
  const line = new Float32Array(strides.columns);
  const best = new Float32Array(across.low.length);

  for (let slice = 0; slice < through.low.length; slice++) {
    const [low, high] = planesAt(through.low[slice]!, through.high[slice]!);
    mix(low, high, through.weight[slice]!, between);
    for (let row = 0; row < down.low.length; row++) {
      for (let c = 0; c < scores.classes; c++) {
        const plane = c * size;
        mixRows(
          between,
          plane + down.low[row]! * strides.columns,
          plane + down.high[row]! * strides.columns,
          down.weight[row]!,
          line,
        );
        contest(line, across, c, best, labels, row * across.low.length);
      }
    }
    emit(labels, slice);
  }
}

/** For each source index along an axis, the two model indexes around its centre and the weight of the higher. */
interface Cells {
  readonly low: Int32Array;
  readonly high: Int32Array;
  readonly weight: Float64Array;
}

function cellsAlong(axis: ModelAxis): Cells {
  const { sourceCount, count } = axis;
  const cells = {
    low: new Int32Array(sourceCount),
    high: new Int32Array(sourceCount),
    weight: new Float64Array(sourceCount),
  };
  for (let i = 0; i < sourceCount; i++) {
    const index = axis.flipped ? sourceCount - 1 - i : i;
    const at = Math.min(Math.max(((index + 0.5) * axis.sourceSpacing) / axis.spacing - 0.5, 0), count - 1);
    cells.low[i] = Math.floor(at);
    cells.high[i] = Math.min(Math.floor(at) + 1, count - 1);
    cells.weight[i] = at - Math.floor(at);
  }
  return cells;
}

/** a × (1 − weight) + b × weight: at weight 1 exactly b, also where a is suppressed. */
function mix(a: Float32Array, b: Float32Array, weight: number, out: Float32Array): void {
  const rest = 1 - weight;
  for (let i = 0; i < out.length; i++) out[i] = a[i]! * rest + b[i]! * weight;
}

function mixRows(plane: Float32Array, low: number, high: number, weight: number, out: Float32Array): void {
  const rest = 1 - weight;
  for (let i = 0; i < out.length; i++) out[i] = plane[low + i]! * rest + plane[high + i]! * weight;
}

/** Interpolates one class along a row and lets it take the voxels where it beats the classes before it. */
function contest(
  line: Float32Array,
  across: Cells,
  c: number,
  best: Float32Array,
  labels: Uint8Array,
  start: number,
): void {
  const { low, high, weight } = across;
  for (let i = 0; i < best.length; i++) {
    const w = weight[i]!;
    const value = line[low[i]!]! * (1 - w) + line[high[i]!]! * w;
    if (c === 0 || value > best[i]!) {
      best[i] = value;
      labels[start + i] = c;
    }
  }
}
