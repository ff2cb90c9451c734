import { Worker } from 'node:worker_threads';
import { VoxgateError } from '../../errors.ts';
import { spawnable } from '../../spawnable.ts';
import type { NetworkCall, NetworkRef, NetworkShape, OutputTensor, Runner } from './network.ts';
import type { FromThread, ToThread } from './runner-messages.ts';

type Reply = Exclude<FromThread, { kind: 'ready' }>;

/** A thread with ONNX Runtime, seen from the lane's loop. It is never ended: with a run under way that would abort all. */
export class ThreadRunner implements Runner {
  readonly #thread = new Worker(spawnable(import.meta.url, './runner-thread.ts'));
  readonly #waiting = new Map<number, (reply: Reply) => void>();
  readonly ready: Promise<void>;
  #calls = 0;

  constructor() {
    this.ready = new Promise((resolve, reject) => {
      this.#thread.once('error', reject);
      this.#thread.on('message', (reply: FromThread) => {
        if (reply.kind === 'ready') return resolve();
        this.#waiting.get(reply.id)?.(reply);
        this.#waiting.delete(reply.id);
      });
    });
  }

  async describe(network: NetworkRef): Promise<NetworkShape> {
    const reply = await this.#ask({ kind: 'describe', id: ++this.#calls, network });
    if (reply.kind !== 'shape') throw failureOf(reply);
    return reply.shape;
  }

  async run(call: NetworkCall): Promise<readonly OutputTensor[]> {
    const reply = await this.#ask({ kind: 'run', id: ++this.#calls, call }, [call.input.values.buffer]);
    if (reply.kind !== 'outputs') throw failureOf(reply);
    return reply.outputs;
  }

  #ask(asked: ToThread, transfer: ArrayBuffer[] = []): Promise<Reply> {
    return new Promise((resolve) => {
      this.#waiting.set(asked.id, resolve);
      this.#thread.postMessage(asked, transfer);
    });
  }
}

function failureOf(reply: Reply): VoxgateError {
  return reply.kind === 'failed'
    ? new VoxgateError(reply.code, reply.reason)
    : new VoxgateError('inference-failed', `the thread of the model answered ${reply.kind}`);
}
