import type { PetHeader } from './pet-header.ts';

type Decay =
  | { readonly ok: true; readonly seconds: number; readonly proof: string }
  | { readonly ok: false; readonly why: string };

const DAY = 86_400;
/** A patient is scanned within hours; after two days there is nothing left of what PET uses, but for zirconium. */
const LONGEST = 14 * DAY;
/** Two moments of one clock; one of them is often rounded to the second. */
const SAME_MOMENT = 1;
/** By how much the stated Decay Factor may contradict the times before they are not believed. */
const DECAY_FACTOR_TOLERANCE = 0.05;

/**
 * Seconds by which the activity given has decayed at the moment to which the images were corrected: nothing where that is
 * the injection (ADMIN), else from injection to the start of the scan (START) or of the frame (an enhanced image's own word).
 */
export function secondsFromInjection(pet: PetHeader, earliest: string | undefined): Decay {
  if (pet.decayCorrectionDateTime !== undefined) {
    const to = momentOf(pet.decayCorrectionDateTime);
    if (to === undefined) return { ok: false, why: 'Decay Correction DateTime (0018,9701) is malformed' };
    return from(pet, to, 'Decay Correction DateTime (0018,9701)');
  }
  switch (pet.decayCorrection) {
    case 'ADMIN':
      return { ok: true, seconds: 0, proof: 'corrected to the injection (Decay Correction ADMIN)' };
    case 'START':
      return fromStart(pet, earliest);
    case undefined:
    case '':
      return { ok: false, why: 'Decay Correction (0054,1102) is absent' };
    default:
      return { ok: false, why: `Decay Correction (0054,1102) is ${pet.decayCorrection}` };
  }
}

/**
 * Series Time is when the scan began, unless the series was made anew later: then it lies behind the acquisition, and GE's
 * private attribute or the reference time of the frame tells.
 */
function fromStart(pet: PetHeader, earliest: string | undefined): Decay {
  const series = momentOf(`${pet.seriesDate ?? ''}${pet.seriesTime ?? ''}`);
  const first = momentOf(earliest ?? '');
  if (pet.seriesDate === undefined || pet.seriesTime === undefined || series === undefined)
    return { ok: false, why: 'Series Date or Time (0008,0021), (0008,0031) is absent' };
  if (first === undefined) return { ok: false, why: 'Acquisition Date or Time (0008,0022), (0008,0032) is absent' };
  if (series <= first + SAME_MOMENT) return contradicted(pet, series) ?? from(pet, series, 'Series Time (0008,0031)');
  const ge = pet.geScanDateTime === undefined ? undefined : momentOf(pet.geScanDateTime);
  if (ge !== undefined) return from(pet, ge, 'the scan time of GE (0009,xx0D)');
  const start = startOfFrame(pet);
  if (start === undefined)
    return {
      ok: false,
      why: 'Series Time (0008,0031) lies behind the acquisition, and no other attribute tells when the scan began',
    };
  return from(pet, start, 'Acquisition Time less Frame Reference Time (0054,1300)');
}

/** Acquisition less the reference time of the frame, which is where its mean count rate lies (PS3.3 C.8.9.4.1.5). */
function startOfFrame(pet: PetHeader): number | undefined {
  const acquired = momentOf(`${pet.acquisitionDate ?? ''}${pet.acquisitionTime ?? ''}`);
  const { frameReferenceTime, halfLife } = pet;
  const mean = meanCountTime(pet);
  if (
    acquired === undefined ||
    mean === undefined ||
    !(frameReferenceTime !== undefined && frameReferenceTime > 0) ||
    !halfLife
  )
    return undefined;
  return acquired - frameReferenceTime / 1000 + mean;
}

/** Seconds after the beginning of a frame at which its mean count rate is reached. */
function meanCountTime({ frameDuration, halfLife }: PetHeader): number | undefined {
  if (!(frameDuration !== undefined && frameDuration > 0) || !(halfLife !== undefined && halfLife > 0))
    return undefined;
  const lambda = Math.LN2 / halfLife;
  const during = (lambda * frameDuration) / 1000;
  return Math.log(during / -Math.expm1(-during)) / lambda;
}

/** Where the Decay Factor is told, it must be that from the start of the scan to the frame. */
function contradicted(pet: PetHeader, start: number): Decay | undefined {
  const acquired = momentOf(`${pet.acquisitionDate ?? ''}${pet.acquisitionTime ?? ''}`);
  const { decayFactor, halfLife } = pet;
  if (acquired === undefined || !halfLife || !(decayFactor !== undefined && decayFactor > 1)) return undefined;
  const expected = 2 ** ((acquired + (meanCountTime(pet) ?? 0) - start) / halfLife);
  if (Math.abs(decayFactor / expected - 1) <= DECAY_FACTOR_TOLERANCE) return undefined;
  const figures = `${decayFactor.toFixed(3)}, from Series Time (0008,0031) to the frame it would be ${expected.toFixed(3)}`;
  return { ok: false, why: `Decay Factor (0054,1321) is ${figures}` };
}

/** From the injection to that moment; a time without a date lies on the day before it, where it would be later. */
function from(pet: PetHeader, to: number, what: string): Decay {
  const dated = pet.injectionDateTime === undefined ? undefined : momentOf(pet.injectionDateTime);
  const time = pet.injectionTime === undefined ? undefined : secondsOfDay(pet.injectionTime);
  if (dated === undefined && time === undefined)
    return { ok: false, why: 'Radiopharmaceutical Start Time (0018,1072) and DateTime (0018,1078) are absent' };
  let injected = dated ?? Math.floor(to / DAY) * DAY + time!;
  const overMidnight = dated === undefined && injected > to;
  if (overMidnight) injected -= DAY;
  const seconds = to - injected;
  if (seconds < 0) return { ok: false, why: 'Radiopharmaceutical Start DateTime (0018,1078) lies behind the scan' };
  if (seconds > LONGEST)
    return { ok: false, why: `the injection lies ${Math.round(seconds / DAY)} days before the scan` };
  const by =
    dated === undefined
      ? `Start Time (0018,1072)${overMidnight ? ' of the day before' : ''}`
      : 'Start DateTime (0018,1078)';
  return { ok: true, seconds, proof: `decay from Radiopharmaceutical ${by} to ${what}` };
}

/** Seconds of a DT, or of a date followed by a time; an offset from UTC at its end is taken off. */
export function momentOf(text: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)?(\d\d)?(\.\d{1,6})?([+-]\d{4})?$/.exec(text.trim());
  if (match === null) return undefined;
  const [, year, month, day, hours, minutes = '0', seconds = '0', fraction = '0'] = match;
  const ms = Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hours), Number(minutes), Number(seconds));
  return Number.isFinite(ms) ? ms / 1000 + Number(fraction) : undefined;
}

function secondsOfDay(text: string): number | undefined {
  const at = momentOf(`19700101${text.trim()}`);
  return at !== undefined && at >= 0 && at < DAY + 1 ? at : undefined;
}
