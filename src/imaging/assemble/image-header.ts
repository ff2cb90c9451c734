import type { SliceHeader } from '../slice-header.ts';
import type { PetHeader } from './pet-header.ts';

/** What one instance says of its frames, without pixels and without identity. Plain data, fit for IPC. */
export interface ImageHeader {
  readonly sopInstanceUid: string;
  readonly sopClassUid: string;
  readonly modality: string;
  /** One of a classic image; of an enhanced multi-frame object one for each item of its functional groups. */
  readonly frames: readonly FrameHeader[];
  /** The frames follow each other in time and lie nowhere in particular: a cine of ultrasound or angiography. */
  readonly isCine: boolean;
  /** Of more than one frame, or of the enhanced kind. */
  readonly isMultiFrame: boolean;
}

/** One frame: what its pixels need, and by what it is told from others at the same place. */
export interface FrameHeader extends SliceHeader {
  /** Counted from 1 in its instance. */
  readonly frame: number;
  /** Frame Type of an enhanced image, Image Type of a classic one. */
  readonly imageType: readonly string[];
  /** Third value of Image Type. */
  readonly isLocalizer: boolean;
  /** Effective or nominal, ms. */
  readonly echoTime?: number;
  readonly echoNumber?: number;
  /** ms */
  readonly inversionTime?: number;
  /** s/mm² */
  readonly bValue?: number;
  /** Of the diffusion gradient, a unit vector; absent for b 0 and for a trace image. */
  readonly gradient?: readonly [number, number, number];
  /** M, P, R or I: magnitude, phase, real, imaginary. */
  readonly complexComponent?: string;
  readonly temporalPosition?: number;
  readonly numberOfTemporalPositions?: number;
  /** Cardiac Number of Images (0018,1090). */
  readonly cardiacImages?: number;
  /** Percent of the R-R interval, or of the respiratory cycle. */
  readonly phasePercent?: number;
  /** ms after the R wave. */
  readonly triggerTime?: number;
  /** "YYYYMMDDHHMMSS.ffffff" of when it was acquired, as far as it is said. */
  readonly acquired?: string;
  /** Dimension Index Values of what tells frames at one place apart, joined by dots. */
  readonly dimensions?: string;
  /** What a stored value stands for, where a Real World Value Mapping says so (PS3.3 C.7.6.16.2.11). */
  readonly realWorld?: RealWorldMapping;
  /** What SUV are made of; of PET only. */
  readonly pet?: PetHeader;
  /** Whether Pixel Spacing is known to be in the patient, and from where it was taken. */
  readonly calibration: Calibration;
}

export interface RealWorldMapping {
  /** UCUM. */
  readonly units: string;
  readonly label?: string;
  readonly first: number;
  readonly last: number;
  readonly slope?: number;
  readonly intercept?: number;
  /** One value for each stored value from `first` to `last`. */
  readonly table?: readonly number[];
}

/**
 * patient: in the plane of the patient. calibrated: a projection or an ultrasound region that was calibrated.
 * detector: at the front of the detector, larger than the patient (Imager Pixel Spacing). none: pixels only.
 */
export type Calibration = 'patient' | 'calibrated' | 'detector' | 'none';
