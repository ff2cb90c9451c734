import { characterSetOf } from '../../src/dicom/charset.ts';
import type { JsonDataset, JsonValue } from '../../src/dicom/dataset.ts';
import { isPrivate } from '../../src/dicom/dictionary.ts';
import { privateCreatorOf } from '../../src/dicom/native-xml.ts';
import { isItem } from '../../src/dicom/read-values.ts';
import { type Difference, decode, type PlainElement, SOME_BYTES, sameValues } from './compare-models.ts';

/**
 * Where other readers and Voxgate do not make the same of a file, and who is right. The comparison demands equality
 * everywhere else.
 */
export interface KnownDifference {
  readonly judges: readonly ('pydicom' | 'dcm2json' | 'dcm2xml')[];
  readonly what: string;
  readonly right: 'Voxgate' | 'either';
  readonly covers: (difference: Difference) => boolean;
  /** False where only some versions of the judge differ so. */
  readonly always?: false;
}

/** Files of which every reader keeps another part, as each should say; unit tests hold what we keep. */
export const NOT_COMPARED: Readonly<Record<string, string>> = {
  'malformed/meta/no_meta.dcm': 'refused: neither a Part 10 file nor a data set; pydicom makes nothing of it either',
  'malformed/meta/no_preamble_dicm_in_data':
    'DCMTK refuses it, pydicom reads from the middle; we read it from its start',
  'malformed/truncated/3gb-bulk-data-truncated': 'breaks off',
  'malformed/truncated/MR_truncated.dcm': 'breaks off',
  'malformed/truncated/emri_small_jpeg_2k_lossless_too_short.dcm': 'breaks off',
  'malformed/truncated/rtplan_truncated.dcm': 'breaks off',
};

