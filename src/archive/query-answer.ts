import type { Found } from '../catalog/found.ts';
import { SHAPE_TAGS } from '../catalog/image-shape.ts';
import { KEPT } from '../catalog/kept-attributes.ts';
import { dataset } from '../dicom/build.ts';
import type { JsonDataset, JsonElement, JsonValue, Vr } from '../dicom/dataset.ts';
import { tagOf, vrOf } from '../dicom/dictionary.ts';
import type { Query, QueryLevel } from '../dicom/query.ts';
import { isItem } from '../dicom/read-values.ts';

/** Attributes that are counted or known otherwise than from kept attributes (PS3.4 C.3.4). */
const COMPUTED: ReadonlyMap<string, (found: Found) => JsonValue | readonly JsonValue[] | null | undefined> = new Map<
  string,
  (found: Found) => JsonValue | readonly JsonValue[] | null | undefined
>([
  [tagOf('InstanceAvailability')!, () => 'ONLINE'],
  [tagOf('ModalitiesInStudy')!, ({ row }) => row.modalitiesInStudy],
  [tagOf('SOPClassesInStudy')!, ({ row }) => row.sopClassesInStudy],
  [tagOf('NumberOfPatientRelatedStudies')!, ({ row }) => row.numberOfPatientRelatedStudies],
  [tagOf('NumberOfPatientRelatedSeries')!, ({ row }) => row.numberOfPatientRelatedSeries],
  [tagOf('NumberOfPatientRelatedInstances')!, ({ row }) => row.numberOfPatientRelatedInstances],
  [tagOf('NumberOfStudyRelatedSeries')!, ({ row }) => row.numberOfStudyRelatedSeries],
  [tagOf('NumberOfStudyRelatedInstances')!, ({ row }) => row.numberOfStudyRelatedInstances],
  [tagOf('NumberOfSeriesRelatedInstances')!, ({ row }) => row.numberOfSeriesRelatedInstances],
  [tagOf('SOPInstanceUID')!, ({ row }) => row.sopInstanceUid],
  [tagOf('SOPClassUID')!, ({ row }) => row.sopClassUid],
  [tagOf('InstanceNumber')!, ({ row }) => row.instanceNumber],
]);

/** What is known of an attribute of the answer: computed, of the instance itself, or kept with series and study. */
function elementOf(found: Found, tag: string): JsonElement | undefined {
  return (
    computedElement(found, tag) ?? found.own?.[tag] ?? found.shape?.[tag] ?? found.series?.[tag] ?? keptOf(found, tag)
  );
}

/** An attribute that is counted, or known otherwise than from kept attributes. */
export function computedElement(found: Found, tag: string): JsonElement | undefined {
  const computed = COMPUTED.get(tag)?.(found);
  if (computed === undefined || computed === null) return undefined;
  const values = isList(computed) ? computed : [computed];
  return values.length === 0 ? { vr: vrOf(tag)! } : { vr: vrOf(tag)!, Value: values };
}

function isList(value: JsonValue | readonly JsonValue[]): value is readonly JsonValue[] {
  return Array.isArray(value);
}

/** A patient is told about by one of its studies, whose own attributes are no answer. */
function keptOf(found: Found, tag: string): JsonElement | undefined {
  return found.level === 'patient' && !KEPT.patient.has(tag) ? undefined : found.study[tag];
}

/**
 * Whether an instance's own attributes have to be read from where they were written down: any that is asked for and
 * neither computed nor kept; those of an image's shape in rows from before they were kept.
 */
export function needsOwn(query: Query): (found: Found) => boolean {
  if (query.level !== 'instance') return () => false;
  const isAlways =
    query.include === 'all' ||
    [...query.include, ...query.filters.keys()].some((path) => {
      const tag = path.slice(0, 8);
      return !COMPUTED.has(tag) && !KEPT.instance.has(tag) && !OF_THE_ANSWER.has(tag) && !SHAPE_TAGS.has(tag);
    });
  return isAlways ? () => true : ({ row }) => row.shape === null;
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
): (found: Found) => JsonDataset {
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
