import type { JsonDataset } from '../dicom/dataset.ts';
import { bufferSource, parseDataSet } from '../dicom/parse.ts';
import { texts } from '../dicom/read-values.ts';
import {
  PATIENT_ROOT_FIND,
  PATIENT_ROOT_GET,
  PATIENT_ROOT_MOVE,
  STUDY_ROOT_FIND,
  STUDY_ROOT_GET,
  STUDY_ROOT_MOVE,
} from '../dicom/sop-classes.ts';
import { EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN } from '../dicom/transfer-syntaxes.ts';
import { encodeDataSet } from '../dicom/write.ts';
import { VoxgateError } from '../errors.ts';
import { type IncomingResponse, isPending } from '../network/message-exchange.ts';
import { hex } from '../network/send-object.ts';
import type { DimseAddress } from './dimse-address.ts';
import type { QueryModel, RetrievedObjects, RetrieveResult } from './peer.ts';
import { type AcceptedContext, openAssociation, type Proposal, type RequestorAssociation } from './requestor.ts';
import { RetrieveSink, storageProposals } from './retrieve-sink.ts';

/** Explicit first: a peer's "US or SS" and private attributes keep their meaning then. */
const IDENTIFIER_SYNTAXES = [EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN];

const FIND: Readonly<Record<QueryModel, string>> = { patient: PATIENT_ROOT_FIND, study: STUDY_ROOT_FIND };
const MOVE: Readonly<Record<QueryModel, string>> = { patient: PATIENT_ROOT_MOVE, study: STUDY_ROOT_MOVE };
const GET: Readonly<Record<QueryModel, string>> = { patient: PATIENT_ROOT_GET, study: STUDY_ROOT_GET };

/** Some peers say nothing until a C-MOVE is over; an hour is what a large study over a slow line takes. */
const MOVE_RESPONSE_MS = 60 * 60_000;
/** A C-GET moves on with what it sends; the silence of both is what counts, and is watched over apart. */
const GET_RESPONSE_MS = 2 ** 31 - 1;
const GET_SILENCE_MS = 120_000;

/** C-FIND as its user (PS3.4 C.4.1): one association, the matches as they come. */
export async function* find(
  address: DimseAddress,
  model: QueryModel,
  identifier: JsonDataset,
): AsyncGenerator<JsonDataset, void> {
  const sopClassUid = FIND[model];
  const { association, context } = await openFor(address, sopClassUid, []);
  try {
    const asked = encodeDataSet(identifier, { transferSyntaxUid: context.transferSyntaxUid });
    const values = { affectedSopClassUid: sopClassUid, priority: 0 };
    for await (const response of association.requestMany(context.id, 'C-FIND-RQ', values, asked)) {
      const status = response.command.status ?? 0;
      if (isPending(status)) yield dataSetOf(response, context);
      else requireSuccess(address, 'C-FIND', response);
    }
  } finally {
    await association.release();
  }
}

/** C-MOVE as its user (PS3.4 C.4.2). */
export async function move(
  address: DimseAddress,
  model: QueryModel,
  identifier: JsonDataset,
  destination: string,
): Promise<RetrieveResult> {
  const sopClassUid = MOVE[model];
  const { association, context } = await openFor(address, sopClassUid, []);
  try {
    const asked = encodeDataSet(identifier, { transferSyntaxUid: context.transferSyntaxUid });
    const values = { affectedSopClassUid: sopClassUid, priority: 0, moveDestination: destination };
    const response = await association.request(context.id, 'C-MOVE-RQ', values, asked, MOVE_RESPONSE_MS);
    return resultOf(address, 'C-MOVE', response, context);
  } finally {
    await association.release();
  }
}

/** C-GET as its user (PS3.4 C.4.3): the peer stores on this association, for which we offer to be the provider. */
export async function get(
  address: DimseAddress,
  model: QueryModel,
  identifier: JsonDataset,
  what: { readonly sopClassUids: readonly string[]; readonly into: RetrievedObjects },
): Promise<RetrieveResult> {
  const sopClassUid = GET[model];
  let moved = (): void => undefined;
  const { association, context } = await openFor(address, sopClassUid, storageProposals(what.sopClassUids), {
    openSink: (request) => RetrieveSink.open(request, what.into, () => moved()),
  });
  const silence = setTimeout(() => association.abort(), GET_SILENCE_MS);
  moved = () => void silence.refresh();
  try {
    const asked = encodeDataSet(identifier, { transferSyntaxUid: context.transferSyntaxUid });
    const values = { affectedSopClassUid: sopClassUid, priority: 0 };
    let last: IncomingResponse | undefined;
    for await (const response of association.requestMany(context.id, 'C-GET-RQ', values, asked, GET_RESPONSE_MS)) {
      moved();
      last = response;
    }
    return resultOf(address, 'C-GET', last!, context);
  } finally {
    clearTimeout(silence);
    await association.release();
  }
}

async function openFor(
  address: DimseAddress,
  sopClassUid: string,
  others: readonly Proposal[],
  options: Parameters<typeof openAssociation>[2] = {},
): Promise<{ association: RequestorAssociation; context: AcceptedContext }> {
  const proposals = [{ sopClassUid, transferSyntaxUids: IDENTIFIER_SYNTAXES }, ...others];
  const association = await openAssociation(address, proposals, options);
  const context = association.contexts.find((one) => one.abstractSyntaxUid === sopClassUid);
  if (context) return { association, context };
  await association.release();
  throw new VoxgateError('peer-failed', `${address.calledAe} did not accept SOP class ${sopClassUid}`);
}

function dataSetOf({ dataSet }: IncomingResponse, { transferSyntaxUid }: AcceptedContext): JsonDataset {
  if (!dataSet || dataSet.length === 0) return {};
  return parseDataSet(bufferSource(dataSet), { transferSyntaxUid }).dataset;
}

const WARNING = 0xb000;
const CANCELLED = 0xfe00;

function requireSuccess({ calledAe }: DimseAddress, what: string, { command }: IncomingResponse): void {
  const { status = 0, errorComment = '' } = command;
  if (status === 0 || status === WARNING || status === CANCELLED) return;
  const sentence = `${calledAe}: ${what} was answered with ${hex(status)} ${errorComment}`;
  throw new VoxgateError('peer-failed', sentence.trim());
}

function resultOf(
  address: DimseAddress,
  what: string,
  response: IncomingResponse,
  context: AcceptedContext,
): RetrieveResult {
  requireSuccess(address, what, response);
  const { status = 0, completed = 0, failed = 0, warning = 0 } = response.command;
  const failedSopInstanceUids = texts(dataSetOf(response, context), 'FailedSOPInstanceUIDList');
  return { status, completed, failed, warning, failedSopInstanceUids };
}
