import type { JsonDataset } from '../dicom/dataset.ts';
import { bufferSource, parsePart10 } from '../dicom/parse.ts';
import { isPresent, items, text } from '../dicom/read-values.ts';
import { VoxgateError } from '../errors.ts';
import type { ReportInput, SegmentationInput } from './types.ts';

/** An object of ours as a receiver would read it. */
export interface ReadBack {
  readonly dataset: JsonDataset;
  /** Pixel Data with its padding; empty in a report. */
  readonly pixels: Uint8Array;
}

/** An object with a fault never leaves the node: the sentence names the attribute, and a patient never. */
export function refuse(sentence: string): never {
  throw new VoxgateError('bad-result', `the result object is wrong: ${sentence}`);
}

/** Reads the file anew, as if it came from somebody else. */
export function readBack(bytes: Buffer): ReadBack {
  const parsed = parsePart10(bufferSource(bytes));
  if (!parsed.complete || parsed.warnings.length > 0) {
    refuse(`it does not read back clean (${parsed.warnings[0] ?? 'it breaks off'})`);
  }
  const { offset, length } = parsed.pixelData ?? { offset: 0, length: 0 };
  return { dataset: parsed.dataset, pixels: bytes.subarray(offset, offset + length) };
}

/** Study of the source, our own series and instance, and what every receiver needs to see where the object comes from. */
export function checkIdentity(ds: JsonDataset, sopClassUid: string, input: SegmentationInput | ReportInput): void {
  const expected: Readonly<Record<string, string | undefined>> = {
    SOPClassUID: sopClassUid,
    SOPInstanceUID: input.instanceUid,
    SeriesInstanceUID: input.seriesUid,
    StudyInstanceUID: text(input.source.attributes, 'StudyInstanceUID'),
    PatientID: text(input.source.attributes, 'PatientID'),
  };
  for (const [keyword, value] of Object.entries(expected)) {
    if (text(ds, keyword)?.trim() !== value?.trim()) refuse(`${keyword} is not the one it should have`);
  }
  for (const keyword of ['Manufacturer', 'ManufacturerModelName', 'DeviceSerialNumber', 'SoftwareVersions']) {
    if (!text(ds, keyword)) refuse(`${keyword} is empty`);
  }
  for (const keyword of ['PatientName', 'PatientID', 'PatientBirthDate', 'PatientSex', 'StudyDate', 'StudyTime']) {
    if (!isPresent(ds, keyword)) refuse(`${keyword} is missing (type 2)`);
  }
  if (items(ds, 'ContributingEquipmentSequence').length === 0) refuse('Contributing Equipment Sequence is missing');
}

/** Deeper than any object of ours. */
const MAX_DEPTH = 64;
/** Retired designators of what is SCT today; viewers match SCT (PS3.16 Section 8). */
const RETIRED_SCHEMES: ReadonlySet<string> = new Set(['SRT', 'SNM3', '99SDM']);

/** Every code, wherever it stands, has value, scheme and meaning, and no retired scheme (PS3.3 Table 8.8-1). */
export function checkCodes(ds: JsonDataset, depth = 0): void {
  if (depth > MAX_DEPTH) refuse(`sequences nest deeper than ${MAX_DEPTH}`);
  for (const tag of Object.keys(ds)) {
    for (const item of items(ds, tag)) checkCodes(item, depth + 1);
  }
  if (!isPresent(ds, 'CodeMeaning')) return;
  const value = text(ds, 'CodeValue') ?? text(ds, 'LongCodeValue');
  const scheme = text(ds, 'CodingSchemeDesignator');
  const meaning = text(ds, 'CodeMeaning');
  if (!value || !scheme || !meaning) refuse(`a code lacks value, scheme or meaning (${value ?? meaning ?? scheme})`);
  if (RETIRED_SCHEMES.has(scheme)) refuse(`code ${value} is of the retired scheme ${scheme}`);
}
