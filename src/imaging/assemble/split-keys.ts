import type { FrameHeader } from './image-header.ts';

/** Something by which frames of one series are told apart. */
export interface SplitKey {
  /** Undefined where the frame does not say. */
  readonly of: (header: FrameHeader) => string | undefined;
  /** How the part is called: its value, and which of how many it is. */
  readonly label: (value: string | undefined, index: number, header: FrameHeader) => string;
}

/** Images that differ in these never make one volume, wherever they lie. */
export const HARD_KEYS: readonly SplitKey[] = [
  { of: ({ columns, rows }) => `${columns} x ${rows}`, label: (size) => `${size} pixels` },
  {
    of: ({ isLocalizer }) => (isLocalizer ? 'localizer' : undefined),
    label: (localizer) => localizer ?? 'no localizer',
  },
  {
    of: ({ imageType }) => (imageType[0]?.trim() === 'DERIVED' ? 'derived' : undefined),
    label: (derived) => derived ?? 'original',
  },
  {
    of: (header) => (header.samplesPerPixel === 1 ? header.photometricInterpretation.trim() : 'colour'),
    label: (interpretation) => interpretation ?? '',
  },
  { of: ({ pet }) => pet?.units, label: (units) => units ?? 'no units' },
  {
    of: ({ pet }) => pet && [...pet.correctedImage].sort().join(' '),
    label: (how) => `corrected for ${how || 'nothing'}`,
  },
];

/** What a voxel means: taken apart also where places do not repeat, unless nearly every image has a value of its own. */
export const MEANING_KEYS: readonly SplitKey[] = [
  {
    of: ({ complexComponent, imageType }) => complexComponent ?? COMPONENTS[imageType[2]?.trim() ?? ''],
    label: (component) => COMPONENT_NAMES[component ?? ''] ?? `${component ?? 'other'} images`,
  },
  {
    of: ({ echoTime, echoNumber }) => (echoTime === undefined ? echoNumber?.toString() : tenths(echoTime)),
    label: (_, i, { echoTime }) => (echoTime === undefined ? `echo ${i + 1}` : `echo ${rounded(echoTime)} ms`),
  },
  {
    of: ({ bValue }) => (bValue === undefined ? undefined : String(Math.round(bValue))),
    label: (b) => (b === undefined ? 'no b-value' : `b ${b} s/mm²`),
  },
];

/** By these, in this order, where several images lie at one place. */
export const REPEAT_KEYS: readonly SplitKey[] = [
  {
    of: ({ imageType }) => imageType.map((word) => word.trim()).join(' '),
    label: (type) => (type || 'no type').toLowerCase(),
  },
  {
    of: ({ gradient }) => gradient?.map((cosine) => cosine.toFixed(3)).join(', '),
    label: (direction) => (direction === undefined ? 'no direction' : `direction (${direction})`),
  },
  {
    of: ({ inversionTime }) => (inversionTime === undefined ? undefined : tenths(inversionTime)),
    label: (ti) => `inversion time ${ti} ms`,
  },
  { of: ({ temporalPosition }) => temporalPosition?.toString(), label: (time) => `time point ${time ?? 'unknown'}` },
  { of: ({ phasePercent }) => phasePercent?.toString(), label: (percent) => `phase ${percent ?? 'unknown'} %` },
  {
    of: ({ triggerTime }) => (triggerTime === undefined ? undefined : tenths(triggerTime)),
    label: (ms) => `trigger ${ms} ms`,
  },
  { of: ({ pet }) => pet?.frameReferenceTime?.toString(), label: (ms) => `reference time ${ms} ms` },
  {
    of: ({ acquisitionNumber }) => acquisitionNumber?.toString(),
    label: (number) => `acquisition ${number ?? 'unknown'}`,
  },
  { of: ({ acquired }) => acquired?.slice(0, 14), label: (_, i) => `acquisition time ${i + 1}` },
  { of: ({ dimensions }) => dimensions, label: (indexes) => `dimension ${indexes}` },
];

/** Third value of Image Type, as Siemens and Philips use it. */
const COMPONENTS: Readonly<Record<string, string>> = {
  ...{ M: 'MAGNITUDE', P: 'PHASE', R: 'REAL', I: 'IMAGINARY' },
  ...{ M_FFE: 'MAGNITUDE', M_SE: 'MAGNITUDE', M_IR: 'MAGNITUDE', PHASE: 'PHASE', REAL: 'REAL', IMAGINARY: 'IMAGINARY' },
};

const COMPONENT_NAMES: Readonly<Record<string, string>> = {
  MAGNITUDE: 'magnitude',
  PHASE: 'phase image',
  REAL: 'real part',
  IMAGINARY: 'imaginary part',
  MIXED: 'mixed components',
};

const tenths = (ms: number): string => ms.toFixed(1);
const rounded = (ms: number): string => String(Number(ms.toFixed(2)));
