import type { Order } from '../catalog/worklist.ts';
import { dataset, type Fields } from '../dicom/build.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { items, text } from '../dicom/read-values.ts';

/** What of a study an order can be known by. */
export interface StudyKeys {
  readonly studyInstanceUid: string;
  readonly accessionNumber: string | undefined;
  readonly patientId: string | undefined;
  readonly requestedProcedureIds: readonly string[];
  readonly studyDate: string | undefined;
  readonly modality: string | undefined;
}

export function studyKeysOf(studyInstanceUid: string, instance: JsonDataset): StudyKeys {
  const requests = items(instance, 'RequestAttributesSequence');
  return {
    studyInstanceUid,
    accessionNumber: text(instance, 'AccessionNumber') ?? firstOf(requests, 'AccessionNumber'),
    patientId: text(instance, 'PatientID'),
    requestedProcedureIds: requests.flatMap((item) => text(item, 'RequestedProcedureID') ?? []),
    studyDate: text(instance, 'StudyDate'),
    modality: text(instance, 'Modality'),
  };
}

/** Worklist queries for the study (PS3.4 Table K.6-1), the surest first; a value that would be a wild card asks nothing. */
export function worklistQueries(keys: StudyKeys): JsonDataset[] {
  const { accessionNumber, patientId, requestedProcedureIds, studyDate } = keys;
  const [procedure] = requestedProcedureIds;
  const queries: Fields[] = [];
  if (isSingle(accessionNumber)) queries.push({ AccessionNumber: accessionNumber });
  if (isSingle(procedure)) queries.push({ RequestedProcedureID: procedure });
  if (isSingle(patientId) && /^\d{8}$/.test(studyDate ?? ''))
    queries.push({
      PatientID: patientId,
      ScheduledProcedureStepSequence: [{ ...STEP, ScheduledProcedureStepStartDate: studyDate }],
    });
  return queries.map((keysOfQuery) => dataset({ ...RETURNED, ...keysOfQuery }));
}

const STEP: Fields = {
  Modality: null,
  ScheduledStationAETitle: null,
  ScheduledProcedureStepStartDate: null,
  ScheduledProcedureStepStartTime: null,
  ScheduledProcedureStepDescription: null,
  ScheduledProcedureStepID: null,
};
/** The patient is asked for by ID alone, to see that it is the same one. */
const RETURNED: Fields = {
  AccessionNumber: null,
  PatientID: null,
  StudyInstanceUID: null,
  RequestedProcedureID: null,
  RequestedProcedureDescription: null,
  RequestedProcedurePriority: null,
  ScheduledProcedureStepSequence: [STEP],
};

function isSingle(value: string | undefined): value is string {
  return value !== undefined && value !== '' && !/[*?\\]/.test(value);
}

export interface Chosen {
  readonly matchedBy: string;
  /** One, or all that are as good; they are of different requested procedures then. */
  readonly orders: readonly Order[];
}

/**
 * The orders that fit the study best: by Study Instance UID, by Accession Number, by Requested Procedure ID, or by patient
 * and day; among equals those of the same modality. What names another patient never fits.
 */
export function chooseOrder(keys: StudyKeys, answers: readonly JsonDataset[]): Chosen | undefined {
  const possible = answers.filter((one) => [undefined, keys.patientId].includes(text(one, 'PatientID')));
  const ways: readonly [string, (order: Order, answer: JsonDataset) => boolean][] = [
    ['Study Instance UID', (order) => order.studyInstanceUid === keys.studyInstanceUid],
    ['Accession Number', (order) => order.accessionNumber !== null && order.accessionNumber === keys.accessionNumber],
    ['Requested Procedure ID', (order) => keys.requestedProcedureIds.includes(order.requestedProcedureId ?? '')],
    [
      'patient and day',
      (order, answer) => text(answer, 'PatientID') !== undefined && order.scheduledDate === keys.studyDate,
    ],
  ];
  for (const [matchedBy, fits] of ways) {
    const orders = possible.flatMap((answer) => {
      const order = orderOf(answer);
      return fits(order, answer) ? [order] : [];
    });
    if (orders.length > 0) return { matchedBy, orders: distinct(sameModality(orders, keys.modality)) };
  }
  return undefined;
}

function sameModality(orders: readonly Order[], modality: string | undefined): readonly Order[] {
  const same = orders.filter((order) => order.modality === modality);
  return same.length > 0 ? same : orders;
}

/** Several steps of one requested procedure are one order. */
function distinct(orders: readonly Order[]): Order[] {
  const key = (order: Order): string => `${order.accessionNumber ?? ''} ${order.requestedProcedureId ?? ''}`;
  return [...new Map([...orders].reverse().map((order) => [key(order), order])).values()];
}

function orderOf(answer: JsonDataset): Order {
  const [step = {}] = items(answer, 'ScheduledProcedureStepSequence');
  const of = (item: JsonDataset, keyword: string): string | null => text(item, keyword) ?? null;
  return {
    accessionNumber: of(answer, 'AccessionNumber'),
    studyInstanceUid: of(answer, 'StudyInstanceUID'),
    requestedProcedureId: of(answer, 'RequestedProcedureID'),
    requestedProcedureDescription: of(answer, 'RequestedProcedureDescription'),
    requestedProcedurePriority: of(answer, 'RequestedProcedurePriority'),
    scheduledProcedureStepId: of(step, 'ScheduledProcedureStepID'),
    scheduledProcedureStepDescription: of(step, 'ScheduledProcedureStepDescription'),
    scheduledDate: of(step, 'ScheduledProcedureStepStartDate'),
    scheduledTime: of(step, 'ScheduledProcedureStepStartTime'),
    scheduledStationAeTitle: of(step, 'ScheduledStationAETitle'),
    modality: of(step, 'Modality'),
  };
}

function firstOf(requests: readonly JsonDataset[], keyword: string): string | undefined {
  return requests.flatMap((item) => text(item, keyword) ?? [])[0];
}
