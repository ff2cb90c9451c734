import type { PetHeader } from './pet-header.ts';
import { bodyFactor, type SuvUnits } from './suv-body.ts';
import { secondsFromInjection } from './suv-times.ts';

/** Stored value × slope + intercept, times `factor`, is SUV; or the attribute that keeps it from being known. */
export type Suv =
  | { readonly ok: true; readonly factor: number; readonly proof: string }
  | { readonly ok: false; readonly reason: string };

/** SUV Type (0054,1006) of images that hold SUV already. Lean body mass is James' unless it says Janmahasatian's. */
const SUV_TYPES: Readonly<Record<string, SuvUnits>> = {
  BW: 'SUVbw',
  LBM: 'SUVlbm',
  LBMJAMES128: 'SUVlbm',
  BSA: 'SUVbsa',
};

/**
 * The factor that makes SUV of the rescaled values of one PET image, by the tree of QIBA's profile and its vendor-neutral
 * pseudo-code; every branch that would need a guess ends with the attribute that is missing or wrong. A wrong guess is off
 * by a third and looks like a picture.
 *
 * @param earliestAcquisition of all images of the series, "YYYYMMDDHHMMSS.ffffff"
 */
export function suvOf(pet: PetHeader, wanted: SuvUnits, earliestAcquisition: string | undefined): Suv {
  switch (pet.units) {
    case 'GML':
    case 'CM2ML':
      return alreadySuv(pet, wanted);
    case 'BQML':
      return ofActivity(pet, wanted, earliestAcquisition, 1, 'Bq/ml (Units BQML)');
    case 'CNTS':
      return ofCounts(pet, wanted, earliestAcquisition);
    case undefined:
    case '':
      return no('Units (0054,1001) are absent');
    default:
      return no(`Units (0054,1001) are ${pet.units}, of which no SUV is made`);
  }
}

const no = (why: string): Suv => ({ ok: false, reason: `SUV cannot be computed: ${why}.` });

function alreadySuv({ units, suvType }: PetHeader, wanted: SuvUnits): Suv {
  // BW is what GML means where nobody says more (PS3.3 C.8.9.1.1.12); CM2ML is by surface.
  const kind = suvType === undefined || suvType === '' ? (units === 'GML' ? 'BW' : 'BSA') : suvType;
  if (SUV_TYPES[kind] !== wanted)
    return no(`the images hold SUV of type ${kind} (0054,1006) and ${wanted} is asked for`);
  return {
    ok: true,
    factor: 1,
    proof: `${wanted}: the images hold it (Units ${units}, SUV Type ${suvType ?? 'absent'}).`,
  };
}

/** Philips counts become SUVbw by one private factor, or Bq/ml by another. */
function ofCounts(pet: PetHeader, wanted: SuvUnits, earliest: string | undefined): Suv {
  const { philipsSuvFactor: suv, philipsActivityFactor: activity } = pet;
  if (suv !== undefined && suv > 0 && Number.isFinite(suv) && wanted === 'SUVbw') {
    const missing = uncorrected(pet);
    if (missing) return no(missing);
    return { ok: true, factor: suv, proof: `SUVbw = counts × ${figure(suv)}, the SUV Scale Factor (7053,xx00).` };
  }
  if (activity !== undefined && activity > 0 && Number.isFinite(activity)) {
    const from = `counts × ${figure(activity)}, the Activity Concentration Scale Factor (7053,xx09)`;
    return ofActivity(pet, wanted, earliest, activity, from);
  }
  return no('Units (0054,1001) are CNTS without the factors of Philips (7053,xx00) or (7053,xx09)');
}

function ofActivity(
  pet: PetHeader,
  wanted: SuvUnits,
  earliest: string | undefined,
  toBecquerel: number,
  from: string,
): Suv {
  const missing = uncorrected(pet) ?? agentFault(pet);
  if (missing) return no(missing);
  const { halfLife, dose } = pet;
  const body = bodyFactor(pet, wanted);
  if (!body.ok) return no(body.why);
  const decay = secondsFromInjection(pet, earliest);
  if (!decay.ok) return no(decay.why);
  const left = dose! * 2 ** (-decay.seconds / halfLife!);
  const term = decay.seconds === 0 ? '' : ` × 2^(-${figure(decay.seconds)} s / ${figure(halfLife!)} s)`;
  return {
    ok: true,
    factor: (toBecquerel * body.factor) / left,
    proof: `${wanted} = ${from} × ${body.proof} / (${figure(dose!)} Bq${term}); ${decay.proof}.`,
  };
}

/** Not corrected for attenuation or decay there is no SUV; a series made of the same scan without it looks alike. */
function uncorrected({ correctedImage }: PetHeader): string | undefined {
  const missing = ['ATTN', 'DECY'].filter((word) => !correctedImage.includes(word));
  return missing.length === 0 ? undefined : `Corrected Image (0028,0051) does not name ${missing.join(' and ')}`;
}

function agentFault({ radiopharmaceuticals, dose, halfLife }: PetHeader): string | undefined {
  if (radiopharmaceuticals === 0) return 'Radiopharmaceutical Information Sequence (0054,0016) is absent';
  if (radiopharmaceuticals > 1) return `${radiopharmaceuticals} radiopharmaceuticals were given (0054,0016)`;
  if (!(dose !== undefined && dose > 0)) return 'Radionuclide Total Dose (0018,1074) is absent';
  // It is in Bq; some write MBq. The least that is given is some MBq, and 1e5 MBq is nobody's.
  if (dose < 1e5 || dose > 1e11) return `Radionuclide Total Dose (0018,1074) of ${figure(dose)} is not in Bq`;
  if (!(halfLife !== undefined && halfLife > 0)) return 'Radionuclide Half Life (0018,1075) is absent';
  return undefined;
}

export const figure = (value: number): string => String(Number(value.toPrecision(7)));
