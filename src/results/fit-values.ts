import type { JsonValue, PersonName, Vr } from '../dicom/dataset.ts';
import { isUid } from '../dicom/uid.ts';

/** Longest value in characters (PS3.5 Table 6.2-1). */
const MAX_LENGTH: Partial<Record<Vr, number>> = { CS: 16, SH: 16, LO: 64, ST: 1024, LT: 10240 };

/** Free text, of which the beginning is still true; identifiers are not, and are not listed. */
const MAY_BE_CUT: ReadonlySet<string> = new Set([
  'StudyDescription',
  'EthnicGroup',
  'PatientComments',
  'PatientSpeciesDescription',
  'PatientBreedDescription',
  'ResponsibleOrganization',
  'DeidentificationMethod',
  'AdmittingDiagnosesDescription',
  'Occupation',
  'AdditionalPatientHistory',
  'PositionReferenceIndicator',
]);

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to take out
const CONTROLS = /[\u0000-\u001f\u007f]/g;
/** LT, ST and UT may have tabs, line feeds, form feeds and carriage returns (PS3.5 Section 6.1.3). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to take out
const CONTROLS_IN_TEXT = /[\u0000-\u0008\u000b\u000e-\u001f\u007f]/g;

/** What an attribute allows beyond its VR. */
export interface ValueRules {
  readonly keyword?: string;
  /** Enumerated values. */
  readonly terms?: readonly string[];
}

/** Whether the value says nothing: leading and trailing spaces are padding (PS3.5 Section 6.2). */
export function isBlank(value: JsonValue): boolean {
  if (value === null) return true;
  if (typeof value === 'string') return value.trim() === '';
  return typeof value === 'object' && Object.values(value).every((group) => typeof group === 'string' && !group.trim());
}

/** One value made fit for its VR (PS3.5 Section 6.2), or undefined where that would be a guess. */
export function fitValue(vr: Vr, value: JsonValue, rules: ValueRules): JsonValue | undefined {
  if (vr === 'PN') return fitPersonName(value);
  if (typeof value === 'number') return fitNumber(vr, value);
  if (typeof value !== 'string') return undefined;
  const repair = REPAIRS[vr];
  const result = repair === undefined ? fitText(vr, value, rules) : repair(value);
  return result === undefined || (rules.terms && !rules.terms.includes(String(result))) ? undefined : result;
}

/** Numbers that are whole in their VR, with the smallest and the largest. */
const WHOLE: Partial<Record<Vr, readonly [number, number]>> = {
  IS: [-(2 ** 31), 2 ** 31 - 1],
  SL: [-(2 ** 31), 2 ** 31 - 1],
  SS: [-(2 ** 15), 2 ** 15 - 1],
  UL: [0, 2 ** 32 - 1],
  US: [0, 2 ** 16 - 1],
};

function fitNumber(vr: Vr, value: number): number | undefined {
  if (vr === 'DS' || vr === 'FL' || vr === 'FD') return Number.isFinite(value) ? value : undefined;
  const [least, most] = WHOLE[vr] ?? [1, 0];
  return Number.isInteger(value) && value >= least && value <= most ? value : undefined;
}

const REPAIRS: Partial<Record<Vr, (value: string) => JsonValue | undefined>> = {
  UI: (value) => (isUid(value.trim()) ? value.trim() : undefined),
  /** Upper case, digits, space and underscore. */
  CS: (value) => {
    const upper = value.trim().toUpperCase();
    return /^[A-Z0-9 _]{1,16}$/.test(upper) ? upper : undefined;
  },
  DA: fitDate,
  TM: fitTime,
  AS: (value) => {
    const [, digits, unit] = /^\s*(\d{1,3})\s*([DWMY])\s*$/i.exec(value) ?? [];
    return digits && unit ? `${digits.padStart(3, '0')}${unit.toUpperCase()}` : undefined;
  },
  DS: (value) => fitNumeric(value, /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/),
  IS: (value) => fitNumeric(value, /^\s*[+-]?\d{1,10}\s*$/),
};

/** A numeric string is kept as it is where it is one; only one over 16 characters is written anew (by the encoder). */
function fitNumeric(value: string, grammar: RegExp): JsonValue | undefined {
  if (!grammar.test(value) || !Number.isFinite(Number(value))) return undefined;
  return value.trim().length <= 16 ? value : Number(value);
}

/** YYYYMMDD; the YYYY.MM.DD of ACR-NEMA is put right (PS3.5 Section 6.2, note on DA). */
function fitDate(value: string): string | undefined {
  const [, year, month, day] = /^\s*(\d{4})[.-]?(\d{2})[.-]?(\d{2})\s*$/.exec(value) ?? [];
  const date = new Date(`${year}-${month}-${day}T00:00:00Z`);
  const exists = !Number.isNaN(date.getTime()) && date.toISOString().startsWith(`${year}-${month}-${day}`);
  return exists ? `${year}${month}${day}` : undefined;
}

/** HH, HHMM, HHMMSS or HHMMSS.FFFFFF; the colons of ACR-NEMA are taken out (PS3.5 Section 6.2, note on TM). */
function fitTime(value: string): string | undefined {
  const time = value.trim().replaceAll(':', '');
  return /^([01]\d|2[0-3])([0-5]\d(([0-5]\d|60)(\.\d{1,6})?)?)?$/.test(time) ? time : undefined;
}

function fitText(vr: Vr, value: string, rules: ValueRules): string | undefined {
  const long = vr === 'LT' || vr === 'ST' || vr === 'UT';
  const clean = long ? value.replace(CONTROLS_IN_TEXT, ' ') : value.replace(CONTROLS, ' ').replaceAll('\\', ' ');
  const characters = [...clean];
  const maxLength = MAX_LENGTH[vr] ?? Number.POSITIVE_INFINITY;
  if (characters.length <= maxLength) return clean;
  return MAY_BE_CUT.has(rules.keyword ?? '') ? characters.slice(0, maxLength).join('') : undefined;
}

/** Up to 64 characters in each of the three groups, five components (PS3.5 Section 6.2.1). */
function fitPersonName(value: JsonValue): PersonName | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const name = value as PersonName;
  const group = (letters: string | undefined) => {
    if (typeof letters !== 'string') return undefined;
    const components = letters.replace(CONTROLS, ' ').replaceAll(/[\\=]/g, ' ').split('^').slice(0, 5).join('^');
    return components.trim() === '' ? undefined : [...components].slice(0, 64).join('');
  };
  const [alphabetic, ideographic, phonetic] = [group(name.Alphabetic), group(name.Ideographic), group(name.Phonetic)];
  if (!alphabetic && !ideographic && !phonetic) return undefined;
  return {
    ...(alphabetic ? { Alphabetic: alphabetic } : {}),
    ...(ideographic ? { Ideographic: ideographic } : {}),
    ...(phonetic ? { Phonetic: phonetic } : {}),
  };
}
