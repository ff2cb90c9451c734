import type { Found } from '../catalog/found.ts';
import { SHAPE_TAGS } from '../catalog/image-shape.ts';
import { KEPT } from '../catalog/kept-attributes.ts';
import { isMatched } from '../catalog/query-keys.ts';
import { filtersOnOwn } from '../catalog/search.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { isPrivate, keywordOf, tagOf, vrOf } from '../dicom/dictionary.ts';
import { membersOf } from '../dicom/json-members.ts';
import { jsonText } from '../dicom/json-text.ts';
import type { Query, QueryLevel } from '../dicom/query.ts';
import { isItem } from '../dicom/read-values.ts';
import { creatorTag, privatePath } from './private-attributes.ts';
import { computedElement } from './query-answer.ts';

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
  patient: [
    'IssuerOfPatientID',
    'NumberOfPatientRelatedStudies',
    'NumberOfPatientRelatedSeries',
    'NumberOfPatientRelatedInstances',
  ],
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

/** The tags of what an answer must have, and of what it has anyway. */
const OF_LEVEL = {
  patient: ofLevel('patient'),
  study: ofLevel('study'),
  series: ofLevel('series'),
  instance: ofLevel('instance'),
};

function ofLevel(level: QueryLevel): { readonly required: ReadonlySet<string>; readonly usual: readonly string[] } {
  const tags = (keywords: readonly string[]): string[] => keywords.map((keyword) => tagOf(keyword)!);
  return {
    required: new Set(tags(REQUIRED[level])),
    usual: ABOVE[level].flatMap((above) => tags([...REQUIRED[above], ...IF_KNOWN[above]])),
  };
}

const SPECIFIC_CHARACTER_SET = tagOf('SpecificCharacterSet')!;
const RETRIEVE_URL = tagOf('RetrieveURL')!;

/** JSON is always UTF-8 (PS3.18 F.2). */
const UTF_8 = '{"vr":"CS","Value":["ISO_IR 192"]}';

/** What is asked for in items only, by sequence: the attributes below it. */
type Parts = ReadonlyMap<string, readonly string[]>;

/**
 * How the matches of one QIDO-RS query are answered, as DICOM JSON text: what the level requires, what was matched on,
 * what includefield names. Kept attributes go from the row into the answer as the text that they are. What all answers
 * have in common is prepared once.
 */
export function qidoAnswers(query: Query): (found: Found, retrieveUrl: string | undefined) => string {
  const { required, usual } = OF_LEVEL[query.level];
  const asked = [...query.filters.keys(), ...(query.include === 'all' ? [] : query.include)];
  const whole = new Set([
    SPECIFIC_CHARACTER_SET,
    RETRIEVE_URL,
    ...usual,
    ...asked.filter((path) => !path.includes('.')),
  ]);
  const parts = partsOf(asked, whole);
  const fixed = [...new Set([...whole, ...parts.keys()])].sort();
  return (found, retrieveUrl) => {
    const known = knownOf(found);
    const text = (tag: string): string | undefined => {
      if (tag === SPECIFIC_CHARACTER_SET) return UTF_8;
      if (tag === RETRIEVE_URL) return retrieveUrl && `{"vr":"UR","Value":[${JSON.stringify(retrieveUrl)}]}`;
      const computed = computedElement(found, tag);
      if (computed !== undefined) return JSON.stringify(computed);
      const member = known(tag);
      const below = query.include === 'all' ? undefined : parts.get(tag);
      if (member !== undefined) return below === undefined ? member : withParts(member, below);
      return required.has(tag) ? `{"vr":"${vrOf(tag)!}"}` : undefined;
    };
    const members: string[] = [];
    for (const tag of tagsFor(found, query, fixed)) {
      const member = text(tag);
      if (member !== undefined) members.push(`"${tag}":${member}`);
    }
    return `{${members.join(',')}}`;
  };
}

/** Paths into sequences, unless the sequence is there as a whole. */
function partsOf(asked: readonly string[], whole: ReadonlySet<string>): Parts {
  const parts = new Map<string, string[]>();
  for (const path of asked) {
    const sequence = path.slice(0, 8);
    if (!path.includes('.') || whole.has(sequence)) continue;
    parts.set(sequence, [...(parts.get(sequence) ?? []), path.slice(9)]);
  }
  return parts;
}

/** The attributes of one answer in the order of their tags: those that are fixed, all that are known, private ones. */
function tagsFor(found: Found, query: Query, fixed: readonly string[]): readonly string[] {
  if (query.include === 'all') {
    const { study, series, shape, own } = found;
    const kept =
      found.level === 'patient' ? Object.keys(study).filter((tag) => KEPT.patient.has(tag)) : Object.keys(study);
    return [...new Set([...fixed, ...kept, ...[series, shape, own].flatMap((one) => Object.keys(one ?? {}))])].sort();
  }
  if (found.own === undefined || !fixed.some(isPrivate)) return fixed;
  const own = found.own;
  const resolved = fixed.flatMap((tag) => {
    const there = privatePath(tag, own, query.creators);
    const creator = creatorTag(there);
    return creator === undefined || own[there] === undefined ? [there] : [creator, there];
  });
  return [...new Set(resolved)].sort();
}

/** The text of an attribute, as it stands in the instance itself, or is kept with series and study. */
function knownOf(found: Found): (tag: string) => string | undefined {
  const { level, row, shape } = found;
  const study = membersOf(row.study);
  const series = row.series === undefined ? undefined : membersOf(row.series);
  const own = row.own === undefined ? undefined : membersOf(row.own);
  return (tag) => {
    // a patient is told about by one of its studies, whose own attributes are no answer
    if (level === 'patient' && !KEPT.patient.has(tag)) return undefined;
    const ofItself = own?.get(tag);
    if (ofItself !== undefined) return ofItself;
    if (shape !== undefined && SHAPE_TAGS.has(tag)) return shape[tag] && JSON.stringify(shape[tag]);
    return series?.get(tag) ?? study.get(tag);
  };
}

/** The items of a sequence with the attributes that were asked for, and no others (PS3.4 C.2.2.2.6). */
function withParts(member: string, paths: readonly string[]): string {
  const element: JsonDataset[string] = JSON.parse(member);
  if (element.vr !== 'SQ' || element.Value === undefined) return member;
  const items = element.Value.map((item) => (isItem(item) ? itemParts(item, paths) : '{}'));
  return `{"vr":"SQ","Value":[${items.join(',')}]}`;
}

function itemParts(item: JsonDataset, paths: readonly string[]): string {
  const whole = new Set(paths.filter((path) => !path.includes('.')));
  const parts = partsOf(paths, whole);
  const members = [...new Set([...whole, ...parts.keys()])].sort().flatMap((tag) => {
    const element = item[tag];
    if (element === undefined) return [];
    const text = jsonText({ [tag]: element }).slice(tag.length + 4, -1);
    const below = parts.get(tag);
    return [`"${tag}":${below === undefined ? text : withParts(text, below)}`];
  });
  return `{${members.join(',')}}`;
}

/** Names of keys that this archive cannot match at that level; they matched everything (PS3.4 C.2.2.1.3). */
export function unmatchedKeys(query: Query): string[] {
  const own = filtersOnOwn(query);
  return [...query.filters]
    .filter(([path, match]) => match.kind !== 'any' && !isMatched(path, query.level) && !own.has(path))
    .map(([path]) =>
      path
        .split('.')
        .map((tag) => keywordOf(tag) ?? tag)
        .join('.'),
    );
}
