import { VoxgateError } from '../../errors.ts';
import type { Triple } from '../../imaging/transforms/steps.ts';
import type { InferenceRequest, InferenceResult, Slab } from '../engine.ts';
import { Clock } from './clock.ts';
import { type Collector, WholeCollector, WindowCollector } from './collectors.ts';
import { ConstantAnswers, constantName, isBelow } from './constant-windows.ts';
import { toFloat16 } from './float16.ts';
import { type JobNetwork, openNetwork, type Runners } from './job-network.ts';
import type { LaneShape } from './messages.ts';
import { mirrorings } from './mirror.ts';
import type { InputValues, OutputTensor } from './network.ts';
import { emptyValues, TensorReader } from './tensor-reader.ts';
import { layWindows } from './window-grid.ts';

/** More than this is a wrong window, not a large image. */
const MOST_WINDOWS = 100_000;

/** A window that must be run. */
export interface Window {
  readonly job: Job;
  readonly index: number;
  /** [channel][a][b][c] */
  readonly values: InputValues;
}

export interface JobEnds {
  slab(slab: Slab): void;
  done(result: InferenceResult): void;
  failed(error: unknown): void;
  /** It has windows to run again. */
  stirred(): void;
  /** It has had its time. */
  overdue(reason: string): void;
}

/** One request in the lane: gives out its windows, takes their answers in any order and adds them up in theirs. */
export class Job {
  readonly id: number;
  readonly request: InferenceRequest;
  readonly priority: number;
  readonly mirrorings: readonly (readonly number[])[];
  readonly #ends: JobEnds;
  readonly #starts: readonly Triple[];
  readonly #reader: TensorReader;
  readonly #collector: Collector;
  readonly #constants = new ConstantAnswers();
  readonly #constantOf = new Map<number, string>();
  /** Answers whose turn to be added has not come. */
  readonly #answers = new Map<number, readonly OutputTensor[]>();
  readonly window: Triple;
  readonly clock: Clock;
  #network: JobNetwork | undefined;
  #next = 0;
  #added = 0;
  #adding = false;
  #run = 0;
  #skipped = 0;
  #began = 0;
  ended = false;