const DCMTK = ['dcm2json', 'dcm2xml'] as const;
const ALL = ['pydicom', ...DCMTK] as const;

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    judges: ['pydicom'],
    what: 'group lengths are in its JSON, which PS3.18 Section F.2.2 forbids',
    right: 'Voxgate',
    covers: ({ kind, tag }) => kind === 'only there' && tag.endsWith('0000'),
  },
  {
    judges: ALL,
    what: 'Data Set Trailing Padding (FFFC,FFFC) is in its model; it has no significance (PS3.10 Section 7.2)',
    right: 'either',
    covers: ({ kind, tag }) => kind === 'only there' && tag === 'FFFCFFFC',
  },
  {
    judges: ['pydicom'],
    what: '(0008,0005) names the set of the file, though its JSON is Unicode (PS3.18 Section F.2)',
    right: 'Voxgate',
    covers: ({ kind, tag }) => kind === 'value' && tag === '00080005',
  },
  {
    judges: ALL,
    what: 'its dictionary of private attributes gives a VR to what is unknown to the standard; the bytes are the same',
    right: 'either',
    covers: (difference) => difference.kind === 'VR' && difference.ours?.vr === 'UN' && isSameAsUnknown(difference),
  },
  {
    judges: ['pydicom'],
    what: 'private UN in a big endian file is read as big endian; UN is little endian (PS3.5 Section 6.2.2, note)',
    right: 'Voxgate',
    covers: ({ kind, ours, read }) => kind === 'VR' && ours?.vr === 'UN' && read.transferSyntaxUid.endsWith('.1.2.2'),
  },
  {
    judges: ['pydicom'],
    what: 'values of a big endian file stay big endian; bulk data are little endian (PS3.18 Section 8.7.3)',
    right: 'Voxgate',
    covers: ({ kind, ours, theirs, read }) =>
      kind === 'bytes' &&
      read.transferSyntaxUid.endsWith('.1.2.2') &&
      ours?.alike?.[theirs?.digest ?? ''] === 'big endian',
  },
  {
    judges: ['pydicom'],
    what: 'the Sequence Delimitation Item of encapsulated pixels is not of the value',
    right: 'either',
    covers: ({ kind, ours, theirs }) =>
      kind === 'bytes' && ours?.alike?.[theirs?.digest ?? ''] === 'without the delimitation item',
  },
  {
    judges: ['pydicom'],
    what: 'an empty value among others is "", where PS3.18 Section F.2.5 wants null',
    right: 'Voxgate',
    covers: ({ kind, ours, theirs }) =>
      kind === 'value' &&
      sameValues(
        ours!.vr,
        ours!.values,
        theirs!.values.map((value) => (value === '' ? null : value)),
      ),
  },
  {
    judges: ['pydicom'],
    what: 'a CS keeps the space before its padding',
    right: 'Voxgate',
    covers: ({ kind, ours, theirs }) => kind === 'value' && ours?.vr === 'CS' && isTheSameTrimmed(ours, theirs),
  },
  {
    judges: ['pydicom'],
    what: 'a value that is none of its VR ("1A" as IS) is left out',
    right: 'Voxgate',
    covers: ({ kind, file, tag }) =>
      kind === 'only here' && file === 'malformed/vr-length/badVR.dcm' && tag === '00280008',
  },
  {
    judges: ['pydicom'],
    what: 'release 3 leaves out values that break a rule of their VR, as a DS of 17 characters does',
    right: 'Voxgate',
    covers: ({ kind, ours }) => kind === 'only here' && ['DS', 'IS', 'UI', 'SH', 'SQ'].includes(ours!.vr),
    always: false,
  },
  {
    judges: DCMTK,
    what: 'compressed pixels and unknown character sets had to be taken out of a copy, or it would write nothing',
    right: 'Voxgate',
    covers: ({ kind, path, tag }) => kind === 'only here' && (tag === '7FE00010' || path === '00080005'),
  },
  {
    judges: DCMTK,
    what: 'a trailing "^" of a person name is left out; it means nothing (PS3.5 Section 6.2.1.1)',
    right: 'either',
    covers: ({ kind, ours, theirs }) =>
      kind === 'value' && ours?.vr === 'PN' && sameNames(ours.values) === sameNames(theirs!.values),
  },
  {
    judges: DCMTK,
    what: 'explicit UN of a known attribute stays UN; it has the VR of PS3.6 (PS3.5 Section 6.2.2, CP-1066)',
    right: 'Voxgate',
    covers: ({ kind, ours, theirs, read }) => {
      if (kind !== 'VR' || theirs?.vr !== 'UN') return false;
      if (ours?.items !== undefined || theirs.digest === SOME_BYTES) return true;
      const values = decode(theirs.bytes ?? Buffer.alloc(0), ours!.vr, characterSetOf(read.characterSet));
      return sameValues(ours!.vr, ours!.values, values);
    },
  },
  {
    judges: DCMTK,
    what: 'a FD is a few units in its last place off: its digits are not those of the number',
    right: 'Voxgate',
    covers: ({ kind, ours, theirs }) =>
      kind === 'value' && ours?.vr === 'FD' && ours.values.every((value, at) => isNextTo(value, theirs!.values[at])),
  },
  {
    judges: ['dcm2json'],
    what: 'a value of odd length was padded',
    right: 'either',
    covers: ({ kind, ours, theirs }) =>
      kind === 'bytes' && Number(ours?.digest?.split(':')[1]) + 1 === Number(theirs?.digest?.split(':')[1]),
  },
  {
    judges: ['dcm2json'],
    what: 'a DS keeps the NUL that it was padded with',
    right: 'Voxgate',
    covers: ({ kind, ours, theirs }) => kind === 'value' && ours?.vr === 'DS' && isTheSameTrimmed(ours, theirs),
  },
  {
    judges: ['dcm2json'],
    what: 'text of an item with its own character set is not converted',
    right: 'Voxgate',
    covers: ({ kind, file, ours }) => kind === 'value' && file === 'charsets/chrSQEncoding.dcm' && ours?.vr === 'PN',
  },
  {
    judges: ['dcm2json'],
    what: '(0008,0005) of an item names the set of the file, though its JSON is Unicode (PS3.18 Section F.2)',
    right: 'Voxgate',
    covers: ({ kind, tag, path }) => kind === 'value' && tag === '00080005' && path !== tag,
  },
  {
    judges: DCMTK,
    what: '(0008,0005) is added to a data set that has none, or no value there',
    right: 'either',
    covers: ({ path, ours }) => path === '00080005' && (ours?.values ?? []).length === 0,
  },
  {
    judges: ['dcm2xml'],
    what: 'the ideographic group of a name is given as the phonetic one too, where it has none',
    right: 'Voxgate',
    covers: ({ kind, ours, theirs }) =>
      kind === 'value' && ours?.vr === 'PN' && sameNames(ours.values) === sameNames(theirs!.values.map(withoutEcho)),
  },
  {
    judges: ['dcm2xml'],
    what: 'a private element whose block nobody has reserved loses its block, and so its place',
    right: 'Voxgate',
    covers: ({ kind, tag, path, read }) =>
      isPrivate(tag) && (kind === 'only there' ? tag.slice(4, 6) === '00' : isOfNobody(read.dataset, path)),
  },
  {
    judges: ['dcm2xml'],
    what: 'encapsulated pixels that were written as OW are OB, as they should have been (PS3.5 Annex A.4)',
    right: 'either',
    covers: ({ kind, tag, ours, theirs }) =>
      kind === 'VR' && tag === '7FE00010' && ours?.vr === 'OW' && theirs?.vr === 'OB' && isEncapsulated(ours),
  },
];

