import { sentenceOf } from '../../errors.ts';
import type { OnnxAnswer, OnnxQuestion } from './onnx-facts.ts';
import { readOnnx } from './read-onnx.ts';

/** Reads files that others made: apart, where neither its time nor its memory is that of the doors. */
process.on('message', (questions: readonly OnnxQuestion[]) => {
  process.send?.(questions.map(answer), () => process.disconnect());
});
process.on('disconnect', () => process.exit(0));

function answer(question: OnnxQuestion): OnnxAnswer {
  try {
    return { ok: true, facts: readOnnx(question) };
  } catch (error) {
    return { ok: false, reason: sentenceOf(error) };
  }
}
