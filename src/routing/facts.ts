import type { JsonDataset } from '../dicom/dataset.ts';

/** What a condition is judged by: read, never changed. */
export interface Facts {
  /** "series" or "study", for sentences: "this series has MR". */
  readonly subject: string;
  /** What attributes are read from: one an image of a series, or one a series of a study. */
  readonly datasets: readonly JsonDataset[];
  /** By name of FACTS; one that is not known is not there. */
  readonly values: FactValues;
  /** Why a fact is not known, where there is more to say than that it is absent. */
  readonly unknown?: Readonly<Record<string, string>>;
  /** What an analysis found; in conditions on results. */
  readonly findings?: Findings;
}

export type FactValues = Readonly<Record<string, string | number | boolean | undefined>>;

/** By label: what is known of each segment (volumeMl, …) and of each class (probability, …). */
export interface Findings {
  readonly segments: Readonly<Record<string, Measures>>;
  readonly classes: Readonly<Record<string, Measures>>;
}

export type Measures = Readonly<Record<string, string | number | boolean>>;
