/** A coded concept as a manifest writes it. */
export interface ManifestCode {
  readonly value: string;
  readonly scheme: string;
  readonly meaning: string;
}

export interface ManifestSegment {
  /** Class index in the output tensor. */
  readonly class: number;
  /** Segment Number in the SEG: 1, 2, … */
  readonly number: number;
  readonly label: string;
  readonly category: ManifestCode;
  readonly type: ManifestCode;
  readonly modifier?: ManifestCode;
  /** sRGB, 0 to 255. */
  readonly color: readonly [number, number, number];
}

export type PostProcessing =
  | { readonly op: 'keep-largest-component' }
  /** A class smaller than this on the model grid is taken as not found. */
  | { readonly op: 'minimum-volume'; readonly millilitres: number };

/** What a series must be for the model to run on it. */
export interface Acceptance {
  readonly Modality: string;
  readonly minimumSlices: number;
  /** mm */
  readonly maximumSliceSpacing: number;
  /** mm */
  readonly maximumPixelSpacing: number;
}

/** models/<id>/<version>/model.json: data only, checked by models/model.schema.json. */
export interface ModelManifest {
  readonly schema: 1;
  readonly id: string;
  readonly version: string;
  readonly title: string;
  readonly intendedUse: string;
  readonly limitations: string;
  readonly license: string;
  readonly authors: readonly string[];
  readonly algorithm: { readonly name: string; readonly family: ManifestCode };
  readonly accepts: Acceptance;
  readonly input: {
    readonly tensor: string;
    /** mm between voxel centres along x (to the patient's Left), y (Posterior), z (Head). */
    readonly spacing: readonly [number, number, number];
    readonly units: 'HU';
    readonly orientation: 'LPS';
  };
  readonly output: { readonly tensor: string; readonly kind: 'class-scores'; readonly classes: readonly string[] };
  readonly postprocess: readonly PostProcessing[];
  readonly segments: readonly ManifestSegment[];
  readonly measurements: readonly ('volume' | 'mean-attenuation')[];
  readonly results: readonly ('SEG' | 'SR')[];
  /** The sentence to report when no segment has a voxel. */
  readonly nothingFound: string;
  readonly engine: { readonly provider: 'cpu'; readonly timeoutSeconds: number };
  /** SHA-256 of model.onnx, hexadecimal. */
  readonly digest: string;
}
