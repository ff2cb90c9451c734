import type { Request, Response } from 'express';
import { includesType, type MediaType, parseMediaType } from '../dicom/media-types.ts';
import { boundaryOf, readMultipart } from '../dicom/multipart.ts';
import { sentenceOf, VoxgateError } from '../errors.ts';
import { choose, REPRESENTATIONS } from './accept.ts';
import { placeOf, rootOf } from './addresses.ts';
import { RETRY_AFTER_SECONDS } from './errors.ts';
import { JSON_TYPES, XML_TYPES } from './metadata-part.ts';
import { ACCEPTED_CODINGS, bodyOf, checkCoding, hasBody } from './request-body.ts';
import type { DicomwebParts } from './router.ts';
import { sendModel } from './send-model.ts';
import { refused, type Store, storeFile } from './store-file.ts';
import { MetadataUpload } from './store-metadata.ts';
import { type PartOutcome, statusOf, storeResponse, warningsOf } from './store-response.ts';

/**
 * STOW-RS (PS3.18 10.5): PS3.10 files, or metadata in JSON or XML with their bulk data; multipart, or one of them as the
 * whole body. Each part goes to disk as it comes; one that is refused spares the others.
 */
export async function storeInstances(parts: DicomwebParts, request: Request, response: Response): Promise<void> {
  const { archive, memory, limits, log } = parts;
  choose(request, REPRESENTATIONS.model);
  const root = rootOf(request);
  const { studyInstanceUid } = placeOf(request);
  const form = formOf(request, response);
  const transfer = archive.ingest.begin('received', { source: `STOW-RS@${request.socket.remoteAddress ?? ''}` });
  const store = { transfer, study: studyInstanceUid, memory, log };
  const body = bodyOf(request, limits);
  let outcomes: readonly PartOutcome[];
  let end: 'released' | 'cut' = 'cut';
  try {
    outcomes = hasBody(request) ? await form(body, store, `${root}/studies`) : [];
    end = 'released';
  } finally {
    // A multipart reader that gives up leaves its source as it is.
    await body.return();
    // What is stored is stored: without this its series is settled later, after the longer quiet time.
    await transfer
      .end(end)
      .catch((error: unknown) =>
        log.error({ reason: sentenceOf(error) }, 'the end of a STOW request was not recorded'),
      );
  }
  if (outcomes.length === 0) throw new VoxgateError('bad-request', 'the request carries no DICOM object');
  const status = statusOf(outcomes);
  if (status === 503) response.setHeader('retry-after', RETRY_AFTER_SECONDS);
  const warnings = warningsOf(outcomes);
  if (warnings.length > 0) response.setHeader('warning', warnings);
  await sendModel(request, response, storeResponse(outcomes, root), { status });
}

/** Takes a body of one form; throws where all of it is broken. */
type Form = (body: AsyncIterable<Buffer>, store: Store, base: string) => Promise<readonly PartOutcome[]>;

/** @throws VoxgateError unsupported-media-type for a body that is not taken (PS3.18 Table 10.5.1-1) */
function formOf(request: Request, response: Response): Form {
  try {
    checkCoding(request);
  } catch (error) {
    response.setHeader('accept-encoding', ACCEPTED_CODINGS);
    throw error;
  }
  const contentType = parseMediaType(request.headers['content-type'] ?? '');
  const { type, parameters } = contentType;
  if (type === 'application/dicom') return async (body, store) => [await storeFile(body, store)];
  if (type === 'application/dicom+json' || type === 'application/dicom+xml') return metadataAlone(contentType);
  const rootType = parameters['type']?.toLowerCase() ?? 'application/dicom';
  if (type === 'multipart/related') {
    if (includesType(rootType, 'application/dicom')) return files(boundaryOf(contentType));
    if ([...JSON_TYPES, ...XML_TYPES].includes(rootType)) return metadata(boundaryOf(contentType), rootType);
  }
  throw new VoxgateError(
    'unsupported-media-type',
    'STOW-RS takes application/dicom, application/dicom+json or application/dicom+xml, alone or as the type of multipart/related',
  );
}

/**
 * What became of each part: a body that broke off, or is no multipart, is an error where nothing was stored before; later
 * it is a failure beside what was stored, because that stays.
 */
async function unlessStored(
  run: () => Promise<void>,
  outcomes: () => readonly PartOutcome[],
  store: Store,
): Promise<PartOutcome[]> {
  try {
    await run();
  } catch (error) {
    const someStored = outcomes().some((outcome) => 'receipt' in outcome);
    if (!someStored || !(error instanceof VoxgateError)) throw error;
    return [...outcomes(), refused(error, store.log)];
  }
  return [...outcomes()];
}

function files(boundary: string): Form {
  return (body, store) => {
    const outcomes: PartOutcome[] = [];
    const run = async (): Promise<void> => {
      for await (const part of readMultipart(body, boundary)) {
        const partType = part.headers.get('content-type');
        outcomes.push(
          partType === undefined || isDicom(partType)
            ? await storeFile(part.body, store)
            : refused(new VoxgateError('unsupported-media-type', 'a part is not application/dicom'), store.log),
        );
      }
    };
    return unlessStored(run, () => outcomes, store);
  };
}

function metadata(boundary: string, rootType: string): Form {
  return async (body, store, base) => {
    const upload = new MetadataUpload(store, base);
    try {
      const run = async (): Promise<void> => {
        for await (const part of readMultipart(body, boundary)) await upload.take(part, rootType);
        await upload.end();
      };
      return await unlessStored(run, () => upload.outcomes, store);
    } finally {
      await upload.close();
    }
  };
}

function metadataAlone(mediaType: MediaType): Form {
  return async (body, store, base) => {
    const upload = new MetadataUpload(store, base);
    try {
      await upload.takeMetadata(body, mediaType);
      return await upload.end();
    } finally {
      await upload.close();
    }
  };
}

function isDicom(partType: string): boolean {
  try {
    return includesType(parseMediaType(partType).type, 'application/dicom');
  } catch {
    return false;
  }
}
