import type { PostStep, PreStep, Triple } from '../imaging/transforms/steps.ts';

/** models/<id>/<version>/model.json, schema 2: data only, checked by models/model.schema.json. */
export interface ModelManifest {
  readonly schema: 2;
  readonly id: string;
  readonly version: string;
  readonly title: string;
  readonly intendedUse: string;
  readonly limitations: string;
  readonly license: string;
  readonly authors: readonly string[];
  /** research: its results say so, and go to no peer that is not for research. */
  readonly usage: 'clinical' | 'research';
  readonly algorithm: { readonly name: string; readonly family: ManifestCode };
  /** The files of the network beside model.json: more than one is an ensemble, whose outputs are averaged. */
  readonly files: readonly ModelFile[];
  /** What the package was imported from, word for word; absent in one written by hand. */
  readonly importedFrom?: {
    readonly format: 'monai-bundle' | 'nnunet-v2';
    readonly name: string;
    readonly version: string;
  };

  /** One a volume or image that goes in; their channels follow each other in the tensor, in this order. */
  readonly inputs: readonly InputSlot[];
  /** Conditions on the study as a whole: the model card, executable. All must hold. */
  readonly gates: readonly Gate[];
  readonly transforms: readonly PreStep[];
  readonly tensors: {
    readonly input: { readonly name: string; readonly type: 'float32' | 'float16' };
    /** Of the network's outputs the one that counts (deep supervision gives several). */
    readonly output: string;
    /** Boxes come in several tensors. */
    readonly boxes?: { readonly boxes: string; readonly scores: string; readonly labels: string };
  };
  /** Absent: the whole tensor at once. */
  readonly window?: WindowSpec;
  readonly engine: EnginePolicy;
  readonly output: OutputMeaning;
  readonly postprocess: readonly PostStep[];
  readonly segments: readonly ManifestSegment[];
  readonly measurements: readonly ('volume' | 'axes' | 'surface' | 'statistics')[];
  readonly results: readonly ('SEG' | 'SR')[];
  /** What results are sent as, best first. One form of each kind is made so far; another name comes with the code for it. */
  readonly destinationLadder: readonly ('SEG-BINARY' | 'SR-3D')[];
  /** What a sound result lies within; one outside is told, and withheld where `withhold`. */
  readonly plausibility: readonly PlausibleRange[];
  /** The sentence to report when nothing was found. */
  readonly nothingFound: string;
  readonly explain?: {
    readonly featureTensor?: string;
    readonly occlusion?: { readonly size: Triple; readonly stride: Triple };
  };
  /** A pair that every engine must reproduce: raw float32 little endian beside model.json. */
  readonly golden?: GoldenPair;
}

export interface ManifestCode {
  readonly value: string;
  readonly scheme: string;
  readonly meaning: string;
}

export interface ModelFile {
  readonly path: string;
  /** SHA-256, hexadecimal. */
  readonly digest: string;
  /** External data of the graph, beside it. */
  readonly external?: readonly { readonly path: string; readonly digest: string }[];
}

/** A condition in the route language (JSON form or text) and the sentence to tell when it does not hold. */
export interface Gate {
  readonly when: unknown;
  readonly otherwise: string;
}

export interface InputSlot {
  /** "ct", "flair", "pet", "prior" */
  readonly slot: string;
  /** All must hold of a series for it to fill the slot. */
  readonly gates: readonly Gate[];
  /** What the numbers must be: refused where they are not known to be that. */
  readonly units: 'HU' | 'SUVbw' | 'SUVlbm' | 'SUVbsa' | 'Bq/ml' | 'any';
  readonly kind: 'volume' | 'image' | 'colour-image' | 'cine';
  readonly geometry: GeometryPolicy;
  /**
   * Which stack of a series that holds several (echoes, b-values, phases): the one whose label has this in it, "b 1000".
   * Absent: such a series is refused, with the labels.
   */
  readonly stack?: string;
  /** Values as they are seen, 0 to 1: through window or VOI LUT and presentation. For models trained on pictures. */
  readonly asShown?: boolean;
  /** What to do when no series of the study fills it. `wait` for this long, then as `missing` says. */
  readonly missing: 'refuse' | 'zero';
  readonly waitSeconds: number;
  /** The slot is filled by an earlier study of the same patient. */
  readonly prior?: { readonly withinDays: number };
}

/** Per defect: refuse it, or accept it and tell. Lengths in mm. */
export interface GeometryPolicy {
  readonly minimumSlices: number;
  readonly maximumSliceSpacing?: number;
  readonly maximumPixelSpacing?: number;
  /** Sheared stacks: refused, or sheared back to an upright grid on the way in, and again on the way out. */
  readonly tilt: 'refuse' | 'resample';
  /** Unequal steps: refused, or resampled at their true places. */
  readonly spacing: 'refuse' | 'resample';
  readonly duplicates: 'refuse' | 'first';
}

export interface WindowSpec {
  readonly roi: Triple;
  /** Fraction, 0 up to but not 1. */
  readonly overlap: number;
  readonly blend: 'constant' | 'gaussian';
  /** Of the window's length. */
  readonly sigmaScale: number;
  /** How windows lie: MONAI (last one shifted back) or nnU-Net (evenly spread, weights up to 10). */
  readonly grid: 'monai' | 'nnunet';
  /** What lies beyond an image that is smaller than a window. */
  readonly padding: number;
  readonly batch: number;
  /** Spatial axes (0 to 2) that are mirrored; the mean over all combinations counts. */
  readonly mirrorAxes?: readonly number[];
  /** Windows with no value above this get the answer for a window of that value alone (air). Only where parity was shown. */
  readonly skipBelow?: number;
}

export interface EnginePolicy {
  /** In order of preference; one that is not there is passed over only where the list goes on. */
  readonly providers: readonly ('cpu' | 'cuda' | 'tensorrt' | 'kserve')[];
  readonly timeoutSeconds: number;
  readonly kserve?: { readonly url: string; readonly model: string; readonly version?: string };
}

export type OutputMeaning =
  /** [1][class][a][b][c] on the grid of the input; class 0 is the background. */
  | { readonly kind: 'class-scores'; readonly classes: readonly string[] }
  /** [1][region][a][b][c], each on its own; no background. */
  | { readonly kind: 'region-scores'; readonly classes: readonly string[] }
  /** [1][class]: of the whole image. */
  | {
      readonly kind: 'classification';
      readonly activation: 'softmax' | 'sigmoid' | 'none';
      readonly classes: readonly ClassFinding[];
    }
  /** Boxes [n][4 or 6] in voxels of the input tensor (min…, max…), scores [n], labels [n]. */
  | { readonly kind: 'boxes'; readonly classes: readonly ClassFinding[]; readonly overlap: number };

/** What a class says of the patient, and from which probability on. */
export interface ClassFinding {
  readonly label: string;
  readonly finding: ManifestCode;
  /** At or above: present. Below `absentBelow`: absent. Between: undetermined. */
  readonly presentFrom: number;
  readonly absentBelow?: number;
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

export interface PlausibleRange {
  readonly segment: number;
  readonly measure: 'volumeMl' | 'mean' | 'longAxisMm';
  readonly from?: number;
  readonly to?: number;
  readonly withhold: boolean;
}

export interface GoldenPair {
  readonly input: { readonly path: string; readonly shape: readonly number[]; readonly digest: string };
  readonly output: { readonly path: string; readonly shape: readonly number[]; readonly digest: string };
  /** Largest absolute difference of any element. */
  readonly tolerance: number;
}
