import { fork } from 'node:child_process';
import { VoxgateError } from '../errors.ts';
import { spawnable } from '../spawnable.ts';
import type { CheckReply, CheckResults, CheckTask, Difference, PackedTensor } from './check-messages.ts';
import type { OnnxAnswer, OnnxQuestion } from './onnx/onnx-facts.ts';

/** A graph of a hundred thousand nodes takes a second, a golden pair of a gigabyte half a minute. */
const DEADLINE_MS = 120_000;
const HEAP_MB = 256;

/** What the files of networks say of themselves: one answer a question, in order. @throws VoxgateError bad-model */
export async function inspectOnnx(questions: readonly OnnxQuestion[]): Promise<readonly OnnxAnswer[]> {
  return questions.length === 0 ? [] : ask<'inspect'>({ task: 'inspect', argument: questions });
}

/** Writes a golden tensor to `to` as an engine takes it. @throws VoxgateError bad-model where it has not its shape */
export function unpackGolden(tensor: PackedTensor, type: 'float32' | 'float16', to: string): Promise<undefined> {
  return ask<'unpack'>({ task: 'unpack', argument: { tensor, type, to } });
}

/** Holds raw float32 at `found` against a golden tensor. @throws VoxgateError bad-model where it has not its shape */
export function compareGolden(tensor: PackedTensor, found: string): Promise<Difference> {
  return ask<'compare'>({ task: 'compare', argument: { tensor, found } });
}

/** One process a question: what hangs or grows over a hostile file ends with it. */
function ask<T extends CheckTask['task']>(task: Extract<CheckTask, { task: T }>): Promise<CheckResults[T]> {
  const child = fork(spawnable(import.meta.url, './check-process.ts'), [], {
    serialization: 'advanced',
    execArgv: [`--max-old-space-size=${HEAP_MB}`],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  return new Promise((resolve, reject) => {
    const fail = (why: string): void => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new VoxgateError('bad-model', `the files of the package could not be read: ${why}`));
    };
    const timer = setTimeout(() => fail(`it took more than ${DEADLINE_MS / 1000} s`), DEADLINE_MS);
    child.on('error', (error) => fail(error.message));
    child.once('exit', (code, signal) => fail(`the process ended (${signal ?? `exit code ${code}`})`));
    child.once('message', (reply: CheckReply<T>) => {
      clearTimeout(timer);
      if (reply.ok) resolve(reply.result);
      else reject(new VoxgateError('bad-model', reply.reason));
    });
    child.send(task, (error) => error && fail(error.message));
  });
}
