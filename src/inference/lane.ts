import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { VoxgateError } from '../errors.ts';
import { spawnable } from '../spawnable.ts';
import type { LaneReply, LaneRequest } from './lane-protocol.ts';

export interface LaneResult {
  readonly shape: readonly number[];
  /** The execution provider that did run: never another one than asked for. */
  readonly provider: string;
  readonly milliseconds: number;
}

/** Loading ONNX Runtime takes about 0.2 s; a probe does not wait for ever. */
const READY_MS = 3000;

/**
 * One inference lane: a child process with ONNX Runtime that runs one request at a time. On timeout, or when it dies,
 * it is killed and the next request starts a new one.
 */
export class Lane {
  #child: ChildProcess | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #closed = false;
  /** Processes that have said that they are ready: the first thing each says. */
  readonly #loaded = new WeakSet<ChildProcess>();

  /** Runs when those before it have. @throws VoxgateError inference-failed with the reason */
  run(request: LaneRequest, timeoutMs: number): Promise<LaneResult> {
    const result = this.#turn.then(() => this.#run(request, timeoutMs));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  /** Whether a process with ONNX Runtime is there; one that is not is started, and waited for this long. */
  async ready(patienceMs = READY_MS): Promise<boolean> {
    if (this.#closed) return false;
    this.#child ??= this.#start();
    const child = this.#child;
    if (this.#loaded.has(child)) return true;
    return Promise.race([
      once(child, 'message').then(
        () => true,
        () => false,
      ),
      once(child, 'exit').then(
        () => false,
        () => false,
      ),
      sleep(patienceMs, false, { ref: false }),
    ]);
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
        if (reply.kind === 'ready') return;
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
      child.once('exit', onExit).once('error', onError).on('message', onMessage);
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
    child.once('message', () => this.#loaded.add(child));
    // One that dies between two runs is not the next run's concern.
    child.once('exit', () => this.#forget(child));
    child.on('error', () => this.#forget(child));
    return child;
  }

  #forget(child: ChildProcess): void {
    if (this.#child === child) this.#child = undefined;
  }
}
