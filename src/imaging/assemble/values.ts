import type { AssembledFrame, StackRequest } from './assembled-stack.ts';
import type { FrameHeader, RealWorldMapping } from './image-header.ts';
import { figure, suvOf } from './suv.ts';
import type { SuvUnits } from './suv-body.ts';
import { isUsableRescale } from './volume-refusals.ts';

export type Values =
  | {
      readonly ok: true;
      readonly units: string;
      /** With slope and intercept, or the table, that make those units of stored values. */
      readonly frames: readonly AssembledFrame[];
      readonly notes: readonly string[];
    }
  | { readonly ok: false; readonly reason: string };

/** UCUM codes of Real World Value Mappings, as they are and were written, by the units that models ask for. */
const UCUM: Readonly<Record<string, string>> = {
  ...{ "[hnsf'U]": 'HU', 'Bq/ml': 'Bq/ml', 'Bq/mL': 'Bq/ml' },
  ...{ 'g/ml{SUVbw}': 'SUVbw', '{SUVbw}g/ml': 'SUVbw', 'g/ml{SUVlbm}': 'SUVlbm', '{SUVlbm}g/ml': 'SUVlbm' },
  ...{ 'cm2/ml{SUVbsa}': 'SUVbsa', '{SUVbsa}cm2/ml': 'SUVbsa' },
};

/** HU of CT, and nothing else; an empty Rescale Type of a CT means HU (PS3.3 C.11.1.1.2). */
const HU_TYPES = new Set(['HU', '']);

/**
 * What the stored values of a stack stand for, and whether that is what a model wants: values off by 1024, or SUV off by a
 * third, still look like a picture. Slope and intercept are those of each frame: in PET they differ by slice.
 */
export function valuesOf(frames: readonly AssembledFrame[], wanted: StackRequest['units']): Values {
  const mapped = wanted === 'any' ? undefined : mappedTo(frames, wanted);
  if (mapped !== undefined) return mapped;
  switch (wanted) {
    case 'any':
      return asTheyMean(frames);
    case 'HU':
      return hounsfield(frames);
    case 'Bq/ml':
      return activity(frames);
    default:
      return uptake(frames, wanted);
  }
}

const no = (reason: string): Values => ({ ok: false, reason });

/** A Real World Value Mapping to the very units that are wanted is the word of whoever made the images. */
function mappedTo(frames: readonly AssembledFrame[], wanted: string): Values | undefined {
  if (!frames.every(({ header }) => header.realWorld && UCUM[header.realWorld.units] === wanted)) return undefined;
  return byMapping(frames, wanted);
}

function byMapping(frames: readonly AssembledFrame[], units: string): Values {
  const { units: code } = frames[0]!.header.realWorld!;
  const notes = [`Values are ${code} by the Real World Value Mapping (0040,9096) of the images.`];
  return { ok: true, units, frames: frames.map((frame) => changed(frame, mapping(frame.header.realWorld!))), notes };
}

function mapping({ first, table, slope, intercept }: RealWorldMapping): Partial<FrameHeader> {
  if (table !== undefined) return { valueTable: { first, values: table }, hasModalityLut: false };
  return { rescaleSlope: slope!, rescaleIntercept: intercept!, hasModalityLut: false };
}

const changed = (frame: AssembledFrame, header: Partial<FrameHeader>): AssembledFrame => ({
  ...frame,
  header: { ...frame.header, ...header },
});

function asTheyMean(frames: readonly AssembledFrame[]): Values {
  const all = frames.map(({ header }) => header);
  const [first] = all;
  const units = new Set(all.map(({ realWorld }) => realWorld?.units));
  const unscaled = all.every(({ rescaleType, rescaleSlope, rescaleIntercept, hasModalityLut }) => {
    return rescaleType === undefined && rescaleSlope === 1 && rescaleIntercept === 0 && !hasModalityLut;
  });
  if (unscaled && units.size === 1 && first!.realWorld !== undefined && first!.modality !== 'CT')
    return byMapping(frames, first!.realWorld.units);
  if (!all.every(isUsableRescale)) return no('Rescale Slope or Intercept of some images is unusable.');
  if (first!.modality === 'PT')
    return { ok: true, units: PET_UNITS[first!.pet?.units ?? ''] ?? 'stored', frames, notes: [] };
  const types = new Set(all.map((header) => scaleOf(header)));
  if (types.size > 1)
    return no(`The images are of different scales (${[...types].map((type) => type || 'none').join(', ')}).`);
  const [type] = types;
  if (first!.modality !== 'CT' || !HU_TYPES.has(type!)) return { ok: true, units: type || 'stored', frames, notes: [] };
  const assumed = all.filter((header) => header.rescaleAssumed).length;
  if (assumed === 0) return { ok: true, units: 'HU', frames, notes: [] };
  const images = `${assumed} of ${all.length} CT images`;
  const note = `${images} carry no Rescale Slope and Intercept: stored values were taken as Hounsfield units.`;
  return { ok: true, units: 'HU', frames, notes: [note] };
}

