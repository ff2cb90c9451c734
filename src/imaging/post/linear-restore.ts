import type { SliceWindow } from './argmax-slice.ts';
import { ArgmaxSlices } from './argmax-slice.ts';
import { type LabelField, storeMask } from './label-field.ts';
import { decide, MaskSlices } from './mask-slice.ts';
import { type ScorePlane, scorePlane, vote } from './score-plane.ts';
import type { StepPlan } from './step-plan.ts';
import type { WayBack } from './way-back.ts';

/** Scores interpolated on the way back: source slices are made as soon as the planes around them are there. */
export class LinearRestore {
  private readonly way: WayBack;
  private readonly plan: StepPlan;
  private readonly channels: number;
  private readonly field: LabelField;
  private readonly argmax: ArgmaxSlices | undefined;
  private readonly masks: MaskSlices | undefined;
  /** Stored slices in the order in which they can be made, and of the rest the lowest plane that is needed. */
  private readonly order: readonly number[];
  private readonly lowest: Int32Array;
  private made = 0;
  private held: ScorePlane[] = [];
  private readonly spare: ScorePlane[] = [];
  private readonly mask: Uint8Array;

  constructor(way: WayBack, plan: StepPlan, channels: number, field: LabelField) {
    this.way = way;
    this.plan = plan;
    this.channels = channels;
    this.field = field;
    const { decision, activation } = plan;
    if (decision.op === 'argmax') this.argmax = new ArgmaxSlices(channels, way.size, activation);
    else this.masks = new MaskSlices(way.size, activation, decision);
    this.mask = new Uint8Array(way.rows * way.columns);
    const { first, count } = way.linear;
    const last = (slice: number): number => first[slice]! + count[slice]! - 1;
    this.order = Array.from(first.keys())
      .filter((slice) => count[slice]! > 0)
      .sort((a, b) => last(a) - last(b) || a - b);
    this.lowest = new Int32Array(this.order.length + 1).fill(way.planes);
    for (let i = this.order.length - 1; i >= 0; i--) {
      this.lowest[i] = Math.min(this.lowest[i + 1]!, first[this.order[i]!]!);
    }
  }

  /** Takes the next plane; `read` fills in its scores, [channel][u][v]. Returns it for those who look at its states. */
  add(index: number, read: (scores: Float32Array) => void): ScorePlane {
    const { plan, channels, way } = this;
    const masks = plan.decision.op !== 'argmax';
    const plane = this.spare.pop() ?? scorePlane(channels, way.size, masks, plan.activation === 'softmax');
    plane.index = index;
    plane.logSum.fill(Number.NaN);
    read(plane.scores);
    if (plan.decision.op === 'argmax') vote(plane, channels);
    else decide(plane, channels, plan.activation, plan.decision);
    this.held.push(plane);
    const { first, count } = way.linear;
    for (; this.made < this.order.length; this.made++) {
      const slice = this.order[this.made]!;
      if (first[slice]! + count[slice]! - 1 > index) break;
      this.make(slice);
    }
    const needed = this.lowest[this.made]!;
    this.spare.push(...this.held.filter((candidate) => candidate.index < needed));
    this.held = this.held.filter((candidate) => candidate.index >= needed);
    return plane;
  }

  private make(slice: number): void {
    const { way, plan, field, mask } = this;
    const { first, count, offset, weights } = way.linear;
    const window: SliceWindow = {
      planes: Array.from({ length: count[slice]! }, (_, t) => this.planeAt(first[slice]! + t)),
      weights: Array.from(weights.subarray(offset[slice]!, offset[slice]! + count[slice]!)),
    };
    const inPlane = way.linearIn(slice);
    const labels = field.layers[0]!.subarray(slice * mask.length, (slice + 1) * mask.length);
    if (this.argmax) {
      this.argmax.restore(window, inPlane, labels);
      return;
    }
    for (let c = 0; c < this.channels; c++) {
      this.masks!.restore(c, window, inPlane, mask);
      if (plan.decision.op !== 'paint-regions') {
        storeMask(field, c, mask, slice);
        continue;
      }
      const label = plan.decision.order[c]!;
      for (let i = 0; i < mask.length; i++) if (mask[i] === 1) labels[i] = label;
    }
  }

  private planeAt(index: number): ScorePlane {
    const plane = this.held.find((candidate) => candidate.index === index);
    if (plane === undefined) throw new Error(`plane ${index} of the scores is not held`);
    return plane;
  }
}
