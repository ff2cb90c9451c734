import { createHash } from 'node:crypto';
import type { Analysis } from '../catalog/analyses.ts';
import { sentenceOf } from '../errors.ts';
import type { Engine } from '../inference/engine.ts';
import type { Model } from '../inference/model-library.ts';
import type { Device } from '../results/types.ts';
import { conclude } from './conclude.ts';
import type { FileInstances } from './file-instances.ts';
import { type Finding, findingsOf } from './findings.ts';
import { gatherInputs } from './gather-inputs.ts';
import { type Plan, planAnalyses } from './plan-analyses.ts';
import { resultSourceOf } from './result-source.ts';
import { buildResultsApart } from './results-worker-client.ts';
import { runModel } from './run-model.ts';
import { type StudySeries, type StudyView, seriesOf } from './study-view.ts';

export interface RunOnFilesParts {
  readonly files: FileInstances;
  readonly engine: Engine;
  readonly device: Device;
  readonly workFolder: string;
}

/** What a model made of one series, or why nothing. */
export interface FileRun {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly ran: boolean;
  /** For a person. */
  readonly sentence: string;
  readonly findings: readonly Finding[];
  /** PS3.10 files, each with its SOP Class. */
  readonly objects: readonly { readonly sopClassUid: string; readonly bytes: Buffer }[];
}

/**
 * Runs a model on every series of some files that its gates let in, as a node would, and hands the results over: nothing is
 * recorded, kept or delivered. Studies are looked at one by one, with no priors.
 */
export async function runOnFiles(parts: RunOnFilesParts, model: Model): Promise<FileRun[]> {
  const routing = { library: { models: [model], broken: [] }, routes: [], peers: [] };
  const runs: FileRun[] = [];
  for (const study of studiesOf(parts.files)) {
    for (const plan of planAnalyses(study, routing)) runs.push(await perform(parts, plan));
  }
  return runs;
}

function studiesOf({ instances }: FileInstances): StudyView[] {
  const studies = [...new Set(instances.map(({ studyInstanceUid }) => studyInstanceUid))];
  return studies.map((studyInstanceUid) => ({
    studyInstanceUid,
    series: seriesIn(instances.filter((one) => one.studyInstanceUid === studyInstanceUid)),
    priors: [],
    priorsSearched: true,
    priority: undefined,
    now: new Date(),
  }));
}

function seriesIn(instances: FileInstances['instances']): StudySeries[] {
  const series = [...new Set(instances.map(({ seriesInstanceUid }) => seriesInstanceUid))];
  return series.flatMap((uid) => seriesOf(instances.filter((one) => one.seriesInstanceUid === uid)) ?? []);
}

async function perform(parts: RunOnFilesParts, plan: Plan): Promise<FileRun> {
  const { studyInstanceUid, seriesInstanceUid } = plan;
  const nothing = { studyInstanceUid, seriesInstanceUid, ran: false, findings: [], objects: [] };
  if (plan.decision !== 'run') return { ...nothing, sentence: plan.reason };
  try {
    return { studyInstanceUid, seriesInstanceUid, ran: true, ...(await analyse(parts, plan)) };
  } catch (error) {
    return { ...nothing, sentence: `Not run: ${sentenceOf(error)}` };
  }
}

async function analyse(
  { files, engine, device, workFolder }: RunOnFilesParts,
  { model, ...plan }: Plan,
): Promise<Pick<FileRun, 'sentence' | 'findings' | 'objects'>> {
  const analysis = analysisOf({ model, ...plan });
  const slots = await gatherInputs(files, analysis, model.manifest);
  const outcome = await runModel(
    { archive: files, engine, workFolder },
    { name: `run-${plan.seriesInstanceUid}`, model, slots, priority: 0 },
  );
  const notes = slots.flatMap((slot) => slot?.stack.notes ?? []);
  const conclusion = conclude(model.manifest, outcome, notes);
  const { objects, results } = await buildResultsApart({
    analysis,
    model,
    device,
    sources: slots.flatMap((slot) => (slot === undefined ? [] : [resultSourceOf(slot)])),
    outcome,
    conclusion,
    predecessors: [],
  });
  return {
    sentence: conclusion,
    findings: findingsOf(model.manifest, outcome),
    objects: objects.map((bytes, i) => ({ sopClassUid: results[i]!.sopClassUid, bytes })),
  };
}

/** Its UIDs are those of no analysis of a node: the same images there give other ones. */
function analysisOf({ model, studyInstanceUid, seriesInstanceUid, inputs }: Plan): Analysis {
  const digest = createHash('sha256')
    .update(JSON.stringify(['run on files', inputs]))
    .digest('hex');
  return {
    id: 0,
    studyInstanceUid,
    seriesInstanceUid,
    inputDigest: digest,
    modelId: model.manifest.id,
    modelVersion: model.manifest.version,
    modelDigest: model.key,
    route: null,
    deliverTo: [],
    state: 'running',
    reason: '',
    conclusion: null,
    findings: null,
    receivedAt: null,
    settledAt: new Date(),
    startedAt: null,
    inferredAt: null,
    deliveredAt: null,
    revision: 1,
    supersedesId: null,
    evidence: null,
    inputs,
    priority: 0,
    cancelledAt: null,
    cancelledBy: null,
    explanation: null,
    mode: 'primary',
    parentId: null,
    waitUntil: null,
  };
}
