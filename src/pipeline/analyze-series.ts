import { type AnalysisState, moveAnalysis, readAnalysis } from '../catalog/analyses.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';
import type { JobRun } from '../jobs/queue.ts';
import { type AnalyzeParts, performAnalysis } from './perform-analysis.ts';

/** What cannot be analysed today cannot be tomorrow: reported, not tried again. */
const FINAL = new Set(['not-a-volume', 'undecodable', 'unidentifiable', 'too-large']);

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
    await performAnalysis(parts, analysis, run);
  } catch (thrown) {
    // A process that was ended because the job was stopped says that it died; the signal says why.
    const { aborted, reason: why } = run.signal;
    const error = aborted ? new VoxgateError('out-of-resources', sentenceOf(why)) : thrown;
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
  /** Thrown on: the queue tries again, or keeps it for a person, by the class of the error. */
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
      again: true,
    };
  if (run.lastAttempt || code === 'bad-model') return { state: 'failed', reason: `Failed: ${reason}`, again: true };
  return { state: 'waiting', reason: `Attempt ${run.attempt} failed and will be repeated: ${reason}`, again: true };
}
