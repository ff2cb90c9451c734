import { VoxgateError } from '../../errors.ts';
import type { Job, Window } from './job.ts';
import type { JobNetwork } from './job-network.ts';
import { mirrored } from './mirror.ts';
import type { OutputTensor, Runner } from './network.ts';
import { emptyValues } from './tensor-reader.ts';

/**
 * Windows that are run together, whatever jobs they are of: once for each network of the ensemble and each mirroring, and
 * the mean of it. Between two runs another batch may go first.
 */
export class Batch {
  readonly windows: readonly Window[];
  readonly #network: JobNetwork;
  readonly #plan: readonly { readonly network: number; readonly axes: readonly number[] }[];
  #at = 0;
  #sums: OutputTensor[] | undefined;

  constructor(windows: readonly Window[], network: JobNetwork) {
    this.windows = windows;
    this.#network = network;
    const { mirrorings } = windows[0]!.job;
    this.#plan = network.networks.flatMap((_, i) => mirrorings.map((axes) => ({ network: i, axes })));
  }

  /** Of the most urgent of its jobs. */
  get first(): Job {
    return this.windows.map(({ job }) => job).reduce((one, other) => (isSooner(other, one) ? other : one));
  }

  get isWanted(): boolean {
    return this.windows.some(({ job }) => !job.ended);
  }

  /** One run. Whether it was the last. */
  async step(runner: Runner): Promise<boolean> {
    const { request, window } = this.windows[0]!.job;
    const { network, axes } = this.#plan[this.#at]!;
    const last = ++this.#at === this.#plan.length;
    const outputs = await runner.run({
      network: this.#network.networks[network]!,
      input: {
        name: request.input.name,
        type: request.input.type,
        dims: this.#network.dims,
        values: this.#inputs(axes, last),
      },
      outputs: request.outputs,
    });
    this.#take(outputs.map(({ dims, values }) => ({ dims, values: mirrored(values, window, axes) })));
    if (last) this.#answer();
    return last;
  }

  /** [batch][channel][a][b][c]; a batch that is not full is filled up with nothing. */
  #inputs(axes: readonly number[], last: boolean) {
    const [{ values: first, job }] = [this.windows[0]!];
    const { batch } = this.#network;
    if (batch === 1) {
      const values = mirrored(first, job.window, axes);
      // What is given to a run is given away.
      return values === first && !last ? first.slice() : values;
    }
    const values = emptyValues(job.request.input.type, batch * first.length);
    for (const [i, window] of this.windows.entries())
      values.set(mirrored(window.values, job.window, axes), i * first.length);
    return values;
  }

  #take(outputs: OutputTensor[]): void {
    if (!this.#sums) {
      this.#sums = outputs;
      return;
    }
    for (const [i, { dims, values }] of outputs.entries()) {
      const sum = this.#sums[i]!;
      if (dims.join() !== sum.dims.join())
        throw new VoxgateError(
          'bad-model',
          `the networks of the ensemble do not agree: their outputs are ${sum.dims.join('×')} and ${dims.join('×')}`,
        );
      for (let at = 0; at < values.length; at++) sum.values[at] = sum.values[at]! + values[at]!;
    }
  }

  #answer(): void {
    const sums = this.#sums!;
    const runs = this.#plan.length;
    if (runs > 1)
      for (const { values } of sums) for (let at = 0; at < values.length; at++) values[at] = values[at]! / runs;
    const { batch } = this.#network;
    for (const [i, { job, index }] of this.windows.entries())
      job.accept(index, batch === 1 ? sums : sums.map((output) => partOf(output, i, batch)));
  }
}

/** Greater priority first, then who came first. */
export function isSooner(one: Job, other: Job): boolean {
  return one.priority > other.priority || (one.priority === other.priority && one.id < other.id);
}

function partOf({ dims, values }: OutputTensor, i: number, batch: number): OutputTensor {
  if (dims[0] !== batch)
    throw new VoxgateError('bad-model', `${batch} windows were given to the model, its output is ${dims.join('×')}`);
  const length = values.length / batch;
  return { dims: [1, ...dims.slice(1)], values: values.slice(i * length, (i + 1) * length) };
}
