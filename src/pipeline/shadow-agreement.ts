import { mkdir, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Counterpart, readCounterparts, recordAgreements } from '../catalog/agreements.ts';
import type { Analysis } from '../catalog/analyses.ts';
import type { Database } from '../catalog/database.ts';
import { sentenceOf } from '../errors.ts';
import { compareMaskFiles } from '../imaging/compare-masks-client.ts';
import { type KeptClass, type KeptSegment, writeMasks } from '../imaging/mask-file.ts';
import type { Restored } from '../imaging/post/restorer.ts';
import type { ManifestSegment, ModelManifest } from '../inference/model-manifest.ts';
import type { Log } from '../log.ts';

export interface AgreementParts {
  readonly database: Database;
  /** Masks wait there for those they are held against. */
  readonly folder: string;
  readonly log: Log;
}

/** What a model found, as far as another can be held against it. */
export interface Found {
  /** Of the slices. */
  readonly rows: number;
  readonly columns: number;
  readonly segments: Restored | undefined;
  readonly classes: readonly KeptClass[];
}

/**
 * Where a model runs in the shadow of another: holds what the two found against each other, as soon as both have run, whichever
 * is the later. Call it before the analysis is recorded as done: after a crash it is then done again. It never fails an
 * analysis; what goes wrong is logged.
 */
export async function compareWithShadow(
  parts: AgreementParts,
  {
    analysis,
    manifest,
    found,
  }: { readonly analysis: Analysis; readonly manifest: ModelManifest; readonly found: Found },
): Promise<void> {
  try {
    const counterparts = await readCounterparts(parts.database, analysis.id);
    if (counterparts.length === 0) return;
    await keep(parts, analysis, manifest, found);
    // The other may write its file at this moment and then look for ours: one of the two finds both.
    const compared = new Set<number>();
    for (const other of ofRoute(counterparts, analysis)) {
      if (!(await exists(pathOf(parts, other.id)))) continue;
      await compare(parts, analysis, other);
      compared.add(other.id);
    }
    await discard(parts, analysis, counterparts, compared);
  } catch (error) {
    // Where both looked at once, the one that was done first has taken both files away.
    if (!(await exists(pathOf(parts, analysis.id)))) return;
    parts.log.warn(
      { analysis: analysis.id, reason: sentenceOf(error) },
      'a model could not be held against its shadow',
    );
  }
}

/** Those of its own route; where two routes share an analysis, it bears the name of one, and then any of the input. */
function ofRoute(counterparts: readonly Counterpart[], { route }: Analysis): readonly Counterpart[] {
  const own = counterparts.filter((other) => other.route === route);
  return own.length > 0 ? own : counterparts;
}

async function keep(
  parts: AgreementParts,
  analysis: Analysis,
  manifest: ModelManifest,
  { rows, columns, segments, classes }: Found,
): Promise<void> {
  await mkdir(parts.folder, { recursive: true });
  await writeMasks(pathOf(parts, analysis.id), {
    rows,
    columns,
    frames: segments?.frames ?? [],
    pixelData: segments?.pixelData ?? new Uint8Array(0),
    segments: keptSegments(manifest.segments, segments),
    classes,
  });
}

function keptSegments(described: readonly ManifestSegment[], found: Restored | undefined): KeptSegment[] {
  const meanings = described.map(meaningOf);
  return described.map((segment, i) => ({
    number: segment.number,
    label: segment.label,
    // Two segments of one code (a lesion, twice) are told apart by their names.
    meaning:
      meanings.indexOf(meanings[i]!) === meanings.lastIndexOf(meanings[i]!)
        ? meanings[i]!
        : `${meanings[i]} ${segment.label}`,
    volumeMl: found?.measurements.find((measured) => measured.segment === segment.number)?.volumeMl ?? 0,
  }));
}

function meaningOf({ category, type, modifier }: ManifestSegment): string {
  return [category, type, ...(modifier ? [modifier] : [])].map(({ scheme, value }) => `${scheme}:${value}`).join(' ');
}

async function compare(parts: AgreementParts, analysis: Analysis, other: Counterpart): Promise<void> {
  const [primary, shadow] = analysis.mode === 'shadow' ? [other, ofAnalysis(analysis)] : [ofAnalysis(analysis), other];
  const agreements = await compareMaskFiles(pathOf(parts, primary.id), pathOf(parts, shadow.id));
  await recordAgreements(
    parts.database,
    {
      primaryId: primary.id,
      shadowId: shadow.id,
      route: shadow.route,
      model: shadow.modelId,
      primaryModel: `${primary.modelId}@${primary.modelVersion}`,
      shadowModel: `${shadow.modelId}@${shadow.modelVersion}`,
    },
    agreements,
  );
}

function ofAnalysis({ id, modelId, modelVersion, route }: Analysis): Omit<Counterpart, 'ended'> {
  return { id, modelId, modelVersion, route };
}

/** Longer than any analysis waits for another that still comes. */
const KEPT_MS = 7 * 24 * 3600 * 1000;

/** Removes masks whose counterpart never came; for a start. */
export async function sweepMasks({ folder }: Pick<AgreementParts, 'folder'>): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const path = join(folder, name);
    const status = await stat(path).catch(() => undefined);
    if (status && Date.now() - status.mtimeMs > KEPT_MS) await rm(path, { force: true });
  }
}

/**
 * Masks that nothing still to come is held against. Those of another go only when they were compared here: it may have written
 * them a moment ago, and look for ours next.
 */
async function discard(
  parts: AgreementParts,
  analysis: Analysis,
  counterparts: readonly Counterpart[],
  compared: ReadonlySet<number>,
): Promise<void> {
  if (counterparts.every(({ id, ended }) => ended || compared.has(id)))
    await rm(pathOf(parts, analysis.id), { force: true });
  for (const id of compared) {
    const others = await readCounterparts(parts.database, id);
    if (others.every((one) => one.ended || one.id === analysis.id)) await rm(pathOf(parts, id), { force: true });
  }
}

function pathOf({ folder }: AgreementParts, id: number): string {
  return join(folder, `analysis-${id}.masks`);
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
