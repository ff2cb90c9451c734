import type { Request, Response } from 'express';
import { MOST_ANSWERS } from '../archive/archive.ts';
import { qidoAnswer } from '../archive/query-answer.ts';
import { dataset } from '../dicom/build.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { type QueryLevel, queryFromParameters } from '../dicom/query.ts';
import { acceptJson } from './accept.ts';
import { placeOf, retrieveUrl, rootOf } from './addresses.ts';
import type { DicomwebParts } from './router.ts';

/** QIDO-RS (PS3.18 10.6) at one level; the path may narrow it to a study or series. */
export function searchTransaction(level: QueryLevel) {
  return async ({ archive }: DicomwebParts, request: Request, response: Response): Promise<void> => {
    const type = acceptJson(request.headers.accept);
    const { studyInstanceUid: study, seriesInstanceUid: series } = placeOf(request);
    const parameters = new URL(request.originalUrl, 'http://localhost').searchParams;
    const query = queryFromParameters(level, parameters, {
      ...(study ? { study } : {}),
      ...(series ? { series } : {}),
    });
    const found = await archive.find(query);
    const root = rootOf(request);
    const warnings = query.ignored.map((name) => `parameter ${name} is not an attribute and was ignored`);
    if (query.fuzzy) warnings.push('fuzzymatching is not supported; names were matched without case and accents');
    if (found.length === MOST_ANSWERS)
      warnings.push(`at most ${MOST_ANSWERS} answers are given at once; ask for more with offset`);
    if (warnings.length > 0)
      response.setHeader('warning', warnings.map((warning) => `299 voxgate "${printable(warning)}"`).join(', '));
    const answers = found.map(
      (one): JsonDataset => ({ ...qidoAnswer(one, query), ...dataset({ RetrieveURL: retrieveUrl(root, one) }) }),
    );
    response.setHeader('content-type', type);
    response.end(JSON.stringify(answers.map(sorted)));
  };
}

function sorted(answer: JsonDataset): JsonDataset {
  return Object.fromEntries(Object.entries(answer).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A header holds no quotes, control signs or letters beyond ASCII of a client's making. */
function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]|["\\]/g, '?').slice(0, 200);
}
