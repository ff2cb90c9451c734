import type { Request, Response } from 'express';
import { readAskedInstances } from '../archive/commitment-request.ts';
import { responseModule } from '../archive/commitment-result.ts';
import type { JsonDataset } from '../dicom/dataset.ts';
import { parseMediaType } from '../dicom/media-types.ts';
import { isUsableAsUid } from '../dicom/uid.ts';
import { VoxgateError } from '../errors.ts';
import { acceptJson } from './accept.ts';
import { type BodyLimits, wholeBody } from './request-body.ts';
import type { DicomwebParts } from './router.ts';

/** A client that asks for a few instances has its result in the answer; the others come back for it. */
const DONE_WITHIN_MS = 2000;
const COME_BACK_AFTER_SECONDS = '2';
/** As for DIMSE: a request of 100,000 instances is about 16 MB. */
const LARGEST_BODY = 24 * 1024 * 1024;
const JSON_TYPES = ['application/dicom+json', 'application/json'];

/** Request of storage commitment (PS3.18 13.4): 200 with the result, or 202 while it is looked at. */
export async function requestCommitment(
  { commitments, limits }: DicomwebParts,
  request: Request,
  response: Response,
): Promise<void> {
  const type = acceptJson(request);
  const transactionUid = transactionOf(request);
  const asked = readAskedInstances(await readBody(request, limits));
  const id = await commitments.request(transactionUid, asked, { door: 'dicomweb', aeTitle: '' });
  await commitments.verifiedWithin(id, DONE_WITHIN_MS);
  await sendResult(commitments, response, id, type);
}

/** Result check (PS3.18 13.5). */
export async function checkCommitment(
  { commitments }: DicomwebParts,
  request: Request,
  response: Response,
): Promise<void> {
  const type = acceptJson(request);
  const id = await commitments.find(transactionOf(request));
  if (id === undefined) throw new VoxgateError('not-found', 'no commitment was requested by that Transaction UID');
  await sendResult(commitments, response, id, type);
}

async function sendResult(
  commitments: DicomwebParts['commitments'],
  response: Response,
  id: number,
  type: string,
): Promise<void> {
  const result = await commitments.result(id);
  if (result) response.setHeader('content-type', type).end(JSON.stringify(responseModule(result)));
  else response.status(202).setHeader('retry-after', COME_BACK_AFTER_SECONDS).end();
}

function transactionOf(request: Request): string {
  const { transaction } = request.params;
  if (typeof transaction !== 'string' || !isUsableAsUid(transaction))
    throw new VoxgateError('bad-request', 'the Transaction UID in the path is not a UID (PS3.5 9.1)');
  return transaction;
}

/** The one data set of the body (PS3.18 8.7.3); some clients put it into a list, as search answers are. */
async function readBody(request: Request, limits: BodyLimits): Promise<JsonDataset> {
  const { type } = parseMediaType(request.headers['content-type'] ?? 'application/dicom+json');
  if (!JSON_TYPES.includes(type))
    throw new VoxgateError('unsupported-media-type', `a commitment request is ${JSON_TYPES[0]}`);
  const parsed = parseJson((await wholeBody(request, limits, LARGEST_BODY)).toString('utf8'));
  const dataSet: unknown = Array.isArray(parsed) && parsed.length === 1 ? parsed[0] : parsed;
  if (!isDataset(dataSet)) throw new VoxgateError('bad-request', 'the body is not one DICOM JSON data set');
  return dataSet;
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new VoxgateError('bad-request', 'the body is not JSON', { cause });
  }
}

/** Study, series, SOP class, instance: a request has no deeper item. */
const DEEPEST_ITEM = 8;

/** Whether it is built as PS3.18 F.2 says, so far as it is read here: tags with a VR, and items of sequences. */
function isDataset(value: unknown, depth = 0): value is JsonDataset {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || depth > DEEPEST_ITEM) return false;
  return Object.entries(value).every(([tag, element]) => /^[0-9A-F]{8}$/.test(tag) && isElement(element, depth));
}

function isElement(element: unknown, depth: number): boolean {
  if (typeof element !== 'object' || element === null || !('vr' in element)) return false;
  const values: unknown = 'Value' in element ? element.Value : [];
  if (!Array.isArray(values)) return false;
  return element.vr !== 'SQ' || values.every((item) => isDataset(item, depth + 1));
}
