import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Archive, DescribedInstance } from '../archive/archive.ts';
import { type Analysis, type AnalysisState, moveAnalysis, readAnalysis, recordResults } from '../catalog/analyses.ts';
import type { Database } from '../catalog/database.ts';
import { VoxgateError } from '../errors.ts';
import type { Vec3 } from '../imaging/grid.ts';
import type { PostprocessOperation } from '../imaging/postprocess.ts';
import type { PostStep } from '../imaging/transforms/steps.ts';
import { openVolume } from '../imaging/volume-client.ts';
import type { RestoredSegments } from '../imaging/volume-messages.ts';
import type { Lane } from '../inference/lane.ts';
import { findModel, type Model, type ModelLibrary } from '../inference/model-library.ts';
import type { JobRun } from '../jobs/queue.ts';
import type { Log } from '../log.ts';
import type { Device } from '../results/types.ts';
import { type AssembledSeries, assembleSeries } from './assemble-series.ts';
import { conclude } from './build-results.ts';
import { contentDigest, leaveDelivery } from './leave-analysis.ts';
import { buildResultsApart } from './results-worker-client.ts';

export interface AnalyzeParts {
  readonly database: Database;
  readonly archive: Archive;
  readonly library: ModelLibrary;
  readonly lane: Lane;
  readonly device: Device;
  readonly log: Log;
  /** For tensors on their way between processes; emptied after each job. */
  readonly workFolder: string;
  readonly threads: number;
}

/** What cannot be analysed today cannot be tomorrow: reported, not tried again. */
const FINAL = new Set(['not-a-volume', 'undecodable', 'unidentifiable', 'bad-model', 'too-large']);

/**
 * One analysis: volume, inference, results, and the deliveries they wait for. Run again after a crash it makes the
 * same objects, byte for byte, and the archive knows them already.
 */
export async function analyzeSeries(parts: AnalyzeParts, analysisId: number, run: JobRun): Promise<void> {
  const { database, log } = parts;
  const analysis = await readAnalysis(database, analysisId);
  if (!analysis || analysis.state === 'skipped' || analysis.state === 'delivered' || analysis.inferredAt) return;
  await moveAnalysis(
    database,
    analysisId,
    'running',
    run.attempt === 1 ? 'Running.' : `Running, attempt ${run.attempt}.`,
    'started',
  );
  try {
    await analyze(parts, analysis);
  } catch (error) {
    if (!(error instanceof VoxgateError)) {
      log.error(
        { analysis: analysisId, error: error instanceof Error ? error.stack : String(error) },
        'an analysis failed',
      );
    }
    const { state, reason, again } = consequence(error, run);
    await moveAnalysis(database, analysisId, state, reason);
    if (again) throw error;
  }
}

interface Consequence {
  readonly state: AnalysisState;
  readonly reason: string;
  /** Thrown on, so that the queue tries again. */
  readonly again: boolean;
}

/** What a failed analysis is called, and whether another try may help. */
function consequence(error: unknown, run: JobRun): Consequence {
  const reason = error instanceof VoxgateError ? error.message : 'an internal error; see the log of this node.';
  const code = error instanceof VoxgateError ? error.code : undefined;
  if (code !== undefined && FINAL.has(code)) return { state: 'skipped', reason: `Not run: ${reason}`, again: false };
  if (code === 'bad-result')
    return {
      state: 'failed',
      reason: `Failed: the result did not pass our own checks and was not sent: ${reason}`,
      again: false,
    };
  if (run.lastAttempt) return { state: 'failed', reason: `Failed: ${reason}`, again: true };
  return { state: 'waiting', reason: `Attempt ${run.attempt} failed and will be repeated: ${reason}`, again: true };
}

async function analyze(parts: AnalyzeParts, analysis: Analysis): Promise<void> {
  const model = findModel(parts.library, `${analysis.modelId}@${analysis.modelVersion}`);
  if (!model || model.key !== analysis.modelDigest) {
    throw new VoxgateError(
      'bad-model',
      `model ${analysis.modelId} ${analysis.modelVersion} is no longer in the library as it was when this series was routed.`,
    );
  }
  const assembled = assembleSeries(await contentOf(parts.archive, analysis), model.manifest);
  const { instances, grid, notes } = assembled;
  const restored = await infer(parts, analysis, model, assembled);
  const { objects, results, repaired } = await buildResultsApart({
    analysis,
    model,
    device: parts.device,
    grid,
    instances,
    restored,
    notes,
  });
  if (repaired.length > 0)
    parts.log.warn(
      { analysis: analysis.id, tags: repaired },
      'invalid attributes of the source were not copied as they are',
    );

  await keepResults(parts.archive, objects);

  const conclusion = conclude(model, restored, notes);
  await parts.database.transaction(async (tx) => {
    const waiting = analysis.deliverTo.length > 0;
    const reason = waiting
      ? `${conclusion} Waiting to be delivered to ${analysis.deliverTo.join(', ')}.`
      : `${conclusion} Kept in this node; no peer is to receive it.`;
    await recordResults(tx, analysis.id, {
      conclusion,
      reason,
      findings: JSON.stringify(restored.measurements),
      results,
      peers: analysis.deliverTo,
    });
    for (const peer of analysis.deliverTo) await leaveDelivery(tx, analysis, peer);
  });
}

