import { setTimeout as sleep } from 'node:timers/promises';
import { type CommitmentResult, eventInformation, eventTypeOf } from '../../archive/commitment-result.ts';
import { STORAGE_COMMITMENT_INSTANCE, STORAGE_COMMITMENT_PUSH_MODEL } from '../../dicom/sop-classes.ts';
import { encodeDataSet } from '../../dicom/write.ts';
import { sentenceOf, VoxgateError } from '../../errors.ts';
import type { OpenAssociation, ServiceRequest } from '../service.ts';
import type { CommitmentParts } from './commitment.ts';

/** A requestor that waits for the result is silent so long; one that does not has released by then. */
const QUIET_AFTER_REQUEST_MS = 200;
/** On a later association it may first want to do what it came for. */
const QUIET_LATER_MS = 1000;
const ANSWER_MS = 30_000;

/**
 * Tells the requestor the result on the association of its request, when that is still open and quiet by then. Where it
 * is not, a job opens another.
 */
export function reportAfterRequest(parts: CommitmentParts, request: ServiceRequest, id: number): void {
  const { association, contextId, transferSyntaxUid } = request;
  void parts.commitments
    .verifiedWithin(id, LONGEST_VERIFICATION_MS)
    .then(() => reportWhenQuiet(parts, association, { contextId, transferSyntaxUid }, [id]))
    .catch((error: unknown) => remark(parts, association, error));
}

const LONGEST_VERIFICATION_MS = 24 * 60 * 60_000;

/** Tells a requestor that has come again what it has not been told yet (PS3.4 J.3.3: on any association). */
export function reportOnLaterAssociation(parts: CommitmentParts, association: OpenAssociation): void {
  // A peer that is the provider here has come to report to us.
  const context = association.contexts.find(
    ({ abstractSyntaxUid, peerIsProvider }) => abstractSyntaxUid === STORAGE_COMMITMENT_PUSH_MODEL && !peerIsProvider,
  );
  if (!context) return;
  const { id: contextId, transferSyntaxUid } = context;
  void parts.commitments
    .unreported(association.callingAe)
    .then((ids) => reportWhenQuiet(parts, association, { contextId, transferSyntaxUid }, ids, QUIET_LATER_MS))
    .catch((error: unknown) => remark(parts, association, error));
}

interface Way {
  readonly contextId: number;
  readonly transferSyntaxUid: string;
}

async function reportWhenQuiet(
  { commitments, retrieveAeTitle }: CommitmentParts,
  association: OpenAssociation,
  way: Way,
  ids: readonly number[],
  quietMs?: number,
): Promise<void> {
  const how = quietMs === undefined ? 'on the association of the request' : 'on a later association';
  for (const id of ids) {
    if (!(await isQuiet(association, quietMs ?? QUIET_AFTER_REQUEST_MS))) return;
    await commitments.report(id, how, (result) => send(association, way, result, retrieveAeTitle));
  }
}

/** False when the association has ended meanwhile. */
async function isQuiet(association: OpenAssociation, wanted: number): Promise<boolean> {
  while (association.isOpen) {
    const missing = wanted - association.quietMs;
    if (missing <= 0) return true;
    await sleep(missing + 1, undefined, { ref: false });
  }
  return false;
}

async function send(
  association: OpenAssociation,
  { contextId, transferSyntaxUid }: Way,
  result: CommitmentResult,
  retrieveAeTitle: string,
): Promise<void> {
  const information = encodeDataSet(eventInformation(result, retrieveAeTitle), { transferSyntaxUid });
  const { command } = await association.request(
    contextId,
    'N-EVENT-REPORT-RQ',
    {
      affectedSopClassUid: STORAGE_COMMITMENT_PUSH_MODEL,
      affectedSopInstanceUid: STORAGE_COMMITMENT_INSTANCE,
      eventTypeId: eventTypeOf(result),
    },
    information,
    ANSWER_MS,
  );
  const status = command.status ?? 0;
  if (status !== 0)
    throw new VoxgateError('peer-failed', `N-EVENT-REPORT was answered with ${status.toString(16).padStart(4, '0')}H`);
}

function remark({ log }: CommitmentParts, { callingAe }: OpenAssociation, error: unknown): void {
  log.info({ callingAe, reason: sentenceOf(error) }, 'a commitment could not be reported on the open association');
}
