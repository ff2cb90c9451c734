import { VoxgateError } from '../../errors.ts';
import type { Triple } from '../../imaging/transforms/steps.ts';
import type { InferenceRequest } from '../engine.ts';
import type { LaneShape } from './messages.ts';
import type { NetworkRef, NetworkShape, Runner } from './network.ts';
import { emptyValues } from './tensor-reader.ts';

/** The networks of a job, opened: where they run and which shapes they are given. */
export interface JobNetwork {
  readonly provider: string;
  /** One for each file of an ensemble. */
  readonly networks: readonly NetworkRef[];
  /** What one run is given: [batch][channel] and the spatial axes that the network has. */
  readonly dims: readonly number[];
  readonly batch: number;
  /** Whether one run takes all cores, or several go side by side. */
  readonly wide: boolean;
  /** Windows that may be under way or wait to be added: their answers are memory. */
  readonly ahead: number;
}

/** A run with a larger answer goes alone; and answers that wait to be added are no more than this together. */
const LARGE_BYTES = 192 * 2 ** 20;
const AHEAD_BYTES = 512 * 2 ** 20;

export interface Runners {
  readonly local: Runner;
  readonly remote: Runner;
}

/**
 * Opens the networks with the first provider of the policy's list that is here; another one than the list has is never
 * taken.
 *
 * @throws VoxgateError bad-model when the window does not fit the network; inference-failed when no provider is here
 */
export async function openNetwork(
  request: InferenceRequest,
  window: Triple,
  channels: number,
  windows: number,
  runners: Runners,
  shape: LaneShape,
): Promise<JobNetwork> {
  const { providers } = request.model.engine;
  const reasons: string[] = [];
  for (const provider of providers) {
    const runner = provider === 'kserve' ? runners.remote : runners.local;
    // One run alone has all cores to itself; many go side by side, which is faster (docs/benchmarks.md).
    let large = false;
    let wide = windows === 1 || provider === 'cuda' || provider === 'tensorrt';
    const open = () =>
      describeAll(runner, refsOf(request, provider, wide ? shape.runners * shape.threads : shape.threads, large));
    try {
      let { networks, shapes } = await open();
      const batch = provider === 'cpu' ? 1 : (request.window?.batch ?? 1);
      const fitted = fitShapes(request, shapes, window, channels, batch);
      const bytes = answerBytes(request, shapes, window) * fitted.batch;
      if (provider === 'cpu' && bytes > LARGE_BYTES) {
        wide = true;
        large = true;
        ({ networks, shapes } = await open());
      }
      const abreast = fitted.batch * (wide ? 2 : 4 * shape.runners);
      const ahead = Math.max(fitted.batch, Math.min(abreast, Math.floor((AHEAD_BYTES * fitted.batch) / bytes)));
      if (provider !== 'cpu' && windows > 1) await warm(runner, request, networks, fitted.dims);
      return { provider, networks, wide, ahead, ...fitted };
    } catch (error) {
      // With one provider there is no choice to tell about.
      if (providers.length === 1 || !(error instanceof VoxgateError)) throw refusal(error, provider);
      reasons.push(`${provider}: ${error.message}`);
    }
  }
  throw new VoxgateError('inference-failed', `no provider of the model's list can run it here: ${reasons.join('; ')}`);
}

/** Shapes that a network has been run with, by key, provider and shape. */
const warmed = new Set<string>();

/**
 * One run of nothing before a session counts as open: a graphics processor chooses its ways of computing at the first run
 * of a shape, in seconds, and a server loads its model. On the processor the first run is as fast as any.
 */
async function warm(
  runner: Runner,
  { model, input, outputs }: InferenceRequest,
  networks: readonly NetworkRef[],
  dims: readonly number[],
): Promise<void> {
  const key = JSON.stringify([model.key, networks, dims]);
  if (warmed.has(key)) return;
  const count = dims.reduce((product, length) => product * length, 1);
  for (const network of networks) {
    const values = emptyValues(input.type, count);
    await runner.run({ network, input: { name: input.name, type: input.type, dims, values }, outputs });
  }
  warmed.add(key);
}

