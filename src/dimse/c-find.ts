import type { Archive } from '../archive/archive.ts';
import { findAnswer } from '../archive/query-answer.ts';
import { dataset } from '../dicom/build.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { bufferSource, parseDataSet } from '../dicom/parse.ts';
import { queryFromIdentifier } from '../dicom/query.ts';
import { encodeDataSet } from '../dicom/write.ts';
import { VoxgateError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Answer } from './command-set.ts';
import { Status } from './library.ts';
import { comment } from './store-status.ts';

export interface FindExchange {
  readonly archive: Archive;
  /** The identifier as it came. */
  readonly identifier: Buffer;
  readonly transferSyntaxUid: string;
  readonly retrieveAeTitle: string;
  readonly log: Log;
  send(answer: Answer): void;
}

/** Statuses of a C-FIND response (PS3.4 Table C.4-1). */
const IDENTIFIER_DOES_NOT_MATCH = 0xa900;
const UNABLE_TO_PROCESS = 0xc000;

/** C-FIND (PS3.4 C.4.1): one pending response a match, then the final one. */
export async function answerFind({
  archive,
  identifier,
  transferSyntaxUid,
  retrieveAeTitle,
  log,
  send,
}: FindExchange): Promise<void> {
  try {
    const keys = parseDataSet(bufferSource(identifier), { transferSyntaxUid }).dataset;
    const found = await archive.find(queryFromIdentifier(keys));
    for (const one of found) send(pending(findAnswer(one, keys, retrieveAeTitle), transferSyntaxUid));
    send({ status: Status.Success });
  } catch (error) {
    const known = error instanceof VoxgateError;
    if (!known) log.error({ error: error instanceof Error ? error.stack : String(error) }, 'a query failed');
    const status = known && error.code === 'bad-request' ? IDENTIFIER_DOES_NOT_MATCH : UNABLE_TO_PROCESS;
    send({ status, comment: comment(known ? error.message : 'internal error; see the log of this node') });
  }
}

/** The answers carry any name there is, so they are in UTF-8 and always say so. */
function pending(answer: JsonDataset, transferSyntaxUid: string): Answer {
  const identifier = { ...dataset({ SpecificCharacterSet: 'ISO_IR 192' }), ...answer };
  return { status: Status.Pending, dataSet: encodeDataSet(identifier, { transferSyntaxUid }) };
}
