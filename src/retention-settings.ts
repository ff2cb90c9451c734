import { isRecord } from './settings-reader.ts';

/** Attributes of a study by which retention.protect names it. */
export const PROTECTABLE = [
  'StudyInstanceUID',
  'PatientID',
  'AccessionNumber',
  'StudyID',
  'StudyDescription',
  'ModalitiesInStudy',
] as const;

/** When studies are deleted without being asked for. Without a rule none ever is. */
export interface RetentionRules {
  /** Days since something was added to the study. */
  readonly maxAgeDays?: number;
  /** Free room on the disk: where deleting begins, and where it ends. */
  readonly keepFree?: {
    readonly unit: 'percent' | 'bytes';
    readonly startBelow: number;
    readonly stopAbove: number;
  };
  /** Studies that are never deleted: those of which all attributes of an entry have these values. */
  readonly protect: readonly Protection[];
}

export type Protection = Readonly<Partial<Record<(typeof PROTECTABLE)[number], string>>>;

/** Where deleting ends, if that is not said: a quarter more than where it begins. */
const HEADROOM = 1.25;

/** The rules of the settings file; what is wrong is added to the faults. */
export function parseRetention(value: unknown, faults: string[]): RetentionRules {
  if (value === undefined) return { protect: [] };
  if (!isRecord(value)) {
    faults.push('retention: must be an object');
    return { protect: [] };
  }
  const { maxAgeDays, keepFreePercent, freeUpToPercent, keepFreeBytes, freeUpToBytes, protect = [], ...others } = value;
  const wrong = Object.keys(others).map((key) => `retention: unknown key ${key}`);
  const amount = (key: string, given: unknown, most: number): number | undefined => {
    if (given === undefined) return undefined;
    if (typeof given === 'number' && given > 0 && given <= most) return given;
    wrong.push(
      `retention.${key}: must be a number above 0${most < Number.MAX_SAFE_INTEGER ? ` and at most ${most}` : ''}`,
    );
    return undefined;
  };
  const age = amount('maxAgeDays', maxAgeDays, 36_500);
  if (keepFreePercent !== undefined && keepFreeBytes !== undefined)
    wrong.push('retention: give either keepFreePercent or keepFreeBytes');
  const unit = keepFreeBytes === undefined ? 'percent' : 'bytes';
  const [most, suffix] = unit === 'percent' ? [99, 'Percent'] : [Number.MAX_SAFE_INTEGER, 'Bytes'];
  const startBelow = amount(`keepFree${suffix}`, unit === 'percent' ? keepFreePercent : keepFreeBytes, most);
  const said = amount(`freeUpTo${suffix}`, unit === 'percent' ? freeUpToPercent : freeUpToBytes, most);
  if (
    (unit === 'percent' ? freeUpToBytes : freeUpToPercent) !== undefined ||
    (said !== undefined && startBelow === undefined)
  )
    wrong.push('retention: freeUpTo needs keepFree of the same unit');
  if (said !== undefined && startBelow !== undefined && said < startBelow)
    wrong.push(`retention.freeUpTo${suffix}: must not be less than keepFree${suffix}`);
  if (!Array.isArray(protect) || !protect.every(isProtection))
    wrong.push(
      `retention.protect: must be a list of objects of attributes and their values (${PROTECTABLE.join(', ')})`,
    );
  faults.push(...wrong);
  return {
    ...(age === undefined ? {} : { maxAgeDays: age }),
    ...(startBelow === undefined
      ? {}
      : { keepFree: { unit, startBelow, stopAbove: said ?? Math.min(most, startBelow * HEADROOM) } }),
    protect: Array.isArray(protect) ? protect.filter(isProtection) : [],
  };
}

/** An entry without an attribute would protect everything. */
function isProtection(value: unknown): value is Protection {
  const known: readonly string[] = PROTECTABLE;
  return (
    isRecord(value) &&
    Object.keys(value).length > 0 &&
    Object.entries(value).every(([key, text]) => known.includes(key) && typeof text === 'string')
  );
}
