import { fold } from '../catalog/fold.ts';
import { shapeText } from '../catalog/image-shape.ts';
import { SERIES_ATTRIBUTES, STUDY_ATTRIBUTES } from '../catalog/kept-attributes.ts';
import type { InstanceColumns, InstanceRecord, SeriesColumns, StudyColumns } from '../catalog/record-instances.ts';
import type { JsonDataset, PersonName } from '../dicom/dataset.ts';
import { tagOf } from '../dicom/dictionary.ts';
import { jsonText } from '../dicom/json-text.ts';
import { text } from '../dicom/read-values.ts';
import { type Packed, pack } from '../storage/metadata-log.ts';

export interface Identifiers {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
}

/** What of the data set goes into rows, and its metadata as they are served. */
export interface Description {
  readonly study: StudyColumns;
  readonly series: SeriesColumns;
  readonly instanceNumber: number | null;
  /** Rows, columns, bits and frames. */
  readonly shape: string;
  /** DICOM JSON. */
  readonly metadata: Packed;
}

/** What of an instance is not in its data set: where it lies and how it came. */
export type Whereabouts = Omit<
  InstanceColumns,
  'sopClassUid' | 'instanceNumber' | 'shape' | 'metadata' | 'frameCount' | 'frames'
>;

/** The record of an instance that is in the store already; its metadata and frames are read when they are asked for. */
export function describeInstance(
  dataset: JsonDataset,
  identifiers: Identifiers,
  whereabouts: Whereabouts,
): InstanceRecord {
  const { study, series, instanceNumber, shape } = describeDataset(dataset);
  const { studyInstanceUid, seriesInstanceUid, sopInstanceUid, sopClassUid } = identifiers;
  const unread = { metadata: null, frameCount: 0, frames: null };
  return {
    studyInstanceUid,
    seriesInstanceUid,
    sopInstanceUid,
    study,
    series,
    instance: { ...whereabouts, sopClassUid, instanceNumber, shape, ...unread },
  };
}

/** Query keys as columns and metadata as DICOM JSON text, prepared once. */
export function describeDataset(dataset: JsonDataset): Description {
  return {
    study: studyColumns(dataset),
    series: seriesColumns(dataset),
    instanceNumber: integer(text(dataset, 'InstanceNumber')),
    shape: shapeText(dataset),
    metadata: pack(jsonText(dataset)),
  };
}

function studyColumns(dataset: JsonDataset): StudyColumns {
  const patientName = personName(dataset, 'PatientName');
  const referringPhysicianName = personName(dataset, 'ReferringPhysicianName');
  return {
    patientId: value(dataset, 'PatientID'),
    issuerOfPatientId: value(dataset, 'IssuerOfPatientID'),
    patientName,
    patientNameFolded: patientName === null ? null : fold(patientName),
    patientBirthDate: value(dataset, 'PatientBirthDate'),
    patientSex: value(dataset, 'PatientSex'),
    accessionNumber: value(dataset, 'AccessionNumber'),
    studyId: value(dataset, 'StudyID'),
    studyDate: value(dataset, 'StudyDate'),
    studyTime: value(dataset, 'StudyTime'),
    studyDescription: value(dataset, 'StudyDescription'),
    referringPhysicianName,
    referringPhysicianNameFolded: referringPhysicianName === null ? null : fold(referringPhysicianName),
    attributes: attributes(dataset, STUDY_ATTRIBUTES),
  };
}

function seriesColumns(dataset: JsonDataset): SeriesColumns {
  return {
    modality: value(dataset, 'Modality'),
    seriesNumber: integer(text(dataset, 'SeriesNumber')),
    seriesDescription: value(dataset, 'SeriesDescription'),
    seriesDate: value(dataset, 'SeriesDate'),
    seriesTime: value(dataset, 'SeriesTime'),
    bodyPartExamined: value(dataset, 'BodyPartExamined'),
    performedProcedureStepStartDate: value(dataset, 'PerformedProcedureStepStartDate'),
    performedProcedureStepStartTime: value(dataset, 'PerformedProcedureStepStartTime'),
    attributes: attributes(dataset, SERIES_ATTRIBUTES),
  };
}

/** Attributes of a study or series are read with every answer; only a broken or hostile object has more of them. */
const LONGEST_ATTRIBUTES = 64 * 1024;

function attributes(dataset: JsonDataset, keywords: readonly string[]): string {
  const selected = select(dataset, keywords);
  const all = jsonText(selected);
  if (all.length <= LONGEST_ATTRIBUTES) return all;
  return jsonText(Object.fromEntries(Object.entries(selected).filter(([, { vr }]) => vr !== 'SQ')));
}

function select(dataset: JsonDataset, keywords: readonly string[]): JsonDataset {
  const chosen = keywords.flatMap((keyword) => {
    const tag = tagOf(keyword);
    const element = tag === undefined ? undefined : dataset[tag];
    return tag === undefined || element === undefined ? [] : [[tag, element] as const];
  });
  return Object.fromEntries(chosen.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A B-tree entry holds at most about 2700 bytes; no legal value of these attributes is longer than 1024 characters. */
const LONGEST_KEY = 1024;

function value(dataset: JsonDataset, keyword: string): string | null {
  return text(dataset, keyword)?.slice(0, LONGEST_KEY) ?? null;
}

/** All three component groups as they stand in the data set: "Alphabetic=Ideographic=Phonetic". */
function personName(dataset: JsonDataset, keyword: string): string | null {
  const name = dataset[tagOf(keyword) ?? '']?.Value?.[0];
  if (typeof name === 'string') return name.slice(0, LONGEST_KEY);
  if (!isPersonName(name)) return null;
  return [name.Alphabetic, name.Ideographic, name.Phonetic]
    .map((group) => group ?? '')
    .join('=')
    .replace(/=+$/, '')
    .slice(0, LONGEST_KEY);
}

function isPersonName(candidate: unknown): candidate is PersonName {
  return typeof candidate === 'object' && candidate !== null;
}

const LARGEST_INTEGER = 2 ** 31 - 1;

/** IS (PS3.5 6.2) is a 32-bit number; what is no such number is not searched for as one. */
function integer(digits: string | undefined): number | null {
  const number = Number(digits);
  return digits !== undefined && Number.isInteger(number) && Math.abs(number) <= LARGEST_INTEGER ? number : null;
}
