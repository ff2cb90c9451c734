import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Request, Response } from 'express';
import { type Found, type Listed, MOST_ANSWERS } from '../archive/archive.ts';
import { qidoAnswers, unmatchedKeys } from '../archive/qido-answer.ts';
import type { Query, QueryLevel } from '../dicom/query.ts';
import { queryFromParameters } from '../dicom/query-parameters.ts';
import { VoxgateError } from '../errors.ts';
import { parametersOf, placeOf, retrieveUrl, rootOf, withBulkAddresses } from './addresses.ts';
import type { DicomwebParts } from './router.ts';
import { callerOf, cursorOf, nextPage } from './search-pages.ts';
import { acceptModel, sendModels } from './send-model.ts';

/** Other requests are let in between. */
const ANSWERS_A_TURN = 50;

/** A viewer has given up before; PostgreSQL is free for who asks with more sense. */
const LONGEST_MS = 30_000;

/**
 * QIDO-RS (PS3.18 10.6) at one level; the path may narrow it to a study or series. No match is 200 with an empty list
 * (10.6.3.1 since CP-2473), which OHIF and dicomweb-client take: what reads JSON needs no second case for 204.
 */
export function searchTransaction(level: QueryLevel) {
  return async ({ archive }: DicomwebParts, request: Request, response: Response): Promise<void> => {
    acceptModel(request);
    const root = rootOf(request);
    const query = queryOf(level, request);
    const left = new AbortController();
    response.once('close', () => {
      if (!response.writableFinished) left.abort(new VoxgateError('bad-request', 'the client has left'));
    });
    const listed = await archive.list(query, {
      caller: callerOf(request),
      after: cursorOf(request, level),
      signal: left.signal,
      longestMs: LONGEST_MS,
    });
    const warnings = warningsOf(query, listed.remaining);
    if (warnings.length > 0)
      response.setHeader('warning', warnings.map((warning) => `299 ${root}: "${printable(warning)}"`).join(', '));
    if (listed.remaining.count > 0) response.setHeader('link', nextPage(request, root, query, listed.next));
    await sendModels(request, response, texts(listed, query, root));
  };
}

/** Parameters that say how to answer, not what to look for (PS3.18 8.3.3). */
const NEGOTIATION = ['accept', 'charset', 'cursor'];

function queryOf(level: QueryLevel, request: Request): Query {
  const { studyInstanceUid: study, seriesInstanceUid: series } = placeOf(request);
  const parameters = parametersOf(request);
  for (const name of NEGOTIATION) parameters.delete(name);
  return queryFromParameters(level, parameters, { ...(study ? { study } : {}), ...(series ? { series } : {}) });
}

async function* texts({ answers }: Listed, query: Query, root: string): AsyncGenerator<string> {
  const answerTo = qidoAnswers(query);
  let sent = 0;
  for await (const found of answers) {
    sent += 1;
    if (sent % ANSWERS_A_TURN === 0) await nextTurn();
    yield answerText(found, answerTo, root);
  }
}

function answerText(found: Found, answerTo: ReturnType<typeof qidoAnswers>, root: string): string {
  // a patient is no resource that can be retrieved
  if (found.level === 'patient') return answerTo(found, undefined);
  const url = retrieveUrl(root, found.row);
  const text = answerTo(found, url);
  return found.row.own === undefined ? text : withBulkAddresses(text, url);
}

function warningsOf(query: Query, { count, isAtLeast }: Listed['remaining']): string[] {
  const warnings: string[] = [];
  // the sentence of 8.3.4.4.1, where the number is known
  if (count > 0 && !isAtLeast) warnings.push(`There are ${count} additional results that can be requested`);
  if (isAtLeast) warnings.push(`There are at least ${count} additional results that can be requested`);
  if (count > 0 && (query.limit ?? MOST_ANSWERS + 1) > MOST_ANSWERS)
    warnings.push(`at most ${MOST_ANSWERS} answers are given at once; ask for more with offset`);
  warnings.push(...query.ignored.map((name) => `parameter ${name} is not an attribute and was ignored`));
  for (const name of unmatchedKeys(query))
    warnings.push(`${name} cannot be matched at the ${query.level} level and was ignored`);
  return warnings.slice(0, MOST_WARNINGS);
}

/** A header has its limits, and a client can name any number of parameters. */
const MOST_WARNINGS = 10;

/** A header holds no quotes, control signs or letters beyond ASCII of a client's making. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]|["\\]/g, '?').slice(0, 200);
}
