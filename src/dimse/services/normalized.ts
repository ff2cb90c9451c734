import type { JsonDataset } from '../../dicom/dataset.ts';
import { bufferSource, parseDataSet } from '../../dicom/parse.ts';
import { type ErrorCode, VoxgateError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { CommandValues } from '../../network/command-set.ts';
import type { ServiceRequest } from '../service.ts';
import { comment } from '../store-status.ts';

/** Statuses of the DIMSE-N services (PS3.7 Annex C, 10.1). */
export const SUCCESS = 0x0000;
export const NO_SUCH_ATTRIBUTE = 0x0105;
export const INVALID_ATTRIBUTE_VALUE = 0x0106;
export const PROCESSING_FAILURE = 0x0110;
export const DUPLICATE_SOP_INSTANCE = 0x0111;
export const NO_SUCH_SOP_INSTANCE = 0x0112;
export const NO_SUCH_EVENT_TYPE = 0x0113;
export const INVALID_ARGUMENT_VALUE = 0x0115;
export const INVALID_SOP_INSTANCE = 0x0117;
export const NO_SUCH_SOP_CLASS = 0x0118;
export const MISSING_ATTRIBUTE = 0x0120;
export const MISSING_ATTRIBUTE_VALUE = 0x0121;
export const NO_SUCH_ACTION = 0x0123;
export const RESOURCE_LIMITATION = 0x0213;

/** A failure that a service states by itself; the sentence becomes its Error Comment (0000,0902). */
export class Refusal extends Error {
  readonly values: CommandValues;
  constructor(status: number, sentence: string, values: CommandValues = {}) {
    super(sentence);
    this.values = { status, errorComment: comment(sentence), ...values };
  }
}

const STATUS_OF: Partial<Record<ErrorCode, number>> = {
  'bad-request': INVALID_ARGUMENT_VALUE,
  'not-dicom': INVALID_ARGUMENT_VALUE,
  'too-large': RESOURCE_LIMITATION,
  'out-of-resources': RESOURCE_LIMITATION,
};

/** Answers a request with what the work gives, or with the status of what it throws; the association goes on. */
export async function answer(
  request: ServiceRequest,
  log: Log,
  work: () => Promise<{ readonly values?: CommandValues; readonly dataSet?: Buffer }>,
): Promise<void> {
  const { values, dataSet } = await work().then(
    (done) => ({ values: { status: SUCCESS, ...done.values }, dataSet: done.dataSet }),
    (error: unknown) => ({ values: failureOf(error, request, log), dataSet: undefined }),
  );
  await request.respond(values, dataSet);
}

function failureOf(error: unknown, { association, command }: ServiceRequest, log: Log): CommandValues {
  const { callingAe } = association;
  if (error instanceof Refusal) {
    log.warn({ callingAe, status: error.values.status, reason: error.message }, 'a request was refused');
    return error.values;
  }
  if (error instanceof VoxgateError) {
    log.warn({ callingAe, code: error.code, reason: error.message }, 'a request was refused');
    return { status: STATUS_OF[error.code] ?? PROCESSING_FAILURE, errorComment: comment(error.message) };
  }
  log.error(
    { callingAe, command: command.commandField, error: error instanceof Error ? error.stack : String(error) },
    'a request failed',
  );
  return { status: PROCESSING_FAILURE, errorComment: 'internal error; see the log of this node' };
}

/** Who asks, as it can be written down. */
export function aeTitleOf({ association }: ServiceRequest): string {
  return association.callingAe.replaceAll('\0', '');
}

/** The data set of a request, text decoded. @throws VoxgateError not-dicom; Refusal where there is none */
export function dataSetOf({ dataSet, transferSyntaxUid }: ServiceRequest): JsonDataset {
  if (dataSet === undefined || dataSet.length === 0)
    throw new Refusal(INVALID_ARGUMENT_VALUE, 'the request has no data set');
  return parseDataSet(bufferSource(dataSet), { transferSyntaxUid }).dataset;
}
