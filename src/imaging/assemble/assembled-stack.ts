import type { Grid } from '../grid.ts';
import type { Shear, Volume } from '../volume.ts';
import type { FrameHeader } from './image-header.ts';
import type { StackFacts } from './stack-facts.ts';

export type StackKind = 'volume' | 'image' | 'colour-image' | 'cine';

/** What is asked of the stacks: an input slot of a model has these. */
export interface StackRequest {
  readonly kind: StackKind;
  /** What the numbers must be; "any" takes them as the images mean them. */
  readonly units: 'HU' | 'SUVbw' | 'SUVlbm' | 'SUVbsa' | 'Bq/ml' | 'any';
  readonly geometry: {
    readonly minimumSlices: number;
    /** mm */
    readonly maximumSliceSpacing?: number;
    readonly maximumPixelSpacing?: number;
    readonly tilt: 'refuse' | 'resample';
    readonly spacing: 'refuse' | 'resample';
    readonly duplicates: 'refuse' | 'first';
  };
}

export interface AssembledFrame {
  /** Index in the headers that were given. */
  readonly instance: number;
  /** Counted from 1 in its instance. */
  readonly frame: number;
  readonly header: FrameHeader;
}

/** Frames that make one volume, image or cine. */
export interface AssembledStack {
  readonly kind: StackKind;
  /** 1, or 3 where the frames are in colour. */
  readonly channels: 1 | 3;
  /** Regular, right-handed, LPS in mm where `placed`; else in pixels of `calibration`, beginning at 0. */
  readonly grid: Grid;
  /** Whether the grid lies in the patient. */
  readonly placed: boolean;
  /** Whether distances within the plane are in mm of the patient ("patient", "calibrated"). */
  readonly calibration: FrameHeader['calibration'];
  readonly frameOfReferenceUid: string | undefined;
  /** In stack order, ascending along the normal (a cine: in time). Their headers hold slope and intercept to `units`. */
  readonly frames: readonly AssembledFrame[];
  /** Frames left out because another at the same place says the same; their pixels have to be the same, too. */
  readonly copies: readonly { readonly of: number; readonly frame: AssembledFrame }[];
  readonly shear?: Shear;
  readonly sliceTaps?: Volume['sliceTaps'];
  /** HU, SUVbw, Bq/ml, a UCUM code, or "stored" where nobody says. */
  readonly units: string;
  /** What had to be assumed, and how units were come by; one sentence each, no identity. */
  readonly notes: readonly string[];
  /** Which of several it is: "echo 4.92 ms", "b 1000 s/mm²"; empty where there is but one. */
  readonly label: string;
  readonly facts: StackFacts;
}

export interface RefusedFrames {
  /** A sentence with figures, naming no patient. */
  readonly reason: string;
  /** Indexes in the headers that were given. */
  readonly instances: readonly number[];
  /** How many. */
  readonly frames: number;
  readonly label: string;
}

export interface Assembly {
  readonly stacks: readonly AssembledStack[];
  readonly refused: readonly RefusedFrames[];
}