function isTheSameTrimmed(ours: PlainElement | undefined, theirs: PlainElement | undefined): boolean {
  const trimmed = (theirs?.values ?? []).map((value) =>
    typeof value === 'string' ? value.replace(/[ \0]+$/, '') : value,
  );
  return ours !== undefined && sameValues(ours.vr, ours.values, trimmed);
}

/** The names without trailing carets; a name of nothing else is none. */
function sameNames(values: readonly JsonValue[]): string {
  const text = JSON.stringify(values)
    .replace(/\^+"/g, '"')
    .replace(/\{"Alphabetic":""\}/g, 'null');
  return text === '[null]' ? '[]' : text;
}

function withoutEcho(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null || !('Phonetic' in value)) return value;
  const { Phonetic, ...others } = value;
  return JSON.stringify(Phonetic) === JSON.stringify(others['Ideographic']) ? others : value;
}

/** Whether the element there is private, and without a creator in its data set or item. */
function isOfNobody(dataset: JsonDataset, path: string): boolean {
  const steps = path.split('/');
  let level = dataset;
  for (let at = 0; at + 1 < steps.length; at += 2) {
    const item = level[steps[at]!]?.Value?.[Number(steps[at + 1])];
    level = item !== undefined && isItem(item) ? item : {};
  }
  return privateCreatorOf(level, steps.at(-1)!) === undefined;
}

function isEncapsulated({ alike = {} }: PlainElement): boolean {
  return Object.values(alike).includes('without the delimitation item');
}

/** At most a few units in the last place away. */
function isNextTo(ours: JsonValue, theirs: JsonValue | undefined): boolean {
  const [left, right] = [Number(ours), Number(theirs)];
  return Math.abs(left - right) <= Math.abs(left) * 4 * Number.EPSILON;
}

/** Whether their values are what our bytes say in their VR. */
function isSameAsUnknown({ ours, theirs, read }: Difference): boolean {
  if (ours === undefined || theirs === undefined) return false;
  if (ours.digest === theirs.digest || theirs.digest === SOME_BYTES) return theirs.values.length === 0;
  const values = decode(ours.bytes ?? Buffer.alloc(0), theirs.vr, characterSetOf(read.characterSet));
  return theirs.digest === undefined && sameValues(theirs.vr, values, theirs.values);
}
