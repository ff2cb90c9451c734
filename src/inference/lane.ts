import { type ChildProcess, fork } from 'node:child_process';
import { VoxgateError } from '../errors.ts';
import { spawnable } from '../spawnable.ts';
import type { LaneReply, LaneRequest } from './lane-protocol.ts';

export interface LaneResult {
  readonly shape: readonly number[];
  /** The execution provider that did run: never another one than asked for. */
  readonly provider: string;
  readonly milliseconds: number;
}

/**
 * One inference lane: a child process with ONNX Runtime that runs one request at a time. On timeout, or when it dies,
 * it is killed and the next request starts a new one.
 */
export class Lane {
  #child: ChildProcess | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;

  /** Runs when those before it have. @throws VoxgateError inference-failed with the reason */
  run(request: LaneRequest, timeoutMs: number): Promise<LaneResult> {
    const result = this.#turn.then(() => this.#run(request, timeoutMs));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Ends the run under way, and those that wait. */
  close(): void {
    this.#closed = true;
    this.#child?.kill('SIGKILL');
    this.#child = undefined;
  }

  #run(request: LaneRequest, timeoutMs: number): Promise<LaneResult> {
    if (this.#closed) return Promise.reject(new VoxgateError('inference-failed', 'the lane is closed'));
    this.#child ??= this.#start();
    const child = this.#child;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => fail(`no result within ${timeoutMs / 1000} s; the lane was ended`), timeoutMs);
      const onExit = (code: number | null, signal: string | null) =>
        fail(`the lane's process ended (${signal ?? `exit code ${code}`})`);
      const onError = (error: Error) => fail(`the lane cannot be reached: ${error.message}`);
      const onMessage = (reply: LaneReply) => {
        settle();
        if (reply.kind === 'done') resolve(reply);
        else reject(new VoxgateError('inference-failed', `the model failed: ${reply.reason}`));
      };
      const settle = () => {
        clearTimeout(timer);
        child.off('exit', onExit).off('error', onError).off('message', onMessage);
      };
      const fail = (reason: string) => {
        settle();
        child.kill('SIGKILL');
        this.#forget(child);
        reject(new VoxgateError('inference-failed', reason));
      };
      child.once('exit', onExit).once('error', onError).once('message', onMessage);
      child.send(request, (error) => {
        if (error) onError(error);
      });
    });
  }

  #start(): ChildProcess {
    const child = fork(spawnable(import.meta.url, './lane-process.ts'), [], {
      serialization: 'advanced',
      execArgv: [],
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    // One that dies between two runs is not the next run's concern.
    child.once('exit', () => this.#forget(child));
    child.on('error', () => this.#forget(child));
    return child;
  }

  #forget(child: ChildProcess): void {
    if (this.#child === child) this.#child = undefined;
  }
}
