import type { Archive } from '../../archive/archive.ts';
import { findAnswers } from '../../archive/query-answer.ts';
import { type FindModel, queryFromIdentifier } from '../../dicom/find-identifier.ts';
import { answerFindNegotiation, findOptions } from '../../dicom/find-negotiation.ts';
import { bufferSource, parseDataSet } from '../../dicom/parse.ts';
import { PATIENT_ROOT_FIND, PATIENT_STUDY_ONLY_FIND, STUDY_ROOT_FIND } from '../../dicom/sop-classes.ts';
import { encodeDataSet } from '../../dicom/write.ts';
import { VoxgateError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { Service, ServiceRequest } from '../service.ts';
import { comment } from '../store-status.ts';

export interface FindParts {
  readonly archive: Archive;
  readonly retrieveAeTitle: string;
  readonly log: Log;
}

/** Statuses of a C-FIND response (PS3.4 Table C.4-1). */
const SUCCESS = 0x0000;
const PENDING = 0xff00;
const CANCELLED = 0xfe00;
const IDENTIFIER_DOES_NOT_MATCH = 0xa900;
const UNABLE_TO_PROCESS = 0xc000;

const MODELS: ReadonlyMap<string, FindModel> = new Map([
  [PATIENT_ROOT_FIND, 'patient'],
  [STUDY_ROOT_FIND, 'study'],
  [PATIENT_STUDY_ONLY_FIND, 'patient-study-only'],
]);

/** C-FIND (PS3.4 C.4.1): one pending response a match, then the final one. */
export function findService(parts: FindParts): Service {
  return {
    sopClasses: [...MODELS.keys()],
    requests: ['C-FIND-RQ'],
    agree: (_sopClassUid, proposed) => answerFindNegotiation(proposed),
    perform: (request) => answerFind(parts, request),
  };
}

async function answerFind({ archive, retrieveAeTitle, log }: FindParts, request: ServiceRequest): Promise<void> {
  const { dataSet, transferSyntaxUid, abstractSyntaxUid, association, signal } = request;
  try {
    // Read by our own reader: the library cannot read every character set.
    const identifier = parseDataSet(bufferSource(dataSet ?? Buffer.alloc(0)), { transferSyntaxUid });
    const { dataset: keys, characterSet } = identifier;
    const options = findOptions(MODELS.get(abstractSyntaxUid) ?? 'patient', association.agreed(abstractSyntaxUid));
    const query = queryFromIdentifier(keys, options);
    const answerTo = findAnswers(keys, query, retrieveAeTitle);
    for await (const one of archive.findEach(query, signal)) {
      if (signal.aborted) break;
      await request.respond({ status: PENDING }, encodeDataSet(answerTo(one), { transferSyntaxUid, characterSet }));
    }
    if (signal.aborted) return await request.respond({ status: CANCELLED });
    await request.respond({ status: SUCCESS });
  } catch (error) {
    if (signal.aborted) return await request.respond({ status: CANCELLED });
    const known = error instanceof VoxgateError;
    if (!known) log.error({ error: error instanceof Error ? error.stack : String(error) }, 'a query failed');
    const status = known && error.code === 'bad-request' ? IDENTIFIER_DOES_NOT_MATCH : UNABLE_TO_PROCESS;
    const errorComment = comment(known ? error.message : 'internal error; see the log of this node');
    await request.respond({ status, errorComment });
  }
}
