import { readAnalysis } from '../catalog/analyses.ts';
import type { JobRun } from '../jobs/queue.ts';
import { analyzeSeries } from './analyze-series.ts';
import type { AnalyzeParts } from './perform-analysis.ts';
import { type RejectParts, rejectSuperseded } from './reject-superseded.ts';

/**
 * The job of one analysis: nothing where it was cancelled before its turn; afterwards what it supersedes is rejected.
 * Each step finds what an earlier try has done.
 */
export async function runAnalysis(
  parts: AnalyzeParts & RejectParts,
  { analysisId }: { readonly analysisId: number },
  run: JobRun,
): Promise<void> {
  const before = await readAnalysis(parts.database, analysisId);
  if (!before || before.state === 'cancelled') return;
  await analyzeSeries(parts, analysisId, run);
  const after = await readAnalysis(parts.database, analysisId);
  if (after && after.state !== 'cancelled') await rejectSuperseded(parts, after);
}
