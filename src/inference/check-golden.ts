import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sentenceOf } from '../errors.ts';
import { compareGolden, unpackGolden } from './check-client.ts';
import type { Difference } from './check-messages.ts';
import type { Engine, InferenceRequest } from './engine.ts';
import type { EnginePolicy } from './model-manifest.ts';
import type { Model } from './model-package.ts';

export type Provider = EnginePolicy['providers'][number];

/** What one engine made of the golden pair. */
export interface EngineCheck {
  readonly provider: Provider;
  /** absent: the engine is not on this machine. */
  readonly state: 'passed' | 'failed' | 'absent';
  /** For a person: one sentence. */
  readonly reason: string;
  readonly largestDifference?: number;
  /** Loading and first run, then the median of the further ones; milliseconds. */
  readonly firstMs?: number;
  readonly medianMs?: number;
  /** Of the process that ran it, at its peak; bytes. */
  readonly peakBytes?: number;
}

export interface GoldenOptions {
  readonly engine: Pick<Engine, 'run'>;
  readonly provider: Provider;
  /** For tensors; emptied afterwards. */
  readonly workFolder: string;
  /** Runs after the first; none where only the difference matters. */
  readonly warmRuns?: number;
  readonly priority?: number;
  /** Peak memory of whatever ran it. */
  readonly peakBytes?: () => number | undefined;
}

/** Further runs end after this long: a model that takes a minute is timed well enough by two. */
const WARM_BUDGET_MS = 20_000;
/** Behind everything that somebody waits for. */
const LOWEST_PRIORITY = -100;

/**
 * Runs the golden pair of a package on one engine, by itself and by none else.
 * @returns what came of it; nothing is thrown but for a package without a golden pair
 */
export async function checkGolden(model: Model, options: GoldenOptions): Promise<EngineCheck> {
  const { provider } = options;
  const { golden } = model.manifest;
  if (!golden) return { provider, state: 'failed', reason: 'the package has no golden pair' };
  const folder = await mkdtemp(join(options.workFolder, 'check-'));
  try {
    return await run(model, golden, folder, options);
  } catch (error) {
    const reason = sentenceOf(error);
    return { provider, state: isAbsent(reason) ? 'absent' : 'failed', reason };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Golden = NonNullable<Model['manifest']['golden']>;

async function run(model: Model, golden: Golden, folder: string, options: GoldenOptions): Promise<EngineCheck> {
  const { provider, engine, warmRuns = 0, peakBytes } = options;
  const { manifest } = model;
  const input = { path: join(folder, 'input'), shape: golden.input.shape };
  const tensor = { path: join(model.folder, golden.input.path), shape: golden.input.shape };
  await unpackGolden(tensor, manifest.tensors.input.type, input.path);
  const request = requestOf(model, { input, folder, options });
  const times: number[] = [];
  let difference: Difference | undefined;
  while (times.length <= warmRuns && (times.length < 2 || total(times) < WARM_BUDGET_MS)) {
    const started = performance.now();
    const result = await engine.run(request, {});
    times.push(performance.now() - started);
    const output = result.outputs[manifest.tensors.output];
    if (output?.path === undefined) throw new Error(`it gave no ${manifest.tensors.output}`);
    if (output.shape.join() !== golden.output.shape.join())
      throw new Error(`the output is ${output.shape.join(' × ')}, the golden one ${golden.output.shape.join(' × ')}`);
    difference ??= await compareGolden(
      { path: join(model.folder, golden.output.path), shape: golden.output.shape },
      output.path,
    );
    await rm(output.path, { force: true });
  }
  const largestDifference = difference?.largest ?? Number.POSITIVE_INFINITY;
  const passed = largestDifference <= golden.tolerance;
  const peak = peakBytes?.();
  return {
    provider,
    state: passed ? 'passed' : 'failed',
    reason: passed
      ? `within ${golden.tolerance} of the golden output`
      : `value ${difference?.at} of the output differs by ${largestDifference}, ${golden.tolerance} is allowed`,
    largestDifference,
    firstMs: Math.round(times[0]!),
    ...(times.length > 1 ? { medianMs: Math.round(median(times.slice(1))) } : {}),
    ...(peak === undefined ? {} : { peakBytes: peak }),
  };
}

interface Asked {
  readonly input: { readonly path: string; readonly shape: readonly number[] };
  readonly folder: string;
  readonly options: GoldenOptions;
}

/** As an analysis would ask, but of one provider alone: no other may take its place. */
function requestOf({ manifest, files, key }: Model, { input, folder, options }: Asked): InferenceRequest {
  return {
    name: `check of ${manifest.id} ${manifest.version}`,
    priority: options.priority ?? LOWEST_PRIORITY,
    model: { key, files, engine: { ...manifest.engine, providers: [options.provider] } },
    input: { ...manifest.tensors.input, tensor: input },
    outputs: [manifest.tensors.output],
    ...(manifest.window ? { window: manifest.window } : {}),
    folder,
  };
}

/** What the lanes say where a provider is not on the machine; anything else is a failure of the model. */
function isAbsent(reason: string): boolean {
  return reason.includes('which is not on this machine');
}

const total = (times: readonly number[]): number => times.reduce((sum, time) => sum + time, 0);

function median(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
