import type { Archive, DescribedInstance } from '../archive/archive.ts';
import type { Arrival } from '../archive/arrivals.ts';
import { type ExpectedOfSeries, expectedInstances } from '../catalog/availability.ts';
import type { Database } from '../catalog/database.ts';
import { readPace } from '../catalog/settlements.ts';
import { number, text } from '../dicom/read-values.ts';
import type { AskSource } from './ask-source.ts';
import type { Announcement, CompletenessEvidence, Sending } from './completeness.ts';
import { closureOf } from './geometry-closure.ts';
import { isBelieved, NO_PACE, resumesWithin, type SourcePace } from './source-pace.ts';

export interface EvidenceParts {
  readonly database: Database;
  readonly archive: Archive;
  readonly askSource?: AskSource | undefined;
}

interface Place {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
}

export interface LoadedEvidence {
  readonly evidence: CompletenessEvidence;
  /** Whether the counts in the headers came true; undefined where there are none. For what is learned of the sender. */
  readonly announced: 'met' | 'unmet' | undefined;
  readonly source: string | undefined;
  readonly modality: string;
}

/**
 * Everything that says whether a series is complete: what its sender does, what the headers, modalities and archives
 * announce, and how its images lie.
 */
export async function loadEvidence(
  { database, archive, askSource }: EvidenceParts,
  place: Place,
  instances: readonly DescribedInstance[],
  arrival: Arrival | undefined,
): Promise<LoadedEvidence> {
  const datasets = instances.map(({ dataset }) => dataset);
  const modality = text(datasets[0] ?? {}, 'Modality') ?? '';
  const source = arrival?.source;
  const pace = source === undefined ? NO_PACE : paceOf(await readPace(database, source, modality));
  const headers = await headerCounts(archive, place, instances);
  const lists = listed(await expectedInstances(database, place.seriesInstanceUid));
  const asked = source === undefined ? undefined : await askSource?.(source, place);
  const announcements = [
    ...lists,
    ...(asked === undefined
      ? []
      : [{ by: 'its sender, asked by C-FIND,', expected: asked, held: instances.length, of: 'acquisition' as const }]),
    ...(isBelieved(pace) ? headers : []),
  ];
  const counts = headers.filter(({ of }) => of !== 'study');
  return {
    evidence: {
      held: instances.length,
      quiet: quietOf(instances, arrival),
      sending: arrival && sendingOf(arrival, pace),
      announcements,
      closure: closureOf(datasets),
    },
    announced:
      counts.length === 0 ? undefined : counts.every(({ expected, held }) => held >= expected) ? 'met' : 'unmet',
    source,
    modality,
  };
}

/** Seconds; by the database's clock where the process knows nothing of it. */
function quietOf(instances: readonly DescribedInstance[], arrival: Arrival | undefined): number {
  if (arrival) return arrival.quietMs / 1000;
  const newest = Math.max(...instances.map(({ receivedAt }) => receivedAt.getTime()));
  return Math.max(0, (Date.now() - newest) / 1000);
}

function sendingOf(arrival: Arrival, pace: SourcePace): Sending {
  const resumes = resumesWithin(pace);
  return {
    open: arrival.open > 0,
    othersOpen: arrival.othersOpen > 0,
    cut: arrival.lastEnd === 'cut',
    transfers: arrival.transfers,
    longestPause: arrival.longestBetweenMs / 1000,
    resumesWithin: resumes === undefined ? undefined : resumes / 1000,
  };
}

/**
 * Images in Acquisition (0020,1002), of each acquisition that the series names; Number of Series Related Instances
 * (0020,1209) and Number of Study Related Instances (0020,1208) where a sender writes them into its objects.
 */
async function headerCounts(
  archive: Archive,
  { studyInstanceUid }: Place,
  instances: readonly DescribedInstance[],
): Promise<Announcement[]> {
  const counts: Announcement[] = [];
  const most = (keyword: string, of: readonly DescribedInstance[]): number | undefined => {
    const values = of
      .flatMap(({ dataset }) => number(dataset, keyword) ?? [])
      .filter((n) => Number.isInteger(n) && n > 0);
    return values.length === 0 ? undefined : Math.max(...values);
  };
  const inSeries = most('NumberOfSeriesRelatedInstances', instances);
  if (inSeries !== undefined)
    counts.push({
      by: 'Number of Series Related Instances (0020,1209)',
      expected: inSeries,
      held: instances.length,
      of: 'series',
    });
  const acquisitions = new Map<string, DescribedInstance[]>();
  for (const instance of instances) {
    const acquisition = text(instance.dataset, 'AcquisitionNumber') ?? '';
    const members = acquisitions.get(acquisition);
    if (members) members.push(instance);
    else acquisitions.set(acquisition, [instance]);
  }
  for (const members of acquisitions.values()) {
    const expected = most('ImagesInAcquisition', members);
    if (expected !== undefined)
      counts.push({ by: 'Images in Acquisition (0020,1002)', expected, held: members.length, of: 'acquisition' });
  }
  const inStudy = most('NumberOfStudyRelatedInstances', instances);
  if (inStudy !== undefined) {
    const held = inStudy <= instances.length ? instances.length : (await archive.locate({ studyInstanceUid })).length;
    counts.push({ by: 'Number of Study Related Instances (0020,1208)', expected: inStudy, held, of: 'study' });
  }
  return counts;
}

/** What procedure steps and notices list, each kind as one. */
function listed(expected: readonly ExpectedOfSeries[]): Announcement[] {
  const by = { mpps: 'the procedure step (MPPS)', ian: 'the availability notice (IAN)' };
  return (['mpps', 'ian'] as const).flatMap((source): Announcement[] => {
    const instances = new Map(
      expected.filter((one) => one.source === source).map(({ sopInstanceUid, isHeld }) => [sopInstanceUid, isHeld]),
    );
    if (instances.size === 0) return [];
    const held = [...instances.values()].filter(Boolean).length;
    return [{ by: by[source], expected: instances.size, held, of: 'series' }];
  });
}

/** What the database keeps was written by `learn`, or by a version that counted otherwise. */
export function paceOf(kept: unknown): SourcePace {
  const pace = typeof kept === 'object' && kept !== null ? (kept as Partial<SourcePace>) : {};
  return {
    between: Array.isArray(pace.between) ? pace.between.map(Number) : [],
    series: Number(pace.series ?? 0),
    announcedMet: Number(pace.announcedMet ?? 0),
    announcedUnmet: Number(pace.announcedUnmet ?? 0),
  };
}
