import { readAskedInstances } from '../../archive/commitment-request.ts';
import type { Commitments } from '../../archive/commitments.ts';
import type { RequestedCommitments } from '../../archive/requested-commitments.ts';
import { text } from '../../dicom/read-values.ts';
import { STORAGE_COMMITMENT_INSTANCE, STORAGE_COMMITMENT_PUSH_MODEL } from '../../dicom/sop-classes.ts';
import { isUsableAsUid } from '../../dicom/uid.ts';
import type { Log } from '../../log.ts';
import { COMMAND_FIELDS } from '../../network/command-set.ts';
import type { Service, ServiceRequest } from '../service.ts';
import { reportAfterRequest, reportOnLaterAssociation } from './commitment-report.ts';
import {
  aeTitleOf,
  answer,
  dataSetOf,
  INVALID_ARGUMENT_VALUE,
  NO_SUCH_ACTION,
  NO_SUCH_EVENT_TYPE,
  NO_SUCH_SOP_CLASS,
  NO_SUCH_SOP_INSTANCE,
  Refusal,
} from './normalized.ts';

export interface CommitmentParts {
  /** What others ask of us. */
  readonly commitments: Commitments;
  /** What we asked of others: its answers may come by this door. */
  readonly requested: RequestedCommitments;
  /** Where what is committed to can be retrieved: our own. */
  readonly retrieveAeTitle: string;
  readonly log: Log;
}

/** Action Type ID (PS3.4 Table J.3-1). */
const REQUEST_STORAGE_COMMITMENT = 1;

/**
 * Storage Commitment Push Model (PS3.4 Annex J), in both roles: N-ACTION from those who want their objects kept, and
 * N-EVENT-REPORT from those whom we asked to keep ours.
 */
export function commitmentService(parts: CommitmentParts): Service {
  return {
    sopClasses: [STORAGE_COMMITMENT_PUSH_MODEL],
    requests: ['N-ACTION-RQ', 'N-EVENT-REPORT-RQ'],
    opened: (association) => reportOnLaterAssociation(parts, association),
    perform: (request) =>
      request.command.commandField === COMMAND_FIELDS['N-ACTION-RQ']
        ? takeRequest(parts, request)
        : answer(request, parts.log, () => takeAnswer(parts, request)),
  };
}

/** N-ACTION (PS3.4 J.3.2): the success says that the request is durable, not that anything is kept. */
async function takeRequest(parts: CommitmentParts, request: ServiceRequest): Promise<void> {
  const { commitments, log } = parts;
  const { command } = request;
  let id: number | undefined;
  await answer(request, log, async () => {
    if ((command.requestedSopClassUid ?? STORAGE_COMMITMENT_PUSH_MODEL) !== STORAGE_COMMITMENT_PUSH_MODEL)
      throw new Refusal(NO_SUCH_SOP_CLASS, 'the SOP class is not that of the presentation context');
    if (command.requestedSopInstanceUid !== STORAGE_COMMITMENT_INSTANCE)
      throw new Refusal(NO_SUCH_SOP_INSTANCE, 'storage commitment has one well-known instance');
    if (command.actionTypeId !== REQUEST_STORAGE_COMMITMENT)
      throw new Refusal(NO_SUCH_ACTION, 'Action Type ID must be 1', { actionTypeId: command.actionTypeId });
    const information = dataSetOf(request);
    const transactionUid = text(information, 'TransactionUID') ?? '';
    if (!isUsableAsUid(transactionUid))
      throw new Refusal(INVALID_ARGUMENT_VALUE, 'Transaction UID (0008,1195) is missing or no UID');
    const from = { door: 'dimse' as const, aeTitle: aeTitleOf(request) };
    id = await commitments.request(transactionUid, readAskedInstances(information), from);
    return {};
  });
  if (id !== undefined) reportAfterRequest(parts, request, id);
}

/** N-EVENT-REPORT (PS3.4 J.3.3) about what this node asked for. */
async function takeAnswer({ requested }: CommitmentParts, request: ServiceRequest): Promise<Record<string, never>> {
  const { eventTypeId } = request.command;
  if (eventTypeId !== 1 && eventTypeId !== 2)
    throw new Refusal(NO_SUCH_EVENT_TYPE, 'Event Type ID must be 1 or 2', { eventTypeId });
  const known = await requested.take(dataSetOf(request));
  if (!known) throw new Refusal(INVALID_ARGUMENT_VALUE, 'no commitment was asked for by that Transaction UID');
  return {};
}