/** The results enter by the same gate as everything else, and are never settled (origin: self). */
export async function keepResults(archive: Archive, objects: readonly Buffer[]): Promise<void> {
  const transfer = archive.ingest.begin('self');
  try {
    for (const bytes of objects) {
      const incoming = await transfer.receiveFile();
      await incoming.write(bytes);
      await transfer.finish(incoming);
    }
  } finally {
    await transfer.end();
  }
}

/** The instances that were routed; what came since belongs to another analysis. */
async function contentOf(archive: Archive, analysis: Analysis): Promise<DescribedInstance[]> {
  const all = await archive.describe({
    studyInstanceUid: analysis.studyInstanceUid,
    seriesInstanceUid: analysis.seriesInstanceUid,
  });
  if (contentDigest(all.map(({ sopInstanceUid }) => sopInstanceUid)) === analysis.inputDigest) return all;
  throw new VoxgateError(
    'not-a-volume',
    'more instances of the series came before its turn; the whole is analysed on its own.',
  );
}

async function infer(
  parts: AnalyzeParts,
  analysis: Analysis,
  model: Model,
  { instances, headers, grid }: AssembledSeries,
): Promise<RestoredSegments> {
  const { manifest, files } = model;
  const spacing = spacingOf(model);
  const folder = join(parts.workFolder, `analysis-${analysis.id}`);
  await mkdir(folder, { recursive: true });
  const slices = await Promise.all(
    instances.map(async (instance, i) => ({
      path: parts.archive.pathOf(instance),
      ranges: await parts.archive.frameRanges(instance, 1),
      header: headers[i]!,
    })),
  );
  const volume = await openVolume({ slices, grid });
  try {
    const inputPath = join(folder, 'input.f32');
    const outputPath = join(folder, 'scores.f32');
    const { shape } = await volume.prepare({ spacing }, inputPath);
    const timeoutMs = manifest.engine.timeoutSeconds * 1000;
    const output = await parts.lane.run(
      {
        modelPath: files[0]!,
        threads: parts.threads,
        inputName: manifest.tensors.input.name,
        input: { path: inputPath, shape: [1, 1, ...shape] },
        outputName: manifest.tensors.output,
        outputPath,
      },
      timeoutMs,
    );
    const classes = manifest.output.classes.length;
    const expected = [1, classes, ...shape];
    if (output.shape.join() !== expected.join()) {
      throw new VoxgateError(
        'bad-model',
        `the output ${manifest.tensors.output} has shape ${output.shape.join('×')}, the manifest promises ${expected.join('×')}.`,
      );
    }
    return await volume.restore({
      scoresPath: outputPath,
      shape,
      classes,
      postprocess: manifest.postprocess.flatMap(cleanUp),
      segments: manifest.segments.map(({ number, class: index }) => ({ number, class: index })),
    });
  } finally {
    await volume.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** What this pipeline can prepare: a volume upright in the patient, covered by voxels of a size. */
function spacingOf({ manifest }: Model): Vec3 {
  const [orientation, spacing, ...more] = manifest.transforms;
  if (
    orientation?.op === 'orientation' &&
    orientation.axcodes === 'SPL' &&
    spacing?.op === 'spacing' &&
    spacing.rule === 'cover' &&
    more.length === 0 &&
    manifest.output.kind === 'class-scores'
  ) {
    const [z, y, x] = spacing.pixdim;
    return [x, y, z];
  }
  throw new VoxgateError('bad-model', `${manifest.id} asks for transforms that this node cannot do.`);
}

function cleanUp(step: PostStep): PostprocessOperation[] {
  if (step.op === 'remove-small' && step.whole && step.millilitres !== undefined)
    return [{ op: 'minimum-volume', millilitres: step.millilitres }];
  if (step.op === 'invert' || step.op === 'argmax') return [];
  throw new VoxgateError('bad-model', `${step.op} is a step that this node cannot do.`);
}
