import type { JsonDataset } from '../dicom/dataset.ts';
import type { QueryLevel } from '../dicom/query.ts';
import { shapeOf } from './image-shape.ts';

/** Where an answer stands in the order of its query: what the statement orders by. */
export type Place = readonly (string | number)[];

/** A row of a search; what is of a level below the query's is absent. */
export interface FoundRow {
  /** DICOM JSON of the attributes kept with the study; of a patient, with its newest study. */
  readonly study: string;
  readonly series?: string;
  readonly studyInstanceUid?: string;
  readonly seriesInstanceUid?: string;
  readonly sopInstanceUid?: string;
  readonly sopClassUid?: string;
  readonly instanceNumber?: number | null;
  readonly instanceId?: number;
  readonly shape?: string | null;
  readonly modalitiesInStudy?: readonly string[];
  readonly sopClassesInStudy?: readonly string[];
  readonly numberOfPatientRelatedStudies?: number;
  readonly numberOfPatientRelatedSeries?: number;
  readonly numberOfPatientRelatedInstances?: number;
  readonly numberOfStudyRelatedSeries?: number;
  readonly numberOfStudyRelatedInstances?: number;
  readonly numberOfSeriesRelatedInstances?: number;
  /** DICOM JSON of the instance itself, where it was read. */
  readonly own?: string;
  readonly place0: string | number;
  readonly place1?: string | number;
  readonly place2?: string | number;
  readonly place3?: string | number;
  readonly place4?: string | number;
}

/** One answer: the attributes kept at its level and above, parsed where somebody reads them, and what is counted. */
export class Found {
  readonly level: QueryLevel;
  readonly row: FoundRow;
  #study: JsonDataset | undefined;
  #series: JsonDataset | undefined;
  #own: JsonDataset | undefined;
  #shape: JsonDataset | undefined;

  constructor(level: QueryLevel, row: FoundRow) {
    this.level = level;
    this.row = row;
  }

  /** Of a patient: the attributes of its newest study, of which some are about the patient. */
  get study(): JsonDataset {
    const { study } = this.row;
    this.#study ??= parsed(study);
    return this.#study;
  }

  get series(): JsonDataset | undefined {
    const { series } = this.row;
    if (series === undefined) return undefined;
    this.#series ??= parsed(series);
    return this.#series;
  }

  /** The instance's own attributes, where they were read. */
  get own(): JsonDataset | undefined {
    const { own } = this.row;
    if (own === undefined) return undefined;
    this.#own ??= parsed(own);
    return this.#own;
  }

  /** Rows, columns, bits and frames, where they are kept. */
  get shape(): JsonDataset | undefined {
    this.#shape ??= shapeOf(this.row.shape ?? null);
    return this.#shape;
  }

  /** The same with the instance's own attributes. */
  withOwn(own: string): Found {
    return new Found(this.level, { ...this.row, own });
  }

  get place(): Place {
    const { place0, place1, place2, place3, place4 } = this.row;
    return [place0, place1, place2, place3, place4].filter((part) => part !== undefined);
  }
}

function parsed(json: string): JsonDataset {
  return JSON.parse(json);
}