const PET_UNITS: Readonly<Record<string, string>> = { BQML: 'Bq/ml', CNTS: 'counts', GML: 'g/ml' };

/** Rescale Type, or the type of the Modality LUT; "US" says that nothing is said. */
function scaleOf({ hasModalityLut, modalityLutType, rescaleType }: FrameHeader): string {
  const type = (hasModalityLut ? modalityLutType : rescaleType)?.trim() ?? '';
  return type === 'US' ? 'stored' : type;
}

function hounsfield(frames: readonly AssembledFrame[]): Values {
  const all = frames.map(({ header }) => header);
  const other = all.find(({ modality }) => modality !== 'CT');
  if (other) return no(`The images are ${other.modality || 'of no modality'}, and only CT has Hounsfield units.`);
  const assumed = all.filter(({ rescaleAssumed }) => rescaleAssumed).length;
  if (assumed > 0)
    return no(
      `${assumed} of ${all.length} images carry no Rescale Slope and Intercept, so their values are not known to be HU.`,
    );
  const strange = all.find(
    (header) =>
      !HU_TYPES.has((header.hasModalityLut ? (header.modalityLutType ?? 'absent') : (header.rescaleType ?? '')).trim()),
  );
  if (strange === undefined) return { ok: true, units: 'HU', frames, notes: [] };
  return strange.hasModalityLut
    ? no(`Modality LUT Type is ${strange.modalityLutType ?? 'absent'} and the model needs HU.`)
    : no(`Rescale Type is ${strange.rescaleType} and the model needs HU.`);
}

function activity(frames: readonly AssembledFrame[]): Values {
  const other = frames.find(({ header }) => header.pet?.units !== 'BQML');
  if (other === undefined) return { ok: true, units: 'Bq/ml', frames, notes: [] };
  const { pet, modality } = other.header;
  if (pet === undefined) return no(`The images are ${modality || 'of no modality'}, and the model needs PET in Bq/ml.`);
  return no(`Units (0054,1001) are ${pet.units ?? 'absent'} and the model needs BQML.`);
}

/** Each frame by its own header: what differs from slice to slice is no constant of the series. */
function uptake(frames: readonly AssembledFrame[], wanted: SuvUnits): Values {
  const acquisitions = frames.map(
    ({ header }) => `${header.pet?.acquisitionDate ?? ''}${header.pet?.acquisitionTime ?? ''}`,
  );
  const earliest = acquisitions.reduce((a, b) => (b < a ? b : a));
  const scaled: AssembledFrame[] = [];
  const proofs = new Map<string, number>();
  for (const frame of frames) {
    const { pet, modality, rescaleSlope, rescaleIntercept, hasModalityLut } = frame.header;
    if (pet === undefined) return no(`The images are ${modality || 'of no modality'}, and only PET has SUV.`);
    if (hasModalityLut) return no('SUV cannot be computed: a Modality LUT Sequence stands in place of a slope.');
    const suv = suvOf(pet, wanted, earliest);
    if (!suv.ok) return no(suv.reason);
    proofs.set(suv.proof, (proofs.get(suv.proof) ?? 0) + 1);
    scaled.push(
      changed(frame, { rescaleSlope: rescaleSlope * suv.factor, rescaleIntercept: rescaleIntercept * suv.factor }),
    );
  }
  const [proof] = proofs.keys();
  const more = proofs.size > 1 ? [`${proofs.size} factors differ by slice, from ${spread(scaled)}.`] : [];
  return { ok: true, units: wanted, frames: scaled, notes: [proof!, ...more] };
}

function spread(frames: readonly AssembledFrame[]): string {
  const slopes = frames.map(({ header }) => header.rescaleSlope);
  return `${figure(Math.min(...slopes))} to ${figure(Math.max(...slopes))} a stored value`;
}