  /** @throws VoxgateError bad-model, inference-failed */
  constructor(id: number, request: InferenceRequest, ends: JobEnds) {
    this.id = id;
    this.request = request;
    this.priority = request.priority;
    this.#ends = ends;
    const { timeoutSeconds } = request.model.engine;
    this.clock = new Clock(timeoutSeconds * 1000, () => ends.overdue(`no result within ${timeoutSeconds} s`));
    const { channels, image } = imageOf(request);
    const { window: spec, slabAxis = 0 } = request;
    const grid = layWindows(image, spec ?? { roi: image, overlap: 0, grid: 'monai' });
    this.window = grid.roi;
    this.mirrorings = mirrorings(spec?.mirrorAxes ?? []);
    this.#starts = startsBy(grid.starts, slabAxis);
    this.#collector = spec
      ? new WindowCollector(request, spec, grid, this.#starts, ends.slab)
      : new WholeCollector(request, image, ends.slab);
    this.#reader = new TensorReader(request.input.tensor.path, channels, image, request.input.type);
  }

  get network(): JobNetwork | undefined {
    return this.#network;
  }

  /** Must be done first, by a runner. */
  async open(runners: Runners, shape: LaneShape): Promise<void> {
    this.#began = performance.now();
    this.clock.start();
    try {
      const { channels } = this.#reader;
      this.#network = await openNetwork(this.request, this.window, channels, this.#starts.length, runners, shape);
    } finally {
      this.clock.stop();
    }
  }

  /** Whether `nextWindow` may have one. */
  get hasWindow(): boolean {
    if (this.ended || !this.#network || this.#next >= this.#starts.length) return false;
    return this.#next - this.#added < this.#network.ahead;
  }

  /** The next window that must be run; those whose answer is known are answered on the way. */
  nextWindow(): Window | undefined {
    const voxels = this.window[0] * this.window[1] * this.window[2];
    while (this.hasWindow) {
      const index = this.#next++;
      const values = emptyValues(this.request.input.type, this.#reader.channels * voxels);
      this.#reader.cut(this.#starts[index]!, this.window, this.request.window?.padding ?? 0, values, 0);
      if (!this.request.window || !this.#answerKnown(index, values, voxels)) return { job: this, index, values };
    }
    return undefined;
  }

  /** The answer for a window of `nextWindow`. */
  accept(index: number, outputs: readonly OutputTensor[]): void {
    if (this.ended) return;
    this.#run++;
    const name = this.#constantOf.get(index);
    if (name !== undefined) this.#constants.found(name, outputs);
    this.#answers.set(index, outputs);
    void this.#add();
  }

  consumed(): void {
    this.#collector.consumed();
  }

  fail(error: unknown): void {
    if (this.ended) return;
    this.#end();
    this.#ends.failed(error);
  }

  /** Nobody wants it any more. */
  cancel(): void {
    if (!this.ended) this.#end();
  }

  #end(): void {
    this.ended = true;
    this.#answers.clear();
    this.#reader.close();
    if (!this.#adding) this.#collector.close();
  }

  /** A window with one value throughout has the answer of any other such window; air (`skipBelow`) that of its value. */
  #answerKnown(index: number, values: InputValues, voxels: number): boolean {
    const below = this.request.window?.skipBelow;
    if (below !== undefined && isBelow(values, below))
      values.fill(values instanceof Uint16Array ? toFloat16(below) : below);
    const name = constantName(values, 0, this.#reader.channels, voxels);
    if (name === undefined) return false;
    const answered = (outputs: readonly OutputTensor[]) => {
      this.#skipped++;
      this.#answers.set(index, outputs);
      void this.#add();
    };
    const known = this.#constants.get(name);
    if (known) answered(known);
    else if (!this.#constants.wait(name, answered)) {
      this.#constants.seek(name);
      this.#constantOf.set(index, name);
      return false;
    }
    return true;
  }

  async #add(): Promise<void> {
    if (this.#adding) return;
    this.#adding = true;
    try {
      for (let outputs = this.#answers.get(this.#added); outputs; outputs = this.#answers.get(this.#added)) {
        this.#answers.delete(this.#added);
        await this.#collector.add(this.#added, outputs);
        if (this.ended) return;
        this.#added++;
        this.#ends.stirred();
      }
      if (this.#added === this.#starts.length) this.#finish();
    } catch (error) {
      this.fail(error);
    } finally {
      this.#adding = false;
      if (this.ended) this.#collector.close();
    }
  }

  #finish(): void {
    const result: InferenceResult = {
      outputs: this.#collector.outputs(),
      provider: this.#network!.provider,
      milliseconds: performance.now() - this.#began,
      windows: this.#run,
      skipped: this.#skipped,
    };
    this.#end();
    this.#ends.done(result);
  }
}

/** Three spatial axes, the first of length 1 where the tensor has two. */
function imageOf({ input }: InferenceRequest): { channels: number; image: Triple } {
  const { shape } = input.tensor;
  const [one, channels, ...spatial] = shape;
  const [c, b, a = 1] = spatial.toReversed();
  const lengths = [channels, a, b, c];
  if (
    one !== 1 ||
    shape.length < 4 ||
    shape.length > 5 ||
    !lengths.every((length) => Number.isInteger(length) && length! > 0)
  )
    throw new VoxgateError(
      'inference-failed',
      `the input tensor is ${shape.join('×')}; 1×channels×(depth×)rows×columns is needed`,
    );
  return { channels: channels!, image: [a, b!, c!] };
}

/** All windows, so that planes across the slab axis are finished early. */
function startsBy(
  starts: readonly [readonly number[], readonly number[], readonly number[]],
  slabAxis: 0 | 1 | 2,
): Triple[] {
  const count = starts.reduce((product, { length }) => product * length, 1);
  if (count > MOST_WINDOWS)
    throw new VoxgateError('bad-model', `the image would take ${count} windows; at most ${MOST_WINDOWS} are run`);
  const all = starts[0].flatMap((a) => starts[1].flatMap((b) => starts[2].map((c): Triple => [a, b, c])));
  return all.sort((one, other) => one[slabAxis] - other[slabAxis]);
}
