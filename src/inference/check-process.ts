import { sentenceOf } from '../errors.ts';
import type { CheckReply, CheckResults, CheckTask } from './check-messages.ts';
import { compareGolden, unpackGolden } from './golden-tensor.ts';
import type { OnnxAnswer, OnnxQuestion } from './onnx/onnx-facts.ts';
import { readOnnx } from './onnx/read-onnx.ts';

/** Reads files that others made: apart, where neither its time nor its memory is that of the doors. */
process.once('message', (task: CheckTask) => {
  void answer(task).then((reply) => process.send?.(reply, () => process.disconnect()));
});
process.once('disconnect', () => process.exit(0));

async function answer(task: CheckTask): Promise<CheckReply> {
  try {
    return { ok: true, result: await perform(task) };
  } catch (error) {
    return { ok: false, reason: sentenceOf(error) };
  }
}

async function perform(task: CheckTask): Promise<CheckResults[CheckTask['task']]> {
  switch (task.task) {
    case 'inspect':
      return task.argument.map(inspect);
    case 'unpack':
      return unpackGolden(task.argument.tensor, task.argument.type, task.argument.to);
    case 'compare':
      return compareGolden(task.argument.tensor, task.argument.found);
  }
}

/** A file that is no network hides no other. */
function inspect(question: OnnxQuestion): OnnxAnswer {
  try {
    return { ok: true, facts: readOnnx(question) };
  } catch (error) {
    return { ok: false, reason: sentenceOf(error) };
  }
}
