import { randomUUID } from 'node:crypto';
import { type ProcedureSteps, StepFault } from '../../archive/procedure-steps.ts';
import type { JsonDataset } from '../../dicom/dataset.ts';
import {
  INSTANCE_AVAILABILITY_NOTIFICATION,
  MODALITY_PERFORMED_PROCEDURE_STEP,
  MODALITY_PERFORMED_PROCEDURE_STEP_RETRIEVE,
} from '../../dicom/sop-classes.ts';
import { deterministicUid, isUsableAsUid } from '../../dicom/uid.ts';
import { encodeDataSet } from '../../dicom/write.ts';
import type { Log } from '../../log.ts';
import { COMMAND_FIELDS } from '../../network/command-set.ts';
import type { Service, ServiceRequest } from '../service.ts';
import {
  aeTitleOf,
  answer,
  DUPLICATE_SOP_INSTANCE,
  dataSetOf,
  INVALID_ATTRIBUTE_VALUE,
  INVALID_SOP_INSTANCE,
  MISSING_ATTRIBUTE,
  MISSING_ATTRIBUTE_VALUE,
  NO_SUCH_SOP_INSTANCE,
  PROCESSING_FAILURE,
  Refusal,
} from './normalized.ts';

/** Error ID (0000,0903): the step is final (PS3.4 Table F.7.2-2). */
const MAY_NO_LONGER_BE_UPDATED = 0xa710;

/** Modality Performed Procedure Step, and its retrieval (PS3.4 F.7 and F.8). */
export function mppsService(parts: { readonly steps: ProcedureSteps; readonly log: Log }): Service {
  const { steps, log } = parts;
  return {
    sopClasses: [MODALITY_PERFORMED_PROCEDURE_STEP, MODALITY_PERFORMED_PROCEDURE_STEP_RETRIEVE],
    requests: ['N-CREATE-RQ', 'N-SET-RQ', 'N-GET-RQ'],
    perform(request) {
      const { commandField, requestedSopInstanceUid = '' } = request.command;
      if (commandField === COMMAND_FIELDS['N-CREATE-RQ'])
        return create(request, log, (uid, step) => steps.create(uid, aeTitleOf(request), step));
      if (commandField === COMMAND_FIELDS['N-SET-RQ'])
        return answer(request, log, async () => {
          await steps.change(requestedSopInstanceUid, dataSetOf(request)).catch(refuse);
          return {};
        });
      return answer(request, log, async () => {
        const step = await steps.read(requestedSopInstanceUid).catch(refuse);
        return { dataSet: encodeDataSet(step, { transferSyntaxUid: request.transferSyntaxUid }) };
      });
    },
  };
}

export interface IanParts {
  takeNotice(sopInstanceUid: string, announcedBy: string, notice: JsonDataset): Promise<void>;
  readonly log: Log;
}

/** Instance Availability Notification (PS3.4 Annex R). */
export function ianService({ takeNotice, log }: IanParts): Service {
  return {
    sopClasses: [INSTANCE_AVAILABILITY_NOTIFICATION],
    requests: ['N-CREATE-RQ'],
    perform: (request) => create(request, log, (uid, notice) => takeNotice(uid, aeTitleOf(request), notice)),
  };
}

/** N-CREATE: a requestor that names no SOP Instance UID is told the one it got (PS3.7 10.1.5.1.3). */
async function create(
  request: ServiceRequest,
  log: Log,
  insert: (sopInstanceUid: string, dataSet: JsonDataset) => Promise<void>,
): Promise<void> {
  const named = request.command.affectedSopInstanceUid;
  await answer(request, log, async () => {
    const uid = named || deterministicUid('created for a requestor', randomUUID());
    if (!isUsableAsUid(uid)) throw new Refusal(INVALID_SOP_INSTANCE, 'the Affected SOP Instance UID is no UID');
    await insert(uid, dataSetOf(request)).catch(refuse);
    return { values: { affectedSopInstanceUid: uid } };
  });
}

const STATUS: Readonly<Record<StepFault['kind'], number>> = {
  missing: MISSING_ATTRIBUTE,
  empty: MISSING_ATTRIBUTE_VALUE,
  invalid: INVALID_ATTRIBUTE_VALUE,
  duplicate: DUPLICATE_SOP_INSTANCE,
  unknown: NO_SUCH_SOP_INSTANCE,
  final: PROCESSING_FAILURE,
};

function refuse(error: unknown): never {
  if (!(error instanceof StepFault)) throw error;
  const { kind, tag, message } = error;
  throw new Refusal(STATUS[kind], message, {
    ...(tag === undefined ? {} : { offendingElement: Number.parseInt(tag, 16) }),
    ...(kind === 'final' ? { errorId: MAY_NO_LONGER_BE_UPDATED } : {}),
  });
}
