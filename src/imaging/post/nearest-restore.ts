import { type FieldShape, type LabelField, storeMask } from './label-field.ts';
import { decide } from './mask-slice.ts';
import { type ScorePlane, scorePlane, vote } from './score-plane.ts';
import type { Decision, StepPlan } from './step-plan.ts';
import type { WayBack } from './way-back.ts';

/** Labels are decided on in the array of the network, [plane][u][v]; of the scores nothing is kept. */
export class ModelLabels {
  private readonly plan: StepPlan;
  private readonly channels: number;
  private readonly field: LabelField;
  private readonly plane: ScorePlane;

  constructor(way: WayBack, plan: StepPlan, channels: number, field: LabelField) {
    this.plan = plan;
    this.channels = channels;
    this.field = field;
    this.plane = scorePlane(channels, way.size, plan.decision.op !== 'argmax', plan.activation === 'softmax');
  }

  add(index: number, read: (scores: Float32Array) => void): void {
    const { plane, plan, channels, field } = this;
    plane.index = index;
    read(plane.scores);
    if (plan.decision.op === 'argmax') vote(plane, channels);
    else decide(plane, channels, plan.activation, plan.decision);
    storeStates(field, plane.states, index, plan.decision);
  }
}

/** Puts what was decided of a plane of scores into the labels on the grid of the model, [plane][u][v]. */
export function storeStates(field: LabelField, states: Uint8Array, plane: number, decision: Decision): void {
  const size = field.shape[1] * field.shape[2];
  const labels = field.layers[0]!.subarray(plane * size, (plane + 1) * size);
  if (decision.op === 'argmax') {
    labels.set(states);
    return;
  }
  for (let c = 0; c * size < states.length; c++) {
    const mask = states.subarray(c * size, (c + 1) * size);
    if (decision.op === 'threshold') storeMask(field, c, mask, plane);
    else for (let i = 0; i < size; i++) if (mask[i] === 1) labels[i] = decision.order[c]!;
  }
}

export const modelShape = (way: WayBack): FieldShape => [way.planes, way.u, way.v];

/** Gives every sample of the stored slices the label of the array element nearest to it, none where there is none. */
export function nearestBack(model: LabelField, way: WayBack, source: LabelField): void {
  const { slices, rows, columns, nearest, size } = way;
  for (let slice = 0; slice < slices; slice++) {
    if (nearest.count[slice] === 0) continue;
    const plane = nearest.first[slice]! * size;
    const { ofColumn, ofRow } = way.nearestIn(slice);
    for (const [i, from] of model.layers.entries()) {
      const to = source.layers[i]!;
      for (let row = 0, at = slice * rows * columns; row < rows; row++) {
        const inRow = ofRow[row]!;
        for (let column = 0; column < columns; column++, at++) {
          const element = inRow + ofColumn[column]!;
          if (element >= 0) to[at] = from[plane + element]!;
        }
      }
    }
  }
}
