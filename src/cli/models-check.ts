import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { VoxgateError } from '../errors.ts';
import type { EngineCheck } from '../inference/check-golden.ts';
import { checkModel, type ModelCheck } from '../inference/check-model.ts';
import { Lanes } from '../inference/lanes/lanes.ts';
import type { BrokenModel, Model } from '../inference/model-library.ts';
import { peakOfLanes } from '../inference/peak-memory.ts';

interface Options {
  readonly warmRuns: number;
  readonly json: boolean;
}

/**
 * Checks each model and prints what came of it.
 * @throws VoxgateError bad-model where one did not pass
 */
export async function checkModels(
  models: readonly Model[],
  broken: readonly BrokenModel[],
  { warmRuns, json }: Options,
): Promise<void> {
  const workFolder = await mkdtemp(join(tmpdir(), 'voxgate-check-'));
  const reports: (ModelCheck & { readonly model: string; readonly digest: string })[] = [];
  try {
    for (const model of models) {
      const report = {
        model: `${model.manifest.id}@${model.manifest.version}`,
        digest: model.key,
        ...(await checkAlone(model, workFolder, warmRuns)),
      };
      reports.push(report);
      if (!json) process.stdout.write(linesOf(report));
    }
  } finally {
    await rm(workFolder, { recursive: true, force: true });
  }
  if (json) process.stdout.write(`${JSON.stringify({ models: reports, broken }, null, 2)}\n`);
  for (const { folder, reason } of broken) process.stderr.write(`${folder}: ${reason}\n`);
  const failed = reports.filter(({ ok }) => !ok).length + broken.length;
  if (failed > 0) throw new VoxgateError('bad-model', `${failed} model package(s) did not pass`);
}

/** Each provider gets lanes of its own: its time holds the loading, its memory is that of no other. */
async function checkAlone(model: Model, workFolder: string, warmRuns: number): Promise<ModelCheck> {
  let lanes: Lanes | undefined;
  try {
    return await checkModel(model, {
      engineFor: () => {
        lanes?.close();
        lanes = new Lanes();
        return lanes;
      },
      workFolder,
      warmRuns,
      peakBytes: peakOfLanes,
    });
  } finally {
    lanes?.close();
  }
}

function linesOf({ model, ok, reason, networks, engines }: ModelCheck & { readonly model: string }): string {
  return [
    `${model}: ${ok ? 'passed' : 'FAILED'}, ${reason}`,
    ...networks.flatMap(({ path, facts, warnings }) => [
      ...(facts
        ? [`  ${path}: ONNX operators of version ${facts.opsets[''] ?? '?'}, by ${facts.producer || 'nobody named'}`]
        : []),
      ...warnings.map((warning) => `  warning: ${warning}`),
    ]),
    ...engines.map((engine) => `  ${engine.provider}: ${engine.state}, ${figuresOf(engine)}`),
    '',
  ].join('\n');
}

function figuresOf({ reason, largestDifference, firstMs, medianMs, peakBytes }: EngineCheck): string {
  if (largestDifference === undefined) return reason;
  return [
    `largest difference ${largestDifference.toPrecision(3)}`,
    `first run ${firstMs} ms`,
    ...(medianMs === undefined ? [] : [`warm ${medianMs} ms`]),
    ...(peakBytes === undefined ? [] : [`peak ${Math.round(peakBytes / 2 ** 20)} MiB`]),
  ].join(', ');
}
