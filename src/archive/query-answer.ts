import type { Found } from '../catalog/search.ts';
import { dataset } from '../dicom/build.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { tagOf, vrOf } from '../dicom/dictionary.ts';
import type { Query } from '../dicom/query.ts';

/** Every attribute known of a match: kept with study and series, read from the instance, or counted. */
function knownOf(found: Found): JsonDataset {
  return {
    ...found.study,
    ...found.series,
    ...found.instance,
    ...dataset({
      InstanceAvailability: 'ONLINE',
      ModalitiesInStudy: found.modalitiesInStudy,
      NumberOfStudyRelatedSeries: found.numberOfStudyRelatedSeries,
      NumberOfStudyRelatedInstances: found.numberOfStudyRelatedInstances,
      NumberOfSeriesRelatedInstances: found.numberOfSeriesRelatedInstances,
    }),
  };
}

/**
 * A C-FIND answer (PS3.4 C.4.1.1.3.2): every key that was asked for, empty where it is not known, with the level and
 * where to retrieve from.
 */
export function findAnswer(found: Found, keys: JsonDataset, retrieveAeTitle: string): JsonDataset {
  const level = found.instance ? 'IMAGE' : found.series ? 'SERIES' : 'STUDY';
  const always = dataset({
    SpecificCharacterSet: 'ISO_IR 192',
    QueryRetrieveLevel: level,
    RetrieveAETitle: retrieveAeTitle,
  });
  const known = { ...knownOf(found), ...always };
  const tags = new Set([...Object.keys(keys), ...Object.keys(always)]);
  return Object.fromEntries([...tags].sort().map((tag) => [tag, known[tag] ?? { vr: vrOf(tag) ?? keys[tag]!.vr }]));
}

/** Attributes of a QIDO-RS answer besides those kept with study and series (PS3.18 Tables 10.6.3-3 to 10.6.3-5). */
const COUNTED: Readonly<Record<Query['level'], readonly string[]>> = {
  study: ['InstanceAvailability', 'ModalitiesInStudy', 'NumberOfStudyRelatedSeries', 'NumberOfStudyRelatedInstances'],
  series: ['InstanceAvailability', 'NumberOfSeriesRelatedInstances'],
  instance: [
    'InstanceAvailability',
    'SOPClassUID',
    'SOPInstanceUID',
    'InstanceNumber',
    'Rows',
    'Columns',
    'BitsAllocated',
    'NumberOfFrames',
  ],
};

/** A QIDO-RS answer: what its level requires, what was matched on, what includefield names. */
export function qidoAnswer(found: Found, query: Query): JsonDataset {
  const known = knownOf(found);
  if (query.include === 'all') return withoutBulk(known);
  const required = COUNTED[query.level].map((keyword) => tagOf(keyword)!);
  const wanted = new Set([
    ...required,
    ...Object.keys(found.study),
    ...Object.keys(found.series ?? {}),
    ...[...query.filters.keys(), ...query.include].map(firstTag),
  ]);
  return Object.fromEntries([...wanted].flatMap((tag) => (known[tag] === undefined ? [] : [[tag, known[tag]]])));
}

function firstTag(path: string): string {
  return path.slice(0, 8);
}

function withoutBulk(known: JsonDataset): JsonDataset {
  return Object.fromEntries(Object.entries(known).filter(([, element]) => element.BulkDataURI === undefined));
}
