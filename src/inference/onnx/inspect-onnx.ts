import { fork } from 'node:child_process';
import { VoxgateError } from '../../errors.ts';
import { spawnable } from '../../spawnable.ts';
import type { OnnxAnswer, OnnxQuestion } from './onnx-facts.ts';

/** A graph of a hundred thousand nodes takes a second. */
const DEADLINE_MS = 60_000;
const HEAP_MB = 256;

/**
 * What the files of networks say of themselves, read in a process of its own; one answer a question, in order.
 * @throws VoxgateError bad-model when the process ends or takes too long over them
 */
export function inspectOnnx(questions: readonly OnnxQuestion[]): Promise<readonly OnnxAnswer[]> {
  if (questions.length === 0) return Promise.resolve([]);
  const child = fork(spawnable(import.meta.url, './inspect-process.ts'), [], {
    serialization: 'advanced',
    execArgv: [`--max-old-space-size=${HEAP_MB}`],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new VoxgateError('bad-model', `the networks could not be read: ${why}`));
    };
    const timer = setTimeout(() => fail(`it took more than ${DEADLINE_MS / 1000} s`), DEADLINE_MS);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code, signal) => fail(`the process ended (${signal ?? `exit code ${code}`})`));
    child.once('message', (answers: readonly OnnxAnswer[]) => {
      clearTimeout(timer);
      resolve(answers);
    });
    child.send([...questions], (error) => error && fail(error.message));
  });
}
