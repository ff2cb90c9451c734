import { dataset } from '../dicom/build.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { bufferSource, parseDataSet } from '../dicom/parse.ts';
import { STORAGE_COMMITMENT_INSTANCE, STORAGE_COMMITMENT_PUSH_MODEL } from '../dicom/sop-classes.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transfer-syntaxes.ts';
import { encodeDataSet } from '../dicom/write.ts';
import { VoxgateError } from '../errors.ts';
import { COMMAND_FIELDS } from '../network/command-set.ts';
import type { IncomingRequest } from '../network/message-exchange.ts';
import { type AcceptedContext, type DimseAddress, openAssociation, type RequestorAssociation } from './requestor.ts';

const REQUEST_STORAGE_COMMITMENT = 1;
const UNRECOGNIZED_OPERATION = 0x0211;
const INVALID_ARGUMENT_VALUE = 0x0115;

/** Implicit VR first: peers that know no other for this service are in the field. */
const TRANSFER_SYNTAXES = [IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN];

export interface AskedInstance {
  readonly sopClassUid: string;
  readonly sopInstanceUid: string;
}

/**
 * Asks a peer to keep objects (N-ACTION, PS3.4 J.3.2), and leaves the association open for a while: many answer on it.
 * @param onAnswer takes the Event Information of an N-EVENT-REPORT; resolves to whether we asked for that
 * @param waitMs how long the answer is waited for; it may come on an association of the peer's later
 * @throws VoxgateError peer-failed when the peer does not take the request
 */
export async function askForCommitment(
  address: DimseAddress,
  request: { readonly transactionUid: string; readonly instances: readonly AskedInstance[] },
  {
    onTaken,
    onAnswer,
    waitMs,
  }: {
    readonly onTaken: () => Promise<void>;
    readonly onAnswer: (information: JsonDataset) => Promise<boolean>;
    readonly waitMs: number;
  },
): Promise<void> {
  let answered: () => void = () => undefined;
  const answer = new Promise<void>((resolve) => {
    answered = resolve;
  });
  const onRequest = async (event: IncomingRequest, context: AcceptedContext): Promise<void> => {
    await takeEvent(event, context, onAnswer);
    answered();
  };
  const association = await openAssociation(
    address,
    [{ sopClassUid: STORAGE_COMMITMENT_PUSH_MODEL, transferSyntaxUids: TRANSFER_SYNTAXES }],
    { onRequest },
  );
  try {
    const context = contextOf(association, address);
    const payload = encodeDataSet(
      dataset({
        TransactionUID: request.transactionUid,
        ReferencedSOPSequence: request.instances.map(({ sopClassUid, sopInstanceUid }) => ({
          ReferencedSOPClassUID: sopClassUid,
          ReferencedSOPInstanceUID: sopInstanceUid,
        })),
      }),
      { transferSyntaxUid: context.transferSyntaxUid },
    );
    const { command } = await association.request(
      context.id,
      'N-ACTION-RQ',
      {
        requestedSopClassUid: STORAGE_COMMITMENT_PUSH_MODEL,
        requestedSopInstanceUid: STORAGE_COMMITMENT_INSTANCE,
        actionTypeId: REQUEST_STORAGE_COMMITMENT,
      },
      payload,
    );
    requireSuccess(address, 'N-ACTION', command.status);
    await onTaken();
    await within(waitMs, answer, association);
  } finally {
    await association.release();
  }
}

async function takeEvent(
  event: IncomingRequest,
  { transferSyntaxUid }: AcceptedContext,
  onAnswer: (information: JsonDataset) => Promise<boolean>,
): Promise<void> {
  if (event.command.commandField !== COMMAND_FIELDS['N-EVENT-REPORT-RQ'])
    return event.respond({ status: UNRECOGNIZED_OPERATION });
  const known = await Promise.resolve(event.dataSet)
    .then((bytes) => parseDataSet(bufferSource(bytes ?? Buffer.alloc(0)), { transferSyntaxUid }).dataset)
    .then(onAnswer)
    .catch(() => false);
  await event.respond({ status: known ? 0 : INVALID_ARGUMENT_VALUE });
}

/** Until the answer has come, the time is over, or the peer has left. */
async function within(ms: number, answer: Promise<void>, association: RequestorAssociation): Promise<void> {
  const until = performance.now() + ms;
  let over = false;
  const come = answer.then(() => {
    over = true;
  });
  while (!over && association.isOpen && performance.now() < until)
    await Promise.race([come, new Promise((resolve) => setTimeout(resolve, 50))]);
}

/**
 * Tells a requestor its result on an association of our own, as the provider of the service (N-EVENT-REPORT, PS3.4
 * J.3.3). A peer that accepts the SOP class and says nothing of roles is told all the same: many do not know the item.
 * @throws VoxgateError peer-failed
 */
export async function reportCommitment(
  address: DimseAddress,
  eventTypeId: number,
  information: JsonDataset,
): Promise<void> {
  const association = await openAssociation(address, [
    {
      sopClassUid: STORAGE_COMMITMENT_PUSH_MODEL,
      transferSyntaxUids: TRANSFER_SYNTAXES,
      role: { user: false, provider: true },
    },
  ]);
  try {
    const context = contextOf(association, address);
    const { command } = await association.request(
      context.id,
      'N-EVENT-REPORT-RQ',
      {
        affectedSopClassUid: STORAGE_COMMITMENT_PUSH_MODEL,
        affectedSopInstanceUid: STORAGE_COMMITMENT_INSTANCE,
        eventTypeId,
      },
      encodeDataSet(information, { transferSyntaxUid: context.transferSyntaxUid }),
    );
    requireSuccess(address, 'N-EVENT-REPORT', command.status);
  } finally {
    await association.release();
  }
}

function contextOf({ contexts }: RequestorAssociation, { calledAe }: DimseAddress): AcceptedContext {
  const [context] = contexts;
  if (!context) throw new VoxgateError('peer-failed', `${calledAe} did not accept Storage Commitment Push Model`);
  return context;
}

function requireSuccess({ calledAe }: DimseAddress, what: string, status = 0): void {
  if (status === 0) return;
  const shown = status.toString(16).toUpperCase().padStart(4, '0');
  throw new VoxgateError('peer-failed', `${calledAe} answered ${what} with ${shown}H`);
}
