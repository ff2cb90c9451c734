import { KEPT } from '../catalog/kept-attributes.ts';
import { isMatched } from '../catalog/query-keys.ts';
import type { Found } from '../catalog/search.ts';
import { dataset } from '../dicom/build.ts';
import type { JsonDataset, JsonElement, JsonValue, Vr } from '../dicom/dataset.ts';
import { keywordOf, tagOf, vrOf } from '../dicom/dictionary.ts';
import type { Query, QueryLevel } from '../dicom/query.ts';
import { isItem } from '../dicom/read-values.ts';

/** An answer with the instance's own attributes, where the query needs them. */
export interface Answered extends Found {
  readonly own?: JsonDataset;
}

/** Attributes that are counted or known otherwise than from kept attributes (PS3.4 C.3.4). */
const COMPUTED: ReadonlyMap<string, (found: Found) => JsonValue | readonly JsonValue[] | null | undefined> = new Map<
  string,
  (found: Found) => JsonValue | readonly JsonValue[] | null | undefined
>([
  [tagOf('InstanceAvailability')!, () => 'ONLINE'],
  [tagOf('ModalitiesInStudy')!, (found) => found.modalitiesInStudy],
  [tagOf('SOPClassesInStudy')!, (found) => found.sopClassesInStudy],
  [tagOf('NumberOfPatientRelatedStudies')!, (found) => found.numberOfPatientRelatedStudies],
  [tagOf('NumberOfPatientRelatedSeries')!, (found) => found.numberOfPatientRelatedSeries],
  [tagOf('NumberOfPatientRelatedInstances')!, (found) => found.numberOfPatientRelatedInstances],
  [tagOf('NumberOfStudyRelatedSeries')!, (found) => found.numberOfStudyRelatedSeries],
  [tagOf('NumberOfStudyRelatedInstances')!, (found) => found.numberOfStudyRelatedInstances],
  [tagOf('NumberOfSeriesRelatedInstances')!, (found) => found.numberOfSeriesRelatedInstances],
  [tagOf('SOPInstanceUID')!, (found) => found.sopInstanceUid],
  [tagOf('SOPClassUID')!, (found) => found.sopClassUid],
  [tagOf('InstanceNumber')!, (found) => found.instanceNumber],
]);

/** What is known of an attribute of the answer: computed, of the instance itself, or kept with series and study. */
function elementOf(found: Answered, tag: string): JsonElement | undefined {
  const computed = COMPUTED.get(tag)?.(found);
  if (computed !== undefined && computed !== null) {
    const values = isList(computed) ? computed : [computed];
    return values.length === 0 ? { vr: vrOf(tag)! } : { vr: vrOf(tag)!, Value: values };
  }
  return found.own?.[tag] ?? found.series?.[tag] ?? keptOf(found, tag);
}

function isList(value: JsonValue | readonly JsonValue[]): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** A patient is told about by one of its studies, whose own attributes are no answer. */
function keptOf(found: Found, tag: string): JsonElement | undefined {
  return found.level === 'patient' && !KEPT.patient.has(tag) ? undefined : found.study[tag];
}

/**
 * Whether an answer needs the instance's own attributes, which are read from where they were written down: any that is
 * asked for and neither computed nor kept.
 */
export function needsOwnAttributes(query: Query): boolean {
  if (query.level !== 'instance') return false;
  if (query.include === 'all') return true;
  return [...query.include, ...query.filters.keys()].some((path) => {
    const tag = path.slice(0, 8);
    return !COMPUTED.has(tag) && !KEPT.instance.has(tag) && !OF_THE_ANSWER.has(tag);
  });
}

const LEVEL_NAMES: Readonly<Record<QueryLevel, string>> = {
  patient: 'PATIENT',
  study: 'STUDY',
  series: 'SERIES',
  instance: 'IMAGE',
};

const SPECIFIC_CHARACTER_SET = '00080005';
const QUERY_RETRIEVE_LEVEL = '00080052';
const RETRIEVE_AE_TITLE = '00080054';
const OF_THE_ANSWER: ReadonlySet<string> = new Set([SPECIFIC_CHARACTER_SET, QUERY_RETRIEVE_LEVEL, RETRIEVE_AE_TITLE]);

/**
 * How the matches of one C-FIND are answered (PS3.4 C.4.1.1.3.2): every key that was asked for, empty where it is not
 * known, with the level and where to retrieve from. Items of a sequence have the keys that were asked for in its item.
 * What all answers have in common is prepared once.
 */
