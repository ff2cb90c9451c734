import { gzipSync } from 'node:zlib';
import { fold } from '../catalog/fold.ts';
import { SERIES_ATTRIBUTES, STUDY_ATTRIBUTES } from '../catalog/kept-attributes.ts';
import type { InstanceColumns, InstanceRecord, SeriesColumns, StudyColumns } from '../catalog/record-instances.ts';
import type { JsonDataset, PersonName } from '../dicom/dataset.ts';
import { tagOf } from '../dicom/dictionary.ts';
import { jsonText } from '../dicom/json-text.ts';
import { text } from '../dicom/read-values.ts';

/** What of an instance is not in its data set: where it lies and how it came. */
export type Whereabouts = Omit<InstanceColumns, 'sopClassUid' | 'instanceNumber' | 'metadata'>;

export interface Identifiers {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
  readonly studyInstanceUid: string;
  readonly seriesInstanceUid: string;
}

/** The catalog's record of an instance, prepared once: query keys as columns, metadata as compressed DICOM JSON. */
export function describeInstance(
  dataset: JsonDataset,
  identifiers: Identifiers,
  whereabouts: Whereabouts,
): InstanceRecord {
  return {
    studyInstanceUid: identifiers.studyInstanceUid,
    seriesInstanceUid: identifiers.seriesInstanceUid,
    sopInstanceUid: identifiers.sopInstanceUid,
    study: studyColumns(dataset),
    series: seriesColumns(dataset),
    instance: {
      ...whereabouts,
      sopClassUid: identifiers.sopClassUid,
      instanceNumber: integer(text(dataset, 'InstanceNumber')),
      metadata: gzipSync(jsonText(dataset), { level: 1 }),
    },
  };
}

function studyColumns(dataset: JsonDataset): StudyColumns {
  const patientName = personName(dataset, 'PatientName');
  const referringPhysicianName = personName(dataset, 'ReferringPhysicianName');
  return {
    patientId: value(dataset, 'PatientID'),
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
    attributes: jsonText(select(dataset, STUDY_ATTRIBUTES)),
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
    attributes: jsonText(select(dataset, SERIES_ATTRIBUTES)),
  };
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
