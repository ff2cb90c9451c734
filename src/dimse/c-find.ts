import type { Archive } from '../archive/archive.ts';
import { findAnswer } from '../archive/query-answer.ts';
import { dataset } from '../dicom/build.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { bufferSource, parseDataSet } from '../dicom/parse.ts';
import { queryFromIdentifier } from '../dicom/query.ts';
import { encodeDataSet } from '../dicom/write.ts';
import { VoxgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import { CFindResponse, Dataset, type FindRequest, Status } from './library.ts';
import { comment } from './store-status.ts';

type FindResponse = InstanceType<typeof CFindResponse>;

export interface FindExchange {
  readonly archive: Archive;
  readonly request: FindRequest;
  /** The identifier as it came. */
  readonly identifier: Buffer;
  readonly transferSyntaxUid: string;
  readonly retrieveAeTitle: string;
  readonly log: Log;
  send(response: FindResponse): void;
}

/** Statuses of a C-FIND response (PS3.4 Table C.4-1). */
const IDENTIFIER_DOES_NOT_MATCH = 0xa900;
const UNABLE_TO_PROCESS = 0xc000;

/** C-FIND (PS3.4 C.4.1): one pending response a match, then the final one. */
export async function answerFind({
  archive,
  request,
  identifier,
  transferSyntaxUid,
  retrieveAeTitle,
  log,
  send,
}: FindExchange): Promise<void> {
  try {
    const keys = parseDataSet(bufferSource(identifier), { transferSyntaxUid }).dataset;
    const found = await archive.find(queryFromIdentifier(keys));
    for (const one of found) send(pending(request, findAnswer(one, keys, retrieveAeTitle), transferSyntaxUid));
    send(final(request, Status.Success));
  } catch (error) {
    const known = error instanceof VoxgateError;
    if (!known) log.error({ error: error instanceof Error ? error.stack : String(error) }, 'a query failed');
    const status = known && error.code === 'bad-request' ? IDENTIFIER_DOES_NOT_MATCH : UNABLE_TO_PROCESS;
    send(final(request, status, known ? error.message : 'internal error; see the log of this node'));
  }
}

function pending(request: FindRequest, answer: JsonDataset, transferSyntaxUid: string): FindResponse {
  const response = final(request, Status.Pending);
  // The answers carry any name there is, so they are in UTF-8 and always say so.
  const encoded = encodeDataSet(
    { ...dataset({ SpecificCharacterSet: 'ISO_IR 192' }), ...answer },
    { transferSyntaxUid },
  );
  response.setDataset(new EncodedIdentifier(encoded, transferSyntaxUid));
  return response;
}

function final(request: FindRequest, status: number, sentence?: string): FindResponse {
  const response = CFindResponse.fromRequest(request);
  response.setAffectedSopClassUid(request.getAffectedSopClassUid());
  response.setStatus(status);
  if (sentence !== undefined) response.setErrorComment(comment(sentence));
  return response;
}

/** An identifier that is already encoded: the library would write it anew, and copy its whole dictionary to do so. */
class EncodedIdentifier extends Dataset {
  readonly #bytes: Buffer;
  constructor(bytes: Buffer, transferSyntaxUid: string) {
    super({}, transferSyntaxUid);
    this.#bytes = bytes;
  }
  override getDenaturalizedDataset(): Buffer {
    return this.#bytes;
  }
}
