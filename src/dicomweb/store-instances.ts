import type { Request, Response } from 'express';
import type { IncomingInstance, Receipt } from '../archive/receive-instance.ts';
import type { Transfer } from '../archive/transfer.ts';
import { includesType, type MediaType, parseMediaType } from '../dicom/media-types.ts';
import { boundaryOf, readMultipart } from '../dicom/multipart.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import { acceptJson } from './accept.ts';
import { placeOf, rootOf } from './addresses.ts';
import { RETRY_AFTER_SECONDS } from './errors.ts';
import type { DicomwebParts } from './router.ts';
import { type PartOutcome, statusOf, storeResponse } from './store-response.ts';

/**
 * STOW-RS (PS3.18 10.5) of PS3.10 files: multipart, or one file as the whole body. Each part goes to disk as it comes;
 * one that is refused spares the others.
 */
export async function storeInstances(
  { archive, log }: DicomwebParts,
  request: Request,
  response: Response,
): Promise<void> {
  const type = acceptJson(request);
  const root = rootOf(request);
  const { studyInstanceUid } = placeOf(request);
  const contentType = contentTypeOf(request);
  const transfer = archive.ingest.begin();
  // Destroying the request when the reading ends early would take the connection from the answer.
  const body = request.iterator({ destroyOnReturn: false });
  let outcomes: PartOutcome[];
  try {
    outcomes = hasBody(request)
      ? await receiveParts(contentType, body, { transfer, study: studyInstanceUid, log })
      : [];
  } finally {
    await body.return?.();
    request.resume();
    // What is stored is stored: without this its series is settled later, after the longer quiet time.
    await transfer
      .end()
      .catch((error: unknown) =>
        log.error({ reason: sentenceOf(error) }, 'the end of a STOW request was not recorded'),
      );
  }
  if (outcomes.length === 0) throw new VoxgateError('bad-request', 'the request carries no DICOM object');
  const status = statusOf(outcomes);
  if (status === 503) response.setHeader('retry-after', RETRY_AFTER_SECONDS);
  response.status(status).setHeader('content-type', type);
  response.end(JSON.stringify(storeResponse(outcomes, root)));
}

function hasBody({ headers }: Request): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

/** @throws VoxgateError unsupported-media-type for what is neither a file nor a multipart of files */
function contentTypeOf(request: Request): MediaType {
  const encoding = request.headers['content-encoding'] ?? 'identity';
  if (encoding !== 'identity')
    throw new VoxgateError('unsupported-media-type', 'STOW-RS takes no Content-Encoding: send the files as they are');
  const contentType = parseMediaType(request.headers['content-type'] ?? '');
  if (contentType.type === 'application/dicom') return contentType;
  const root = contentType.parameters['type']?.toLowerCase() ?? 'application/dicom';
  if (contentType.type === 'multipart/related' && includesType(root, 'application/dicom')) return contentType;
  throw new VoxgateError(
    'unsupported-media-type',
    'STOW-RS takes multipart/related; type="application/dicom", or application/dicom',
  );
}

interface Store {
  readonly transfer: Transfer;
  /** The only study the objects may belong to, where the path names one. */
  readonly study: string | undefined;
  readonly log: Log;
}

/**
 * What became of each part.
 * @throws VoxgateError bad-request, too-large where the body broke off or is no multipart before anything was stored;
 *   later it is a failure beside what was stored, because that stays
 */
async function receiveParts(contentType: MediaType, request: AsyncIterable<Buffer>, store: Store) {
  const outcomes: PartOutcome[] = [];
  const body = pieces(request);
  if (contentType.type === 'application/dicom') {
    outcomes.push(await receivePart(body, store));
    return outcomes;
  }
  try {
    for await (const part of readMultipart(body, boundaryOf(contentType))) {
      const partType = part.headers.get('content-type');
      outcomes.push(
        partType === undefined || isDicom(partType)
          ? await receivePart(part.body, store)
          : { failure: new VoxgateError('unsupported-media-type', 'a part is not application/dicom') },
      );
    }
  } catch (error) {
    const someStored = outcomes.some((outcome) => 'receipt' in outcome);
    if (!someStored || !(error instanceof VoxgateError)) throw error;
    outcomes.push(refused(error, store.log));
  }
  return outcomes;
}

function isDicom(partType: string): boolean {
  try {
    return includesType(parseMediaType(partType).type, 'application/dicom');
  } catch {
    return false;
  }
}

/** @throws VoxgateError bad-request when the client leaves before the end of its body: no fault of ours */
async function* pieces(request: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* request;
  } catch (cause) {
    throw new VoxgateError('bad-request', `the body broke off: ${sentenceOf(cause)}`, { cause });
  }
}

/** @throws VoxgateError where the body broke off: the whole request has failed, not this part alone */
async function receivePart(body: AsyncIterable<Buffer>, { transfer, study, log }: Store): Promise<PartOutcome> {
  let incoming: IncomingInstance;
  try {
    incoming = await transfer.receiveFile();
  } catch (error) {
    return refused(error, log);
  }
  try {
    const unwritten = await writeBody(incoming, body);
    if (unwritten !== undefined) {
      await incoming.discard();
      return refused(unwritten, log);
    }
  } catch (error) {
    await incoming.discard();
    throw error;
  }
  try {
    return { receipt: remarked(await transfer.finish(incoming, study), log) };
  } catch (error) {
    return refused(error, log);
  }
}

/** Returns what kept the disk from taking it; the rest of the part is then passed over. Throws what the reading throws. */
async function writeBody(incoming: IncomingInstance, body: AsyncIterable<Buffer>): Promise<unknown> {
  for await (const piece of body) {
    try {
      const wait = incoming.write(piece);
      if (wait) await wait;
    } catch (error) {
      return error ?? new Error('the disk refused');
    }
  }
  return undefined;
}

function remarked(receipt: Receipt, log: Log): Receipt {
  const { sopInstanceUid, outcome, warnings } = receipt;
  if (outcome === 'conflict')
    log.warn({ sopInstanceUid }, 'an object with a known SOP Instance UID and other content is kept apart');
  else if (warnings.length > 0) log.warn({ sopInstanceUid, warnings }, 'an object was stored with warnings');
  return receipt;
}

function refused(error: unknown, log: Log): PartOutcome {
  if (error instanceof VoxgateError) {
    log.warn({ code: error.code, reason: error.message }, 'an object was refused');
    return { failure: error };
  }
  log.error({ error: error instanceof Error ? error.stack : String(error) }, 'an object could not be stored');
  return { failure: undefined };
}
