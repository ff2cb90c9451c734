import { queryKeyOf } from '../catalog/query-keys.ts';
import type { Found } from '../catalog/search.ts';
import { dataset } from '../dicom/build.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { keywordOf, tagOf, vrOf } from '../dicom/dictionary.ts';
import type { Query } from '../dicom/query.ts';

/** Every attribute known of a match: kept with study and series, read from the instance, or counted. */
function knownOf(found: Found): JsonDataset {
  return {
    ...found.study,
    ...found.series,
    ...found.readInstance?.(),
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
  const level = found.sopInstanceUid ? 'IMAGE' : found.seriesInstanceUid ? 'SERIES' : 'STUDY';
  const always = dataset({
    SpecificCharacterSet: 'ISO_IR 192',
    QueryRetrieveLevel: level,
    RetrieveAETitle: retrieveAeTitle,
  });
  const known = { ...knownOf(found), ...always };
  const tags = new Set([...Object.keys(keys), ...Object.keys(always)]);
  return Object.fromEntries([...tags].sort().map((tag) => [tag, known[tag] ?? { vr: vrOf(tag) ?? keys[tag]!.vr }]));
}

/** Type R and U of PS3.18 Tables 10.6.3-3 to 10.6.3-5: in every answer of the level, empty where there is no value. */
const REQUIRED: Readonly<Record<Query['level'], readonly string[]>> = {
  study: [
    'StudyDate',
    'StudyTime',
    'AccessionNumber',
    'ModalitiesInStudy',
    'ReferringPhysicianName',
    'PatientName',
    'PatientID',
    'PatientBirthDate',
    'PatientSex',
    'StudyInstanceUID',
    'StudyID',
    'NumberOfStudyRelatedSeries',
    'NumberOfStudyRelatedInstances',
  ],
  series: ['Modality', 'SeriesInstanceUID', 'SeriesNumber', 'NumberOfSeriesRelatedInstances'],
  instance: ['SOPClassUID', 'SOPInstanceUID', 'InstanceNumber'],
};

/** Type C: where they are known. What is kept with study and series is sent besides. */
const IF_KNOWN: Readonly<Record<Query['level'], readonly string[]>> = {
  study: ['InstanceAvailability'],
  series: ['InstanceAvailability'],
  instance: ['InstanceAvailability', 'Rows', 'Columns', 'BitsAllocated', 'NumberOfFrames'],
};

/** A QIDO-RS answer: what its level requires, what was matched on, what includefield names. */
export function qidoAnswer(found: Found, query: Query): JsonDataset {
  const known = knownOf(found);
  const required = new Set(REQUIRED[query.level].map((keyword) => tagOf(keyword)!));
  const asked = [...query.filters.keys(), ...(query.include === 'all' ? [] : query.include)].map(firstTag);
  const kept = [...Object.keys(found.study), ...Object.keys(found.series ?? {})];
  const ifKnown = IF_KNOWN[query.level].map((keyword) => tagOf(keyword)!);
  const wanted = query.include === 'all' ? Object.keys(known) : [...ifKnown, ...kept, ...asked];
  const tags = new Set([...required, ...wanted]);
  return Object.fromEntries(
    [...tags].flatMap((tag) => {
      const element = known[tag] ?? (required.has(tag) ? { vr: vrOf(tag)! } : undefined);
      return element === undefined ? [] : [[tag, element]];
    }),
  );
}

/** Names of keys that this archive cannot match at that level; they matched everything (PS3.4 C.2.2.1.3). */
export function unmatchedKeys(query: Query): string[] {
  return [...query.filters]
    .filter(([path, match]) => match.kind !== 'any' && queryKeyOf(path, query.level) === undefined)
    .map(([path]) =>
      path
        .split('.')
        .map((tag) => keywordOf(tag) ?? tag)
        .join('.'),
    );
}

function firstTag(path: string): string {
  return path.slice(0, 8);
}
