import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Request, Response } from 'express';
import { MOST_ANSWERS } from '../archive/archive.ts';
import { type Answered, qidoAnswer, unmatchedKeys } from '../archive/query-answer.ts';
import { dataset } from '../dicom/build.ts';
import { jsonText } from '../dicom/json-text.ts';
import { type Query, type QueryLevel, queryFromParameters } from '../dicom/query.ts';
import { acceptJson } from './accept.ts';
import { parametersOf, placeOf, retrieveUrl, rootOf, withBulkAddresses } from './addresses.ts';
import type { DicomwebParts } from './router.ts';
import { sendPiece } from './send-body.ts';

/** Other requests are let in between. */
const ANSWERS_A_TURN = 50;

/**
 * QIDO-RS (PS3.18 10.6) at one level; the path may narrow it to a study or series. No match is 200 with an empty list,
 * as CP-2473 has it and OHIF and dicomweb-client take it: what reads JSON needs no second case for 204.
 */
export function searchTransaction(level: QueryLevel) {
  return async ({ archive }: DicomwebParts, request: Request, response: Response): Promise<void> => {
    const type = acceptJson(request);
    const root = rootOf(request);
    const query = queryOf(level, request);
    const found = await archive.find(query);
    const warnings = warningsOf(query, found.length);
    if (warnings.length > 0)
      response.setHeader('warning', warnings.map((warning) => `299 voxgate "${printable(warning)}"`).join(', '));
    response.setHeader('content-type', type);
    let sent = 0;
    for await (const one of level === 'instance' ? archive.withOwnAttributes(found) : found) {
      if (sent % ANSWERS_A_TURN === ANSWERS_A_TURN - 1) await nextTurn();
      await sendPiece(response, Buffer.from((sent === 0 ? '[' : ',') + answerText(one, query, root)));
      sent += 1;
    }
    response.end(found.length === 0 ? '[]' : ']');
  };
}

/** Parameters that say how to answer, not what to look for (PS3.18 8.3.3). */
const NEGOTIATION = ['accept', 'charset'];

function queryOf(level: QueryLevel, request: Request): Query {
  const { studyInstanceUid: study, seriesInstanceUid: series } = placeOf(request);
  const parameters = parametersOf(request);
  for (const name of NEGOTIATION) parameters.delete(name);
  return queryFromParameters(level, parameters, { ...(study ? { study } : {}), ...(series ? { series } : {}) });
}

function answerText(found: Answered, query: Query, root: string): string {
  const url = retrieveUrl(root, found);
  return withBulkAddresses(jsonText({ ...qidoAnswer(found, query), ...dataset({ RetrieveURL: url }) }), url);
}

function warningsOf(query: Query, answers: number): string[] {
  const warnings = query.ignored.map((name) => `parameter ${name} is not an attribute and was ignored`);
  for (const name of unmatchedKeys(query))
    warnings.push(`${name} cannot be matched at the ${query.level} level and was ignored`);
  if (answers === MOST_ANSWERS)
    warnings.push(`at most ${MOST_ANSWERS} answers are given at once; ask for more with offset`);
  return warnings.slice(0, MOST_WARNINGS);
}

/** A header has its limits, and a client can name any number of parameters. */
const MOST_WARNINGS = 10;

/** A header holds no quotes, control signs or letters beyond ASCII of a client's making. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]|["\\]/g, '?').slice(0, 200);
}