export function findAnswers(
  keys: JsonDataset,
  { level }: Query,
  retrieveAeTitle: string,
): (found: Answered) => JsonDataset {
  const always = dataset({
    SpecificCharacterSet: 'ISO_IR 192',
    QueryRetrieveLevel: LEVEL_NAMES[level],
    RetrieveAETitle: retrieveAeTitle,
  });
  const parts = [...new Set([...Object.keys(keys), ...Object.keys(always)])].sort().map((tag) => {
    const vr: Vr = vrOf(tag) ?? keys[tag]!.vr;
    return { tag, fixed: always[tag], empty: { vr }, item: itemKeysOf(keys[tag]) };
  });
  return (found) => {
    const answer: Record<string, JsonElement> = {};
    for (const { tag, fixed, empty, item } of parts) {
      const element = fixed ?? elementOf(found, tag) ?? empty;
      answer[tag] = item === undefined ? element : withKeysOf(element, item);
    }
    return answer;
  };
}

/** The keys below a sequence; none where the sequence was asked for as a whole. */
function itemKeysOf(key: JsonElement | undefined): JsonDataset | undefined {
  const [first] = key?.vr === 'SQ' ? (key.Value ?? []) : [];
  return first !== undefined && isItem(first) && Object.keys(first).length > 0 ? first : undefined;
}

function withKeysOf(element: JsonElement, keys: JsonDataset): JsonElement {
  if (element.vr !== 'SQ' || element.Value === undefined) return element;
  const items = element.Value.filter(isItem).map((item) =>
    Object.fromEntries(Object.entries(keys).map(([tag, key]) => [tag, item[tag] ?? { vr: key.vr }])),
  );
  return { vr: 'SQ', Value: items };
}

/** Type R and U of PS3.18 Tables 10.6.3-3 to 10.6.3-5: in every answer of the level, empty where there is no value. */
const REQUIRED: Readonly<Record<QueryLevel, readonly string[]>> = {
  patient: ['PatientName', 'PatientID', 'PatientBirthDate', 'PatientSex'],
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

/** Type C and what viewers show besides: where they are known. */
const IF_KNOWN: Readonly<Record<QueryLevel, readonly string[]>> = {
  patient: ['NumberOfPatientRelatedStudies', 'NumberOfPatientRelatedSeries', 'NumberOfPatientRelatedInstances'],
  study: [
    'InstanceAvailability',
    'IssuerOfAccessionNumberSequence',
    'TimezoneOffsetFromUTC',
    'StudyDescription',
    'ProcedureCodeSequence',
    'NameOfPhysiciansReadingStudy',
    'IssuerOfPatientID',
    'PatientAge',
  ],
  series: [
    'InstanceAvailability',
    'SeriesDate',
    'SeriesTime',
    'Manufacturer',
    'SeriesDescription',
    'StationName',
    'ManufacturerModelName',
    'TimezoneOffsetFromUTC',
    'BodyPartExamined',
    'ProtocolName',
    'Laterality',
    'PerformedProcedureStepStartDate',
    'PerformedProcedureStepStartTime',
    'RequestAttributesSequence',
  ],
  instance: ['InstanceAvailability', 'Rows', 'Columns', 'BitsAllocated', 'NumberOfFrames'],
};

const ABOVE: Readonly<Record<QueryLevel, readonly QueryLevel[]>> = {
  patient: ['patient'],
  study: ['study'],
  series: ['study', 'series'],
  instance: ['study', 'series', 'instance'],
};

/** A QIDO-RS answer: what its level requires, what was matched on, what includefield names. */
export function qidoAnswer(found: Answered, query: Query): JsonDataset {
  const required = new Set(REQUIRED[query.level].map((keyword) => tagOf(keyword)!));
  const usual = ABOVE[query.level].flatMap((level) => [...REQUIRED[level], ...IF_KNOWN[level]]);
  const asked = [...query.filters.keys(), ...(query.include === 'all' ? everyTag(found) : query.include)];
  const tags = new Set([...usual.map((keyword) => tagOf(keyword)!), ...asked.map(firstTag)]);
  return Object.fromEntries(
    [...tags].flatMap((tag) => {
      const element = elementOf(found, tag) ?? (required.has(tag) ? { vr: vrOf(tag)! } : undefined);
      return element === undefined ? [] : [[tag, element]];
    }),
  );
}

function everyTag(found: Answered): string[] {
  return [found.study, found.series, found.own].flatMap((known) => Object.keys(known ?? {}));
}

/** Names of keys that this archive cannot match at that level; they matched everything (PS3.4 C.2.2.1.3). */
export function unmatchedKeys(query: Query): string[] {
  return [...query.filters]
    .filter(([path, match]) => match.kind !== 'any' && !isMatched(path, query.level))
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
