import type { Archive } from '../archive/archive.ts';
import { type Analysis, addResult, readResults } from '../catalog/analyses.ts';
import type { Database } from '../catalog/database.ts';
import { readPredecessors } from '../catalog/revisions.ts';
import { deterministicUid } from '../dicom/uid.ts';
import { findModel, type ModelLibrary } from '../inference/model-library.ts';
import { buildRejectionNote, KEY_OBJECT_SELECTION_STORAGE } from '../results/rejection-note.ts';
import type { Device } from '../results/types.ts';
import { describeAlgorithm } from './build-results.ts';
import { keepResults } from './perform-analysis.ts';

export interface RejectParts {
  readonly database: Database;
  readonly archive: Archive;
  readonly library: ModelLibrary;
  readonly device: Device;
}

/** Beside those of the results themselves (build-results). */
const REJECTION_SERIES_NUMBER = 9103;

/**
 * Rejects what earlier contents of the series gave: one note that names the results of every analysis this one
 * supersedes becomes one of its own results, and goes where they go. Made again it is the same note, byte for byte.
 * Nothing is done where this one has no results, or the earlier ones had none.
 */
export async function rejectSuperseded(parts: RejectParts, analysis: Analysis): Promise<void> {
  const { database, archive, library, device } = parts;
  if (analysis.supersedesId === null || analysis.inferredAt === null || analysis.mode === 'shadow') return;
  const own = await readResults(database, analysis.id);
  if (own.some(({ sopClassUid }) => sopClassUid === KEY_OBJECT_SELECTION_STORAGE)) return;
  const rejected = (await readPredecessors(database, analysis.id))
    .flatMap(({ results }) => results)
    .filter(({ sopClassUid }) => sopClassUid !== KEY_OBJECT_SELECTION_STORAGE);
  const model = findModel(library, `${analysis.modelId}@${analysis.modelVersion}`);
  const { studyInstanceUid, seriesInstanceUid } = analysis;
  const [source] = await archive.locate({ studyInstanceUid, seriesInstanceUid });
  if (rejected.length === 0 || !model || !source) return;
  const [header] = await archive.metadataOf([source]);
  const uid = (what: string): string =>
    deterministicUid(
      'voxgate rejection',
      what,
      studyInstanceUid,
      seriesInstanceUid,
      analysis.inputDigest,
      analysis.modelId,
      analysis.modelVersion,
      analysis.modelDigest,
    );
  const note = { sopInstanceUid: uid('note'), seriesInstanceUid: uid('series') };
  const bytes = buildRejectionNote({
    source: { attributes: JSON.parse(header!.json) },
    studyInstanceUid,
    rejected,
    reason: `The series has changed since: these results are superseded by those of revision ${analysis.revision}.`,
    algorithm: describeAlgorithm(model),
    device,
    seriesUid: note.seriesInstanceUid,
    instanceUid: note.sopInstanceUid,
    seriesNumber: REJECTION_SERIES_NUMBER,
    created: analysis.settledAt,
  });
  await keepResults(archive, [bytes]);
  await addResult(database, analysis.id, { ...note, sopClassUid: KEY_OBJECT_SELECTION_STORAGE });
}
