import { sentenceOf, VoxgateError } from '../errors.ts';
import { ModelSteps } from './model-steps.ts';
import type { VolumeReply, VolumeResults, VolumeStep } from './volume-messages.ts';

/**
 * The process that holds the volumes of one analysis and does the arithmetic on them, so that the main process never does
 * any. It is forked by `openSlots` of volume-client.ts, answers one step after the other, and goes when its parent does.
 */
const steps = new ModelSteps();
let turn: Promise<unknown> = Promise.resolve();

process.on('message', (step: VolumeStep) => {
  turn = turn.then(() => answer(step)).then((reply) => process.send?.(reply));
});
process.on('disconnect', () => process.exit(0));

async function answer(step: VolumeStep): Promise<VolumeReply> {
  try {
    return { ok: true, result: await perform(step) };
  } catch (error) {
    return { ok: false, code: error instanceof VoxgateError ? error.code : undefined, message: sentenceOf(error) };
  }
}

async function perform(step: VolumeStep): Promise<VolumeResults[VolumeStep['step']]> {
  switch (step.step) {
    case 'open':
      return steps.open(step.argument.slots);
    case 'prepare':
      return steps.prepare(step.argument);
    case 'begin-restore':
      return steps.beginRestore(step.argument);
    case 'slab':
      return steps.slab(step.argument);
    case 'finish':
      return steps.finish();
    case 'place-boxes':
      return steps.placeBoxes(step.argument.boxes);
  }
}
