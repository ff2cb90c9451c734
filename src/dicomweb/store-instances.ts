import type { Request, Response } from 'express';
import type { IncomingInstance, Receipt } from '../archive/receive-instance.ts';
import type { Transfer } from '../archive/transfer.ts';
import { dataset, type Fields } from '../dicom/build.ts';
import { includesType, parseMediaType } from '../dicom/media-types.ts';
import { boundaryOf, readMultipart } from '../dicom/multipart.ts';
import { VoxgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import { acceptJson } from './accept.ts';
import { placeOf, retrieveUrl, rootOf } from './addresses.ts';
import { FAILURE_REASON, PROCESSING_FAILURE, WARNING_INCOMPLETE, WARNING_KEPT_APART } from './failure-reasons.ts';
import type { DicomwebParts } from './router.ts';

/** What became of one part. */
type PartOutcome = { readonly receipt: Receipt } | { readonly failure: VoxgateError | undefined };

/**
 * STOW-RS (PS3.18 10.5) of PS3.10 files: multipart, or one file as the whole body. Each part goes to disk as it comes;
 * one that is refused spares the others.
 */
export async function storeInstances(
  { archive, log }: DicomwebParts,
  request: Request,
  response: Response,
): Promise<void> {
  const type = acceptJson(request.headers.accept);
  const { studyInstanceUid } = placeOf(request);
  const transfer = archive.ingest.begin();
  try {
    const outcomes = await receiveParts(request, transfer, studyInstanceUid, log);
    if (outcomes.length === 0) throw new VoxgateError('bad-request', 'the request carries no DICOM object');
    response.status(statusOf(outcomes)).setHeader('content-type', type);
    response.end(JSON.stringify(describe(outcomes, rootOf(request), studyInstanceUid)));
  } finally {
    await transfer.end();
  }
}

async function receiveParts(
  request: Request,
  transfer: Transfer,
  study: string | undefined,
  log: Log,
): Promise<PartOutcome[]> {
  const contentType = parseMediaType(request.headers['content-type'] ?? '');
  if (contentType.type === 'application/dicom') return [await receivePart(request, transfer, study, log)];
  const root = contentType.parameters['type']?.toLowerCase() ?? 'application/dicom';
  if (contentType.type !== 'multipart/related' || !includesType(root, 'application/dicom')) {
    throw new VoxgateError(
      'unsupported-media-type',
      'STOW-RS takes multipart/related; type="application/dicom", or application/dicom',
    );
  }
  const outcomes: PartOutcome[] = [];
  for await (const part of readMultipart(request, boundaryOf(contentType))) {
    const partType = part.headers.get('content-type');
    if (partType !== undefined && !includesType(parseMediaType(partType).type, 'application/dicom')) {
      outcomes.push({ failure: new VoxgateError('unsupported-media-type', 'a part is not application/dicom') });
    } else {
      outcomes.push(await receivePart(part.body, transfer, study, log));
    }
  }
  return outcomes;
}

async function receivePart(
  body: AsyncIterable<Buffer>,
  transfer: Transfer,
  study: string | undefined,
  log: Log,
): Promise<PartOutcome> {
  const incoming = await transfer.receiveFile();
  try {
    await takeBody(incoming, body);
  } catch (error) {
    // The body broke off or is no multipart: the whole request has failed, not this part alone.
    await incoming.discard();
    throw error;
  }
  try {
    return { receipt: await transfer.finish(incoming, study) };
  } catch (error) {
    if (error instanceof VoxgateError) {
      log.warn({ code: error.code, reason: error.message }, 'an object was refused');
      return { failure: error };
    }
    log.error({ error: error instanceof Error ? error.stack : String(error) }, 'an object could not be stored');
    return { failure: undefined };
  }
}

async function takeBody(incoming: IncomingInstance, body: AsyncIterable<Buffer>): Promise<void> {
  for await (const piece of body) {
    const wait = incoming.write(piece);
    if (wait) await wait;
  }
}

/** PS3.18 Table 10.5.3-1: all stored 200; some, or with warnings 202; none 409, or 503 where trying again may help. */
function statusOf(outcomes: readonly PartOutcome[]): number {
  const stored = outcomes.filter((outcome) => 'receipt' in outcome);
  if (stored.length === 0)
    return outcomes.some((outcome) => 'failure' in outcome && outcome.failure?.code === 'out-of-resources') ? 503 : 409;
  return stored.length === outcomes.length && stored.every(({ receipt }) => warningOf(receipt) === undefined)
    ? 200
    : 202;
}

function warningOf(receipt: Receipt): number | undefined {
  if (receipt.outcome === 'conflict') return WARNING_KEPT_APART;
  return receipt.complete ? undefined : WARNING_INCOMPLETE;
}

/** The Store Instances Response Module (PS3.18 Table 10.5.3-2). */
function describe(outcomes: readonly PartOutcome[], root: string, study: string | undefined) {
  const referenced: Fields[] = [];
  const failed: Fields[] = [];
  const others: Fields[] = [];
  const studies = new Set<string>();
  for (const outcome of outcomes) {
    if ('receipt' in outcome) {
      const { receipt } = outcome;
      studies.add(receipt.studyInstanceUid);
      const warning = warningOf(receipt);
      referenced.push({
        ReferencedSOPClassUID: receipt.sopClassUid,
        ReferencedSOPInstanceUID: receipt.sopInstanceUid,
        RetrieveURL: retrieveUrl(root, receipt),
        ...(warning === undefined ? {} : { WarningReason: warning }),
      });
    } else {
      const FailureReason = outcome.failure ? FAILURE_REASON[outcome.failure.code] : PROCESSING_FAILURE;
      const { sopClassUid, sopInstanceUid } = outcome.failure?.subject ?? {};
      if (sopClassUid && sopInstanceUid)
        failed.push({ ReferencedSOPClassUID: sopClassUid, ReferencedSOPInstanceUID: sopInstanceUid, FailureReason });
      else
        others.push({
          FailureReason,
          ...(outcome.failure ? { ErrorComment: outcome.failure.message.slice(0, 64) } : {}),
        });
    }
  }
  const [only] = studies.size === 1 ? studies : [study];
  return dataset({
    ...(only === undefined ? {} : { RetrieveURL: retrieveUrl(root, { studyInstanceUid: only }) }),
    ...(referenced.length > 0 ? { ReferencedSOPSequence: referenced } : {}),
    ...(failed.length > 0 ? { FailedSOPSequence: failed } : {}),
    ...(others.length > 0 ? { OtherFailuresSequence: others } : {}),
  });
}
