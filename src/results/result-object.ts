import type { Fields } from '../dicom/build.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { contributingEquipment, enhancedGeneralEquipment } from './equipment.ts';
import { patientAndStudy } from './patient-study.ts';
import type { Algorithm, Device } from './types.ts';
import { localOffset, shortText, statedOffset, wireMoment } from './wire-values.ts';

/** SOP Instance of a kind in a series of its own. */
export interface ObjectKind {
  readonly sopClassUid: string;
  readonly modality: 'SEG' | 'SR' | 'KO';
}

/** What the modules in common are made of. */
export interface ObjectInput {
  readonly source: { readonly attributes: JsonDataset };
  readonly algorithm: Algorithm;
  readonly device: Device;
  readonly seriesUid: string;
  readonly instanceUid: string;
  readonly seriesNumber: number;
  readonly seriesDescription?: string;
  readonly job?: string;
  readonly created: Date;
}

/**
 * What every object we make has in common: Patient and Study of the source, its own series (PS3.3 C.7.3.1), this node and
 * the algorithm as equipment, SOP Common (C.12.1). Content Qualification is RESEARCH: this node is no medical device.
 */
export function resultObject(kind: ObjectKind, input: ObjectInput): Fields {
  const { attributes } = input.source;
  const offset = statedOffset(attributes);
  const moment = wireMoment(input.created, offset ?? localOffset(input.created));
  return {
    ...patientAndStudy(attributes).fields,
    ...enhancedGeneralEquipment(input.device),
    ...contributingEquipment(input.algorithm, { dateTime: moment.dateTime, job: input.job }),
    SOPClassUID: kind.sopClassUid,
    SOPInstanceUID: input.instanceUid,
    Modality: kind.modality,
    SeriesInstanceUID: input.seriesUid,
    SeriesNumber: input.seriesNumber,
    SeriesDescription: shortText(input.seriesDescription ?? `AI ${input.algorithm.name}`),
    InstanceNumber: 1,
    InstanceCreationDate: moment.date,
    InstanceCreationTime: moment.time,
    SeriesDate: moment.date,
    SeriesTime: moment.time,
    ContentDate: moment.date,
    ContentTime: moment.time,
    TimezoneOffsetFromUTC: offset,
    ContentQualification: 'RESEARCH',
  };
}