async function describeAll(
  runner: Runner,
  networks: readonly NetworkRef[],
): Promise<{ networks: readonly NetworkRef[]; shapes: readonly NetworkShape[] }> {
  const shapes: NetworkShape[] = [];
  for (const network of networks) shapes.push(await runner.describe(network));
  return { networks, shapes };
}

/** Bytes of the scores of one window, as far as the network declares its channels. */
function answerBytes({ outputs }: InferenceRequest, shapes: readonly NetworkShape[], window: Triple): number {
  const channels = shapes[0]?.outputs.find(({ name }) => name === outputs[0])?.dims[1];
  return window[0] * window[1] * window[2] * 4 * (typeof channels === 'number' && channels > 0 ? channels : 1);
}

function refusal(error: unknown, provider: string): unknown {
  if (!(error instanceof VoxgateError) || provider === 'cpu' || provider === 'kserve') return error;
  return new VoxgateError(
    'inference-failed',
    `the model asks for the provider ${provider} alone, which is not on this machine: ${error.message}`,
    { cause: error },
  );
}

function refsOf(
  { model }: InferenceRequest,
  provider: InferenceRequest['model']['engine']['providers'][number],
  threads: number,
  large: boolean,
): NetworkRef[] {
  if (provider !== 'kserve')
    return model.files.map((path) => ({ kind: 'file', key: model.key, path, provider, threads, large }));
  const { kserve } = model.engine;
  if (!kserve)
    throw new VoxgateError('bad-model', 'engine.providers names kserve, but engine.kserve does not say where it is');
  return [{ kind: 'kserve', ...kserve, timeoutMs: model.engine.timeoutSeconds * 1000 }];
}

/** The shape of a run: fixed lengths of the network must be those of the window, free ones take them. */
function fitShapes(
  { input }: InferenceRequest,
  shapes: readonly NetworkShape[],
  window: Triple,
  channels: number,
  wanted: number,
): { dims: readonly number[]; batch: number } {
  let fitted: { dims: readonly number[]; batch: number } | undefined;
  for (const { inputs } of shapes) {
    const port = inputs.find(({ name }) => name === input.name);
    if (!port)
      throw new VoxgateError(
        'bad-model',
        `the model has no input named ${input.name} (it has ${inputs.map(({ name }) => name).join(', ')})`,
      );
    if (port.type !== input.type)
      throw new VoxgateError('bad-model', `the input ${input.name} is ${port.type}, the package says ${input.type}`);
    if (inputs.length > 1)
      throw new VoxgateError(
        'bad-model',
        `the model has ${inputs.length} inputs (${inputs.map(({ name }) => name).join(', ')}); one is supported`,
      );
    const fixed = port.dims[0];
    const batch = typeof fixed === 'number' && fixed > 0 ? fixed : wanted;
    const dims = [batch, channels, ...spatialDims(window, port.dims.length, input.tensor.shape.length)];
    const fits = port.dims.every((length, i) => typeof length !== 'number' || length <= 0 || length === dims[i]);
    if (!fits || (port.dims.length > 0 && port.dims.length !== dims.length))
      throw new VoxgateError(
        'bad-model',
        `the input ${input.name} of the model is ${port.dims.join('×')}, which does not fit ${dims.join('×')}`,
      );
    fitted ??= { dims, batch };
  }
  if (!fitted) throw new VoxgateError('bad-model', 'the model has no file');
  return fitted;
}

/** A flat network (rank 4) is given the two axes along which the window is not 1: slices of a volume, one by one. */
function spatialDims(window: Triple, rank: number, tensorRank: number): readonly number[] {
  const flat = rank === 0 ? tensorRank === 4 : rank === 4;
  if (!flat) return window;
  const dropped = ([0, 2, 1] as const).find((axis) => window[axis] === 1);
  if (dropped === undefined)
    throw new VoxgateError(
      'bad-model',
      `the model is flat, but its window is ${window.join('×')}: one length must be 1`,
    );
  return window.filter((_length, axis) => axis !== dropped);
}
