/** What is true of the places of a stack, whatever a model makes of it: for routes. Lengths in mm. */
export interface StackFacts {
  /** Frames, and the different places they lie at. */
  readonly frames: number;
  readonly slices: number;
  /** The usual step between neighbours along the normal; undefined for one slice. */
  readonly sliceSpacing?: number;
  readonly rowSpacing?: number;
  readonly columnSpacing?: number;
  readonly columns: number;
  readonly rows: number;
  /** Width, height, depth: counts times spacing. */
  readonly fieldOfView?: readonly [number, number, number];
  /** Oblique from 20 degrees off the nearest axis. */
  readonly orientation?: 'axial' | 'sagittal' | 'coronal' | 'oblique';
  /** All steps alike. */
  readonly uniform: boolean;
  /** Steps longer than one and a half times the usual one. */
  readonly gaps: number;
  /** Between the normal and the line on which the first pixels lie, degrees. */
  readonly tilt: number;
  readonly localizer: boolean;
  readonly derived: boolean;
  readonly label: string;
}
