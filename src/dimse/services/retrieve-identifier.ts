import type { UniqueKeys } from '../../archive/send-instances.ts';
import type { JsonDataset } from '../../dicom/dataset.ts';
import { keywordOf } from '../../dicom/dictionary.ts';
import { bufferSource, parseDataSet } from '../../dicom/parse.ts';
import { text, texts } from '../../dicom/read-values.ts';
import {
  COMPOSITE_INSTANCE_ROOT_GET,
  COMPOSITE_INSTANCE_ROOT_MOVE,
  PATIENT_ROOT_GET,
  PATIENT_ROOT_MOVE,
  PATIENT_STUDY_ONLY_GET,
  PATIENT_STUDY_ONLY_MOVE,
  STUDY_ROOT_GET,
  STUDY_ROOT_MOVE,
} from '../../dicom/sop-classes.ts';
import { VoxgateError } from '../../errors.ts';

const PATIENT_ID = '00100020';
const ISSUER_OF_PATIENT_ID = '00100021';

/** Query/Retrieve Level (0008,0052) and its unique key, from above (PS3.4 C.6). */
const LEVELS: readonly (readonly [level: string, uniqueKey: string])[] = [
  ['PATIENT', PATIENT_ID],
  ['STUDY', '0020000D'],
  ['SERIES', '0020000E'],
  ['IMAGE', '00080018'],
];

const ALL = ['PATIENT', 'STUDY', 'SERIES', 'IMAGE'];
const FROM_STUDY = ['STUDY', 'SERIES', 'IMAGE'];
const TO_STUDY = ['PATIENT', 'STUDY'];
/** Frames (PS3.4 Annex Y) are a level that is not provided. */
const IMAGE_ONLY = ['IMAGE'];

const LEVELS_OF: Readonly<Record<string, readonly string[]>> = {
  [PATIENT_ROOT_GET]: ALL,
  [PATIENT_ROOT_MOVE]: ALL,
  [STUDY_ROOT_GET]: FROM_STUDY,
  [STUDY_ROOT_MOVE]: FROM_STUDY,
  [PATIENT_STUDY_ONLY_GET]: TO_STUDY,
  [PATIENT_STUDY_ONLY_MOVE]: TO_STUDY,
  [COMPOSITE_INSTANCE_ROOT_GET]: IMAGE_ONLY,
  [COMPOSITE_INSTANCE_ROOT_MOVE]: IMAGE_ONLY,
};

export const GET_SOP_CLASSES: readonly string[] = [
  PATIENT_ROOT_GET,
  STUDY_ROOT_GET,
  PATIENT_STUDY_ONLY_GET,
  COMPOSITE_INSTANCE_ROOT_GET,
];
export const MOVE_SOP_CLASSES: readonly string[] = [
  PATIENT_ROOT_MOVE,
  STUDY_ROOT_MOVE,
  PATIENT_STUDY_ONLY_MOVE,
  COMPOSITE_INSTANCE_ROOT_MOVE,
];

/**
 * The unique keys of a C-GET or C-MOVE identifier (PS3.4 C.4.2.1.4 and C.4.3.1.3). The key of its level must have a
 * value, or a list of them where it is a UID. Keys of higher levels narrow down where they are there: UIDs are unique
 * without them, and callers leave them out. Other attributes are not keys here and change nothing.
 *
 * @throws VoxgateError bad-request naming the attribute that is wrong or missing: the answer is A900H
 */
export function retrieveKeys(
  dataSet: Buffer,
  { abstractSyntaxUid, transferSyntaxUid }: { readonly abstractSyntaxUid: string; readonly transferSyntaxUid: string },
): UniqueKeys {
  if (dataSet.length === 0) throw new VoxgateError('bad-request', 'the request has no identifier');
  const identifier = parseDataSet(bufferSource(dataSet), { transferSyntaxUid }).dataset;
  const levels = LEVELS_OF[abstractSyntaxUid] ?? ALL;
  const level = text(identifier, 'QueryRetrieveLevel') ?? (levels === IMAGE_ONLY ? 'IMAGE' : '');
  if (!levels.includes(level))
    throw new VoxgateError('bad-request', `QueryRetrieveLevel (0008,0052) must be ${levels.join(', ')}`);
  const depth = LEVELS.findIndex(([name]) => name === level);
  const keys = new Map<string, readonly string[]>();
  for (const [index, [, tag]] of LEVELS.slice(0, depth + 1).entries()) {
    const values = valuesOf(identifier, tag);
    if (values.length > 0) keys.set(tag, values);
    else if (index === depth)
      throw new VoxgateError('bad-request', `${printed(tag)} must have a value at level ${level}`);
    if (values.length > 1 && (tag === PATIENT_ID || index < depth))
      throw new VoxgateError('bad-request', `${printed(tag)} must have one value at level ${level}`);
  }
  const issuer = valuesOf(identifier, ISSUER_OF_PATIENT_ID);
  if (keys.has(PATIENT_ID) && issuer.length > 0) keys.set(ISSUER_OF_PATIENT_ID, issuer);
  return keys;
}

/** A lone "*" is no value: some callers fill in what they do not know. */
function valuesOf(identifier: JsonDataset, tag: string): string[] {
  return texts(identifier, tag)
    .map((value) => value.trim())
    .filter((value) => value !== '' && value !== '*');
}

function printed(tag: string): string {
  return `${keywordOf(tag)} (${tag.slice(0, 4)},${tag.slice(4)})`;
}
