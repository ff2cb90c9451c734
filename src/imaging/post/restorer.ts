import { VoxgateError } from '../../errors.ts';
import { voxelMillilitres } from '../grid.ts';
import type { PackedFrames } from '../packed-frames.ts';
import type { Segment } from '../segment.ts';
import type { Preparation } from '../transforms/preparation.ts';
import type { PostStep } from '../transforms/steps.ts';
import type { Volume } from '../volume.ts';
import { storedMillilitres } from '../volume-planes.ts';
import { applyComponentStep } from './component-steps.ts';
import { sumClasses } from './field-sums.ts';
import { determinant, proveGeometry } from './geometry-proof.ts';
import { emptyField, type LabelField } from './label-field.ts';
import { LinearRestore } from './linear-restore.ts';
import { type MeasurementName, measureLabels, type SegmentMeasurement } from './measure-labels.ts';
import { ModelLabels, modelShape, nearestBack, storeStates } from './nearest-restore.ts';
import { packLabels } from './pack-labels.ts';
import { type Decision, planSteps, type StepPlan } from './step-plan.ts';
import { type WayBack, wayBack } from './way-back.ts';

export { slabAxisOf } from './way-back.ts';

/** What a model says of its scores, and what is wanted of them. */
export interface RestorerRequest {
  readonly postprocess: readonly PostStep[];
  /** Channels of the scores. */
  readonly classes: number;
  /** class-scores: class 0 is the background. region-scores: each channel on its own. */
  readonly kind: 'class-scores' | 'region-scores';
  /** `class` is a channel; after paint-regions the label that was painted. */
  readonly segments: readonly Segment[];
  readonly measurements: readonly MeasurementName[];
}

export interface Restored extends PackedFrames {
  /** Of segments that were found, by their number. */
  readonly measurements: readonly SegmentMeasurement[];
}

/**
 * Scores on the grid of the model, in planes, to labels on the stored slices of `volume`, measured.
 *
 * Planes ascend along the slab axis of the preparation: the array axis that runs along the slices of the source. What is
 * held is the labels, one byte a voxel, and the few planes of scores that a slice is made of.
 */
export class Restorer {
  private readonly volume: Volume;
  private readonly preparation: Preparation;
  private readonly request: RestorerRequest;
  private readonly plan: StepPlan;
  private readonly way: WayBack;
  private readonly source: LabelField;
  /** What was decided on the grid of the model: where results are held against, and what labels are taken from. */
  private readonly model: LabelField;
  private readonly take: (index: number, read: (scores: Float32Array) => void) => void;
  private planes = 0;

  /** @throws VoxgateError bad-model where the steps make no sense, or the segments name classes that are not there */
  constructor(volume: Volume, preparation: Preparation, request: RestorerRequest) {
    this.volume = volume;
    this.preparation = preparation;
    this.request = request;
    this.plan = planSteps(request.postprocess, request.classes);
    checkClasses(request, this.plan.decision);
    this.way = wayBack(volume, preparation);
    const { way, plan } = this;
    const kind = plan.decision.op === 'threshold' ? 'masks' : 'labels';
    this.source = emptyField([way.slices, way.rows, way.columns], kind, request.classes);
    this.model = emptyField(modelShape(way), kind, request.classes);
    const { model } = this;
    if (plan.invert === 'scores') {
      const linear = new LinearRestore(way, plan, request.classes, this.source);
      this.take = (index, read) => storeStates(model, linear.add(index, read).states, index, plan.decision);
    } else {
      const labels = new ModelLabels(way, plan, request.classes, model);
      this.take = (index, read) => labels.add(index, read);
    }
  }

