import type { JsonDataset, JsonElement, JsonValue } from '../dicom/dataset.ts';
import { personNameText } from '../dicom/person-name.ts';
import { isItem, items, text } from '../dicom/read-values.ts';
import type { AttributeTerm, PathStep, Value } from './condition.ts';
import { dateText, timeText, yearsBetween, yearsOf } from './moments.ts';
import type { TermType } from './tests.ts';

/** The values of an attribute in one image, or in one frame of it; none where it is absent or empty. */
export type Reading = readonly Value[];

const PATIENT_AGE = '00101010';

/**
 * What an attribute says in a data set: one reading, or one for each different thing that the frames of an enhanced
 * object say (PS3.3 C.7.6.16: what is not in the data set itself stands in its functional groups).
 */
export function readingsOf(dataset: JsonDataset, term: AttributeTerm, type: TermType): Reading[] {
  const own = valuesAt(dataset, term.path);
  if (own.length > 0) return [typed(own, type)];
  if (term.path.length === 1 && term.path[0]!.tag === PATIENT_AGE) return [ageOf(dataset)];
  const framed = inFunctionalGroups(dataset, term.path);
  const readings = framed.map((values) => typed(values, type));
  return readings.length === 0 ? [[]] : distinct(readings);
}

function distinct(readings: readonly Reading[]): Reading[] {
  return [...new Map(readings.map((reading) => [reading.join('\\'), reading])).values()];
}

/** Patient's Age, or the years from birth to the study where it is absent. Never printed. */
export function ageOf(dataset: JsonDataset): readonly number[] {
  const said = yearsOf(text(dataset, 'PatientAge') ?? '');
  const day = text(dataset, 'StudyDate') ?? text(dataset, 'SeriesDate') ?? text(dataset, 'AcquisitionDate');
  const years = said ?? yearsBetween(text(dataset, 'PatientBirthDate') ?? '', day ?? '');
  return years === undefined ? [] : [years];
}

/** Whether the attribute is there with a value, or as a sequence with an item. */
export function existsIn(dataset: JsonDataset, term: AttributeTerm): boolean {
  return (
    elementsAt(dataset, term.path).some(hasValue) ||
    groupMacros(dataset).some((macro) => elementsAt(macro, term.path).some(hasValue))
  );
}

function hasValue({ Value, InlineBinary, BulkDataURI }: JsonElement): boolean {
  return (
    InlineBinary !== undefined ||
    BulkDataURI !== undefined ||
    (Value ?? []).some((value) => value !== null && value !== '')
  );
}

function inFunctionalGroups(dataset: JsonDataset, path: readonly PathStep[]): JsonValue[][] {
  return groupMacros(dataset).flatMap((macro) => {
    const values = valuesAt(macro, path);
    return values.length === 0 ? [] : [values];
  });
}

/** The items of every macro of the shared and the per-frame functional groups; none in an object without. */
function groupMacros(dataset: JsonDataset): JsonDataset[] {
  const groups = ['SharedFunctionalGroupsSequence', 'PerFrameFunctionalGroupsSequence'].flatMap((keyword) =>
    items(dataset, keyword),
  );
  return groups.flatMap((group) =>
    Object.values(group).flatMap(({ vr, Value }) => (vr === 'SQ' ? (Value ?? []).filter(isItem) : [])),
  );
}

function valuesAt(dataset: JsonDataset, path: readonly PathStep[]): JsonValue[] {
  const index = path.at(-1)?.index;
  return elementsAt(dataset, path).flatMap((element) => {
    const values = element.Value ?? textInBinary(element);
    return (index === undefined ? values : values.slice(index - 1, index)).filter(
      (value) => value !== null && value !== '',
    );
  });
}

function elementsAt(dataset: JsonDataset, path: readonly PathStep[]): JsonElement[] {
  const [step, ...rest] = path;
  const element = step && dataset[tagIn(dataset, step) ?? ''];
  if (step === undefined || element === undefined) return [];
  if (rest.length === 0) return [element];
  const inner = element.vr === 'SQ' ? (element.Value ?? []).filter(isItem) : [];
  const chosen = step.index === undefined ? inner : inner.slice(step.index - 1, step.index);
  return chosen.flatMap((item) => elementsAt(item, rest));
}

/** A private attribute lies in the block that its creator has reserved (PS3.5 7.8.1). */
function tagIn(dataset: JsonDataset, { tag, creator }: PathStep): string | undefined {
  if (creator === undefined) return tag;
  const group = tag.slice(0, 4);
  for (let block = 0x10; block <= 0xff; block++) {
    const digits = block.toString(16).toUpperCase();
    const [name] = dataset[`${group}00${digits}`]?.Value ?? [];
    if (typeof name === 'string' && name.trim() === creator) return `${group}${digits}${tag.slice(6)}`;
  }
  return undefined;
}

/** Private attributes of implicit VR data are kept as bytes (UN): most of them are text. */
function textInBinary({ vr, InlineBinary }: JsonElement): readonly JsonValue[] {
  if (vr !== 'UN' || InlineBinary === undefined) return [];
  const written = Buffer.from(InlineBinary, 'base64').toString('latin1');
  return /^[\x20-\x7e\0]+$/.test(written) ? written.replaceAll('\0', '').split('\\') : [];
}

function typed(values: readonly JsonValue[], type: TermType): Value[] {
  return values.flatMap((value) => typedValue(value, type) ?? []);
}

function typedValue(value: JsonValue, type: TermType): Value | undefined {
  const written = typeof value === 'object' && value !== null && !isName(value) ? undefined : asText(value);
  if (written === undefined) return undefined;
  switch (type) {
    case 'number':
      return Number.isFinite(Number(written)) ? Number(written) : undefined;
    case 'date':
      return dateText(written);
    case 'time':
      return timeText(written);
    case 'age':
      return yearsOf(written);
    case 'moment':
      return /^\d{4,14}/.exec(written)?.[0];
    case 'any':
      return typeof value === 'number' ? value : written;
    default:
      return written;
  }
}

function isName(value: object): boolean {
  return 'Alphabetic' in value || 'Ideographic' in value || 'Phonetic' in value;
}

function asText(value: JsonValue): string | undefined {
  if (value === null) return undefined;
  return (typeof value === 'object' ? personNameText(value) : String(value)).trim();
}
