import { VoxgateError } from '../../errors.ts';
import type { PostStep } from '../transforms/steps.ts';
import type { Threshold } from './mask-slice.ts';
import type { Activation } from './score-plane.ts';

export type ComponentStep = Extract<PostStep, { op: 'keep-largest-component' | 'fill-holes' | 'remove-small' }>;

/** How labels are made of scores: one label a voxel, masks that may overlap, or masks painted over each other. */
export type Decision =
  | { readonly op: 'argmax' }
  | ({ readonly op: 'threshold' } & Threshold)
  | ({ readonly op: 'paint-regions'; readonly order: readonly number[] } & Threshold);

/** A list of post-processing steps, understood. */
export interface StepPlan {
  /** Before the decision. After an inversion it is not named: the decision is put in terms of the scores themselves. */
  readonly activation: Activation;
  readonly decision: Decision;
  /** Scores interpolated on the way back, or labels that were decided on before it. */
  readonly invert: 'scores' | 'labels';
  /** On labels, on the grid of the model and on that of the source. */
  readonly onModel: readonly ComponentStep[];
  readonly onSource: readonly ComponentStep[];
}

/**
 * @throws VoxgateError bad-model where the steps do not lead from scores to labels on the source grid, or in a way that
 * would mix labels
 */
export function planSteps(steps: readonly PostStep[], channels: number): StepPlan {
  const inverts = steps.filter((step) => step.op === 'invert');
  if (inverts.length !== 1) refuse(`"invert" is there ${inverts.length} times; it has to be there once`);
  const decisions = steps.filter(isDecision);
  if (decisions.length !== 1) {
    refuse(`one of "argmax", "threshold" and "paint-regions" has to be there once, and ${decisions.length} are`);
  }
  const invert = steps.findIndex((step) => step.op === 'invert');
  const decided = steps.findIndex(isDecision);
  for (const [i, step] of steps.entries()) {
    if (isComponentStep(step) && i < decided)
      refuse(`"${step.op}" works on labels and stands before "${decisions[0]!.op}"`);
    if (isActivation(step) && i > decided)
      refuse(`"${step.op}" works on scores and stands after "${decisions[0]!.op}"`);
  }
  const activations = steps.filter(isActivation);
  if (activations.length > 1) refuse(`${activations.map(({ op }) => `"${op}"`).join(' and ')} do not go together`);
  const nearest = inverts[0]!.mode === 'nearest';
  if (!nearest && decided < invert)
    refuse('labels cannot be interpolated: "invert" has to be "nearest" after a decision');

  const activation = activations[0]?.op ?? 'none';
  const after = activations.length > 0 && steps.findIndex(isActivation) > invert && !nearest;
  return {
    ...(after
      ? afterwards(activation, decisionOf(decisions[0]!, channels))
      : { activation, decision: decisionOf(decisions[0]!, channels) }),
    // A decision is made voxel by voxel: before nearest neighbours are taken or after, it is the same.
    invert: nearest ? 'labels' : 'scores',
    onModel: steps.slice(0, invert).filter(isComponentStep),
    onSource: steps.slice(invert + 1).filter(isComponentStep),
  };
}

/** An activation of interpolated scores: it does not change which is the highest, and a threshold can be put before it. */
function afterwards(activation: Activation, decision: Decision): Pick<StepPlan, 'activation' | 'decision'> {
  if (decision.op === 'argmax' || activation === 'none') return { activation: 'none', decision };
  if (activation === 'softmax')
    refuse(`"softmax" between "invert" and "${decision.op}" is not supported; put it before "invert"`);
  if (!(decision.at > 0 && decision.at < 1)) refuse(`a threshold of ${decision.at} after "sigmoid" decides nothing`);
  return { activation: 'none', decision: { ...decision, at: Math.log(decision.at / (1 - decision.at)) } };
}

function decisionOf(step: Extract<PostStep, { op: Decision['op'] }>, channels: number): Decision {
  switch (step.op) {
    case 'argmax':
      if (!(channels >= 2 && channels <= 255)) refuse(`"argmax" needs 2 to 255 classes, not ${channels}`);
      return step;
    case 'threshold':
      return step;
    case 'paint-regions':
      if (step.order.length !== channels || step.order.some((label) => !(label >= 1 && label <= 254))) {
        refuse(`"paint-regions" needs a label (1 to 254) for each of the ${channels} channels`);
      }
      return { ...step, strict: true };
  }
}

const isActivation = (step: PostStep): step is Extract<PostStep, { op: 'softmax' | 'sigmoid' }> =>
  step.op === 'softmax' || step.op === 'sigmoid';

const isDecision = (step: PostStep): step is Extract<PostStep, { op: Decision['op'] }> =>
  step.op === 'argmax' || step.op === 'threshold' || step.op === 'paint-regions';

const isComponentStep = (step: PostStep): step is ComponentStep =>
  step.op === 'keep-largest-component' || step.op === 'fill-holes' || step.op === 'remove-small';

function refuse(why: string): never {
  throw new VoxgateError('bad-model', `The post-processing steps make no sense: ${why}.`);
}
