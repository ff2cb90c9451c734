import type { JsonDataset } from '../dicom/dataset.ts';
import { number, text } from '../dicom/read-values.ts';
import type { ImageHeader } from '../imaging/assemble/image-header.ts';
import { imageHeaderOf } from '../imaging/assemble/read-frames.ts';
import type { Facts } from '../routing/facts.ts';
import { seriesFacts } from '../routing/series-facts.ts';

/** A series as routing sees it. */
export interface StudySeries {
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
  readonly seriesNumber: number | undefined;
  readonly sopInstanceUids: readonly string[];
  /** One for all of its images, or undefined where they have several or none. */
  readonly frameOfReferenceUid: string | undefined;
  readonly facts: Facts;
  /** One an instance, as assembly reads them. */
  readonly headers: readonly ImageHeader[];
  /** When the last of its instances came. */
  readonly receivedAt: Date;
  /** Whether it was fetched as the prior of another study. */
  readonly fetched: boolean;
}

export interface EarlierStudy {
  readonly studyInstanceUid: string;
  /** Before the study that is planned. */
  readonly days: number;
  readonly series: readonly StudySeries[];
}

/** A study as it is here at a moment: its series that have come to rest. */
export interface StudyView {
  readonly studyInstanceUid: string;
  readonly series: readonly StudySeries[];
  /** Of the same patient, the newest first; only those that a prior slot may take. */
  readonly priors: readonly EarlierStudy[];
  /** Peers were asked for earlier ones, and have answered: there will be no more. */
  readonly priorsSearched: boolean;
  /** Requested Procedure Priority of its order. */
  readonly priority: string | undefined;
  readonly now: Date;
}

/** @param instances of one series, with their headers */
export function seriesOf(
  instances: readonly {
    readonly studyInstanceUid: string;
    readonly seriesInstanceUid: string;
    readonly sopInstanceUid: string;
    readonly transferSyntaxUid: string;
    readonly receivedAt: Date;
    readonly dataset: JsonDataset;
  }[],
  fetched = false,
  headers: readonly ImageHeader[] = instances.map(({ dataset, transferSyntaxUid }) =>
    imageHeaderOf(dataset, transferSyntaxUid),
  ),
): StudySeries | undefined {
  const [first] = instances;
  if (first === undefined) return undefined;
  const frames = new Set(instances.map(({ dataset }) => text(dataset, 'FrameOfReferenceUID')));
  return {
    studyInstanceUid: first.studyInstanceUid,
    seriesInstanceUid: first.seriesInstanceUid,
    seriesNumber: number(first.dataset, 'SeriesNumber'),
    sopInstanceUids: instances.map(({ sopInstanceUid }) => sopInstanceUid),
    frameOfReferenceUid: frames.size === 1 ? [...frames][0] : undefined,
    facts: seriesFacts(
      instances.map(({ dataset }) => dataset),
      headers,
    ),
    headers,
    receivedAt: new Date(instances.reduce((newest, { receivedAt }) => Math.max(newest, receivedAt.getTime()), 0)),
    fetched,
  };
}

/** "series 4", or by its UID where it has no number. */
export function nameOfSeries({ seriesNumber, seriesInstanceUid }: StudySeries): string {
  return seriesNumber === undefined ? `series ${seriesInstanceUid}` : `series ${seriesNumber}`;
}
