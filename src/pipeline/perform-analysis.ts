import type { Archive } from '../archive/archive.ts';
import type { Analysis, Result } from '../catalog/analyses.ts';
import type { Database } from '../catalog/database.ts';
import { readPredecessors } from '../catalog/revisions.ts';
import { VoxgateError } from '../errors.ts';
import type { Engine } from '../inference/engine.ts';
import { findModel, type Model, type ModelLibrary } from '../inference/model-library.ts';
import type { JobRun } from '../jobs/queue.ts';
import type { Log } from '../log.ts';
import { KEY_OBJECT_SELECTION_STORAGE } from '../results/rejection-note.ts';
import type { Device } from '../results/types.ts';
import { conclude } from './conclude.ts';
import { type GatheredSlot, gatherInputs } from './gather-inputs.ts';
import type { Outcome } from './outcome.ts';
import type { Routing } from './plan-analyses.ts';
import { recordOutcome } from './record-outcome.ts';
import { resultSourceOf } from './result-source.ts';
import { buildResultsApart } from './results-worker-client.ts';
import { runModel } from './run-model.ts';
import { compareWithShadow, type Found } from './shadow-agreement.ts';

export interface AnalyzeParts {
  readonly database: Database;
  readonly archive: Archive;
  readonly library: ModelLibrary;
  readonly engine: Engine;
  readonly device: Device;
  readonly log: Log;
  /** For tensors on their way between processes; emptied after each job. */
  readonly workFolder: string;
  /** Where what one model found waits to be held against what another finds. */
  readonly shadowFolder: string;
  /** Peers that take results for research. */
  readonly researchPeers: ReadonlySet<string>;
  /** By whose routes findings lead to further analyses. */
  readonly routing: Routing;
}

/**
 * The work of one analysis: volumes, inference, results, and the deliveries they wait for, the last together in one
 * transaction. Done again after a crash it makes the same objects, byte for byte, and the archive knows them already.
 *
 * @throws VoxgateError with what keeps it from being done; nothing is recorded then
 */
export async function performAnalysis(parts: AnalyzeParts, analysis: Analysis, run: JobRun): Promise<void> {
  const model = modelOf(parts.library, analysis);
  const slots = await gatherInputs(parts.archive, analysis, model.manifest);
  const outcome = await runModel(parts, {
    name: `analysis-${analysis.id}`,
    model,
    slots,
    priority: analysis.priority,
    signal: run.signal,
  });
  const notes = slots.flatMap((slot) => slot?.stack.notes ?? []);
  const conclusion = conclude(model.manifest, outcome, notes);
  await compareWithShadow(
    { ...parts, folder: parts.shadowFolder },
    { analysis, manifest: model.manifest, found: foundIn(slots, outcome) },
  );
  // Nothing that could be taken for a result of this node is made of what a shadow finds.
  if (analysis.mode === 'shadow') return recordOutcome(parts, analysis, { model, outcome, conclusion, results: [] });
  const built = await buildResultsApart({
    analysis,
    model,
    device: parts.device,
    sources: slots.flatMap((slot) => (slot === undefined ? [] : [resultSourceOf(slot)])),
    outcome,
    conclusion,
    predecessors: await predecessorsOf(parts.database, analysis),
  });
  if (built.repaired.length > 0)
    parts.log.warn(
      { analysis: analysis.id, tags: built.repaired },
      'invalid attributes of the source were not copied as they are',
    );
  run.signal.throwIfAborted();
  await keepResults(parts.archive, built.objects);
  await recordOutcome(parts, analysis, { model, outcome, conclusion, results: built.results });
}

function foundIn([first]: readonly (GatheredSlot | undefined)[], { segments, classes }: Outcome): Found {
  const { rows, columns } = first!.stack.grid;
  return { rows, columns, segments, classes };
}

function modelOf(library: ModelLibrary, { modelId, modelVersion, modelDigest }: Analysis): Model {
  const model = findModel(library, `${modelId}@${modelVersion}`);
  if (model?.key === modelDigest) return model;
  throw new VoxgateError(
    'bad-model',
    `model ${modelId} ${modelVersion} is no longer in the library as it was when this series was routed.`,
  );
}

/** The results that those of this analysis take the place of: there is something to reject only if some were made. */
async function predecessorsOf(database: Database, { id, supersedesId }: Analysis): Promise<readonly Result[]> {
  if (supersedesId === null) return [];
  const [newest] = await readPredecessors(database, id);
  return newest?.results.filter(({ sopClassUid }) => sopClassUid !== KEY_OBJECT_SELECTION_STORAGE) ?? [];
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
