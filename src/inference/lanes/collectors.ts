import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { VoxgateError } from '../../errors.ts';
import type { Triple } from '../../imaging/transforms/steps.ts';
import type { InferenceRequest, InferenceResult, Slab } from '../engine.ts';
import type { WindowSpec } from '../model-manifest.ts';
import { blendWeights } from './blend-weights.ts';
import type { OutputTensor } from './network.ts';
import { PlaneSums } from './plane-sums.ts';
import { bytesOf, type PlaneSink, SlabSender, WholeFile } from './slab-sender.ts';
import { WholePlanes } from './whole-planes.ts';
import type { WindowGrid } from './window-grid.ts';

type Outputs = InferenceResult['outputs'];

/** What becomes of the answers of one job: given in the order of its windows, the next when the promise is kept. */
export interface Collector {
  add(index: number, outputs: readonly OutputTensor[]): Promise<void>;
  outputs(): Outputs;
  /** The reader of the slabs has done with one. */
  consumed(): void;
  close(): void;
}

/** One run of the whole tensor: any outputs, as files; the spatial one by slab where that is asked for. */
export class WholeCollector implements Collector {
  readonly #request: InferenceRequest;
  readonly #image: Triple;
  readonly #send: (slab: Slab) => void;
  readonly #outputs: Record<string, { path?: string; shape: readonly number[] }> = {};
  #sender: SlabSender | undefined;

  constructor(request: InferenceRequest, image: Triple, send: (slab: Slab) => void) {
    this.#request = request;
    this.#image = image;
    this.#send = send;
  }

  async add(_index: number, outputs: readonly OutputTensor[]): Promise<void> {
    const { slabAxis, folder } = this.#request;
    for (const [i, name] of this.#request.outputs.entries()) {
      const { dims, values } = outputs[i]!;
      if (slabAxis !== undefined && i === 0) {
        const channels = channelsOf(name, dims, 1, this.#image);
        this.#outputs[name] = { shape: [1, channels, ...this.#image] };
        this.#sender = new SlabSender(folder, [channels, ...this.#image], this.#send);
        await this.#sender.write(new WholePlanes(values, channels, this.#image, slabAxis), 0, this.#image[slabAxis]);
      } else {
        const path = join(folder, `output-${i}.f32`);
        await writeFile(path, bytesOf(values));
        this.#outputs[name] = { path, shape: dims };
      }
    }
  }

  outputs(): Outputs {
    return this.#outputs;
  }

  consumed(): void {
    this.#sender?.consumed();
  }

  close(): void {}
}

/** Windows blended into one spatial output, whose planes go out as soon as no further window touches them. */
export class WindowCollector implements Collector {
  readonly #request: InferenceRequest;
  readonly #window: WindowSpec;
  readonly #grid: WindowGrid;
  readonly #starts: readonly Triple[];
  readonly #axis: 0 | 1 | 2;
  readonly #send: (slab: Slab) => void;
  #sums: PlaneSums | undefined;
  #sink: (PlaneSink & { consumed?(): void }) | undefined;
  #outputs: Outputs = {};

  /** @param starts of the windows, ascending along the slab axis */
  constructor(
    request: InferenceRequest,
    window: WindowSpec,
    grid: WindowGrid,
    starts: readonly Triple[],
    send: (slab: Slab) => void,
  ) {
    if (request.outputs.length !== 1)
      throw new VoxgateError('bad-model', `windows give one output; ${request.outputs.length} are asked for`);
    this.#request = request;
    this.#window = window;
    this.#grid = grid;
    this.#starts = starts;
    this.#axis = request.slabAxis ?? 0;
    this.#send = send;
  }

  async add(index: number, [output]: readonly OutputTensor[]): Promise<void> {
    const [start, next] = [this.#starts[index]!, this.#starts[index + 1]];
    const name = this.#request.outputs[0]!;
    const channels = channelsOf(name, output!.dims, 1, this.#grid.roi);
    this.#sums ??= this.#begin(channels);
    this.#sums.add(start, output!.values);
    const end = this.#grid.image[this.#axis];
    const [from, to] = [start[this.#axis], next?.[this.#axis] ?? end];
    if (to > from) await this.#sink!.write(this.#sums, Math.max(0, from), Math.min(to, end));
  }

  outputs(): Outputs {
    return this.#outputs;
  }

  consumed(): void {
    this.#sink?.consumed?.();
  }

  close(): void {
    this.#sums?.close();
  }

  #begin(channels: number): PlaneSums {
    const { image, roi } = this.#grid;
    const { folder, slabAxis, outputs } = this.#request;
    const shape = [channels, ...image];
    this.#sink =
      slabAxis === undefined
        ? new WholeFile(join(folder, 'output-0.f32'), image[0])
        : new SlabSender(folder, shape, this.#send);
    this.#outputs = { [outputs[0]!]: { shape: [1, ...shape], ...(this.#sink.path && { path: this.#sink.path }) } };
    return new PlaneSums(this.#grid, blendWeights(roi, this.#window), this.#axis, channels, folder);
  }
}

/** Scores of a spatial output lie on the grid of what went in; its channels. */
function channelsOf(name: string, dims: readonly number[], batch: number, spatial: Triple): number {
  const channels = dims[1] ?? 0;
  const withoutOnes = (lengths: readonly number[]) => lengths.filter((length) => length !== 1).join('×');
  if (dims[0] !== batch || dims.length < 3 || withoutOnes(dims.slice(2)) !== withoutOnes(spatial))
    throw new VoxgateError(
      'bad-model',
      `the output ${name} has shape ${dims.join('×')}, which is not one score for each voxel of ${spatial.join('×')}`,
    );
  return channels;
}
