import type { Archive, DescribedInstance } from '../archive/archive.ts';
import type { Database } from '../catalog/database.ts';
import { isFetched, readPriorSearch } from '../catalog/fetched-priors.ts';
import { readEarlierStudies, readSeriesOf } from '../catalog/study-series.ts';
import { readOrder } from '../catalog/worklist.ts';
import type { ImageHeader } from '../imaging/assemble/image-header.ts';
import { imageHeaderOf } from '../imaging/assemble/read-frames.ts';
import { inTurns } from '../turns.ts';
import type { Routing } from './plan-analyses.ts';
import { type EarlierStudy, type StudySeries, type StudyView, seriesOf } from './study-view.ts';

export interface LoadParts {
  readonly database: Database;
  readonly archive: Archive;
}

/** Of one patient, for one analysis. */
const MOST_PRIORS = 8;

export interface LoadOptions {
  /** A series that is known to have come to rest, whatever the tables say yet: its instances, with their headers. */
  readonly settled?: readonly DescribedInstance[];
  /** Series that are still coming, too: to be told about. */
  readonly all?: boolean;
}

/**
 * A study as routing sees it, from headers alone. Where no model has a second slot and no route asks about the study, only
 * the series that settles is read: a study may have thousands of images.
 */
export async function loadStudy(
  parts: LoadParts,
  studyInstanceUid: string,
  routing: Routing,
  { settled = [], all = false }: LoadOptions = {},
): Promise<StudyView> {
  const { database } = parts;
  const known = settled[0]?.seriesInstanceUid;
  const others =
    known !== undefined && !all && !asksBeyondOneSeries(routing)
      ? []
      : (await readSeriesOf(database, studyInstanceUid))
          .filter((series) => series.seriesInstanceUid !== known && (all || series.settled))
          .map(({ seriesInstanceUid }) => seriesInstanceUid);
  const [fetched, search, order] = await Promise.all([
    isFetched(database, studyInstanceUid),
    readPriorSearch(database, studyInstanceUid),
    readOrder(database, studyInstanceUid),
  ]);
  return {
    studyInstanceUid,
    series: [
      ...[seriesOf(settled, fetched, await headersOf(settled))].filter((one) => one !== undefined),
      ...(await loadSeries(parts, studyInstanceUid, others, fetched)),
    ].sort((a, b) => (a.seriesNumber ?? 0) - (b.seriesNumber ?? 0)),
    priors: await loadPriors(parts, studyInstanceUid, routing),
    priorsSearched: search?.state === 'done',
    priority: order?.order?.requestedProcedurePriority?.toLowerCase(),
    now: new Date(),
  };
}

function asksBeyondOneSeries({ library, routes }: Routing): boolean {
  return (
    routes.some(({ study, priority }) => study !== undefined || priority?.some(({ when }) => when !== undefined)) ||
    library.models.some(({ manifest }) => manifest.inputs.length > 1 || manifest.gates.length > 0)
  );
}

async function loadSeries(
  { archive }: LoadParts,
  studyInstanceUid: string,
  seriesInstanceUids: readonly string[],
  fetched: boolean,
): Promise<StudySeries[]> {
  const series: StudySeries[] = [];
  for (const seriesInstanceUid of seriesInstanceUids) {
    const instances = await archive.describe({ studyInstanceUid, seriesInstanceUid });
    const one = seriesOf(instances, fetched, await headersOf(instances));
    if (one) series.push(one);
  }
  return series;
}

function headersOf(instances: readonly DescribedInstance[]): Promise<ImageHeader[]> {
  return inTurns(instances, ({ dataset, transferSyntaxUid }) => imageHeaderOf(dataset, transferSyntaxUid));
}

/** Only where a model has a slot for one: most have not. */
async function loadPriors(parts: LoadParts, studyInstanceUid: string, { library }: Routing): Promise<EarlierStudy[]> {
  const days = library.models.flatMap(({ manifest }) => manifest.inputs.map(({ prior }) => prior?.withinDays ?? 0));
  const withinDays = Math.max(0, ...days);
  if (withinDays === 0) return [];
  const studies = await readEarlierStudies(parts.database, studyInstanceUid, { withinDays, most: MOST_PRIORS });
  const priors: EarlierStudy[] = [];
  for (const study of studies) {
    const held = await readSeriesOf(parts.database, study.studyInstanceUid);
    const settled = held.filter((one) => one.settled).map(({ seriesInstanceUid }) => seriesInstanceUid);
    priors.push({ ...study, series: await loadSeries(parts, study.studyInstanceUid, settled, false) });
  }
  return priors;
}
