import type { ErrorRequestHandler, Response } from 'express';
import { type ErrorCode, VoxgateError } from '../errors.ts';
import type { Log } from '../log.ts';

/** HTTP status of each error (PS3.18 8.5). */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  'not-dicom': 400,
  unidentifiable: 409,
  mismatch: 409,
  'unsupported-object': 409,
  'bad-request': 400,
  'not-found': 404,
  'not-acceptable': 406,
  'unsupported-media-type': 415,
  'too-large': 413,
  'out-of-resources': 503,
  'not-a-volume': 500,
  undecodable: 406,
  'bad-model': 500,
  'inference-failed': 500,
  'bad-result': 500,
  'peer-failed': 502,
  'bad-setting': 500,
};

const RETRY_AFTER_SECONDS = '30';

export function answerError(response: Response, error: unknown, log: Log): void {
  const known = error instanceof VoxgateError;
  if (!known) log.error({ error: error instanceof Error ? error.stack : String(error) }, 'a DICOMweb request failed');
  // The answer has begun: what is left is to break it off, so that nobody takes it for whole.
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const status = known ? STATUS[error.code] : 500;
  if (status === 503) response.setHeader('retry-after', RETRY_AFTER_SECONDS);
  response.status(status).json({ error: known ? error.message : 'an internal error; see the log of this node' });
}

/** Last in line: every error of a handler ends here. */
export function errorHandler(log: Log): ErrorRequestHandler {
  return (error, _request, response, _next) => answerError(response, error, log);
}