  /**
   * Takes the next planes: float32 [plane][channel][u][v], u and v the two other array axes in order. The array may be
   * used again afterwards.
   *
   * @throws VoxgateError inference-failed where they are not the next, not of the right length, or no numbers
   */
  addSlab(values: Float32Array, firstPlane: number, planes: number): void {
    const length = this.request.classes * this.way.size;
    if (values.length !== planes * length) {
      throw new VoxgateError(
        'inference-failed',
        `${planes} planes of scores hold ${values.length} numbers where ${planes * length} are expected.`,
      );
    }
    this.readSlab(firstPlane, planes, (plane, scores) => {
      const at = (plane - firstPlane) * length;
      scores.set(values.subarray(at, at + length));
    });
  }

  /** As `addSlab`, one plane at a time: `read` fills in the scores [channel][u][v] of a plane. */
  readSlab(firstPlane: number, planes: number, read: (plane: number, scores: Float32Array) => void): void {
    if (firstPlane !== this.planes || firstPlane + planes > this.way.planes) {
      throw new VoxgateError(
        'inference-failed',
        `Planes ${firstPlane} to ${firstPlane + planes - 1} of the scores came where plane ${this.planes} of ${this.way.planes} was due.`,
      );
    }
    for (; this.planes < firstPlane + planes; this.planes++) {
      const plane = this.planes;
      this.take(plane, (scores) => read(plane, scores));
    }
  }

  /**
   * @throws VoxgateError inference-failed where planes are missing; bad-result where labels do not lie in the patient where
   * the scores did
   */
  finish(): Restored {
    const { way, plan, source, volume, request } = this;
    if (this.planes !== way.planes) {
      throw new VoxgateError('inference-failed', `Of ${way.planes} planes of scores ${this.planes} came.`);
    }
    if (plan.invert === 'labels') this.fromModelLabels();
    const segments = request.segments.map((segment) => segment.class);
    const before = sumClasses(source, segments, volume);
    proveGeometry(
      request.segments,
      { labels: this.model, way },
      { labels: source, sums: before },
      this.preparation,
      volume,
    );
    const facts = { classes: this.foreground(), millilitres: (slice: number) => storedMillilitres(volume, slice) };
    for (const step of plan.onSource) applyComponentStep(source, step, facts);
    const sums = plan.onSource.length > 0 ? sumClasses(source, segments, volume) : before;
    return {
      ...packLabels(source, request.segments, sums),
      measurements: measureLabels(source, request.segments, sums, volume, request.measurements),
    };
  }

  private fromModelLabels(): void {
    const millilitres = this.modelMillilitres();
    const facts = { classes: this.foreground(), millilitres: () => millilitres };
    for (const step of this.plan.onModel) applyComponentStep(this.model, step, facts);
    nearestBack(this.model, this.way, this.source);
  }

  private modelMillilitres(): number {
    const exact = Math.abs(determinant(this.preparation.affine)) / 1000;
    return exact > 0 ? exact : voxelMillilitres(this.volume.grid);
  }

  /** Every class but the background. */
  private foreground(): number[] {
    const { decision } = this.plan;
    if (decision.op === 'paint-regions') return [...new Set(decision.order)].sort((a, b) => a - b);
    const all = Array.from({ length: this.request.classes }, (_, c) => c);
    return this.request.kind === 'class-scores' ? all.slice(1) : all;
  }
}

function checkClasses({ classes, kind, segments }: RestorerRequest, decision: Decision): void {
  if (decision.op === 'argmax' && kind === 'region-scores') {
    throw new VoxgateError(
      'bad-model',
      'Regions have no background to be compared with: "argmax" cannot decide on them.',
    );
  }
  const named = (c: number): boolean => {
    if (decision.op === 'paint-regions') return decision.order.includes(c);
    return c >= (decision.op === 'argmax' ? 1 : 0) && c < classes;
  };
  const unknown = segments.find((segment) => !named(segment.class));
  if (unknown) {
    throw new VoxgateError(
      'bad-model',
      `Segment ${unknown.number} is class ${unknown.class}, which a model with ${classes} classes does not find.`,
    );
  }
}
